// A user: whether it may log in and how, and what it may do. Sessions refer to their user, whose rights change in place.
// Invariant: `isFree` holds exactly if one selector allows everything; the gate asks for nothing else then.

import { Selector } from './selector.ts'

/** What the rules of a user say. */
export class Rights {
  on = false
  noPassword = false
  payload: 'unsaid' | 'sanitize' | 'skip' = 'unsaid'
  /** SHA-256 in hex, in the order in which they were added. */
  passwords: readonly string[] = []
  own: Selector
  others: Selector[] = []

  constructor(own: Selector) {
    this.own = own
  }

  get selectors(): readonly Selector[] {
    return [this.own, ...this.others]
  }

  copy(): Rights {
    const copy = new Rights(this.own.copy())
    copy.on = this.on
    copy.noPassword = this.noPassword
    copy.payload = this.payload
    copy.passwords = this.passwords
    copy.others = this.others.map((one) => one.copy())
    return copy
  }
}

export class User {
  /** In latin1, as all names here; `text` is for people. */
  readonly name: string
  readonly text: string
  isFree = false
  private current!: Rights

  constructor(name: string, rights: Rights) {
    this.name = name
    this.text = Buffer.from(name, 'latin1').toString()
    this.rights = rights
  }

  get rights(): Rights {
    return this.current
  }

  set rights(rights: Rights) {
    this.current = rights
    this.isFree = rights.selectors.some((one) => one.isFree)
  }
}

function everything(): Rights {
  const own = new Selector(0, true)
  own.allCommands = true
  own.allKeys = true
  return new Rights(own)
}

/** For whom the server's own commands run: those of its primary and of its log. */
export const SUPERUSER = new User('(superuser)', everything())
