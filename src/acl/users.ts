// The users of a process, by name. Invariants: `default` is always there; a change holds as a whole or not at all; a password is
// compared in a time that does not tell where it differs.

import type { Catalog } from './catalog.ts'
import { describeRights } from './describe.ts'
import { applyRule, hasBlank, joinSelectors, newSelector, PROBLEMS, type Problem, type RuleBook } from './rules.ts'
import { Rights, User } from './user.ts'

/** The sessions of the users. */
export interface UserSessions {
  /** Ends the sessions of a user that is no more. */
  end(user: User): void
  /** The user may use other channels than before: ends the sessions that listen to one that it may not. */
  recheck(user: User): void
}

/** What a line of a file, or a command, makes of a user's rights. */
type Made =
  | { readonly rights: Rights }
  | { readonly rule: string; readonly problem: Problem }
  | { readonly unmatched: string }

export class Users {
  readonly default: User
  readonly catalog: Catalog
  private readonly book: RuleBook
  private readonly sessions: UserSessions
  /** Those of the default user whatever a file of users says. */
  private pinned: readonly string[] | undefined
  private readonly byName = new Map<string, User>()

  constructor(book: RuleBook, sessions: UserSessions) {
    this.book = book
    this.catalog = book.catalog
    this.sessions = sessions
    this.default = new User('default', this.defaultRights())
    this.byName.set('default', this.default)
  }

  get(name: string): User | undefined {
    return this.byName.get(name)
  }

  /** All users, by the bytes of their names. */
  all(): readonly User[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Whether connections have to log in. */
  get asksPassword(): boolean {
    const { noPassword, on } = this.default.rights
    return !noPassword || !on
  }

  /** The user of this name and password; undefined if there is none who may log in with it. */
  authenticate(name: string, password: string): User | undefined {
    const user = this.byName.get(name)
    const given = this.book.hash(password)
    if (user === undefined || !user.rights.on) return undefined
    if (user.rights.noPassword) return user
    let right = false
    for (const known of user.rights.passwords) right = sameText(known, given) || right
    return right ? user : undefined
  }

  /** ACL SETUSER: makes or changes a user. The reason, if a rule is refused. */
  change(name: string, words: readonly string[]): string | undefined {
    const known = this.byName.get(name)
    const made = this.made(known?.rights.copy() ?? new Rights(newSelector(this.book)), words)
    if ('unmatched' in made) return `Unmatched parenthesis in acl selector starting at '${made.unmatched}'.`
    if ('problem' in made) return `Error in ACL SETUSER modifier '${made.rule}': ${PROBLEMS[made.problem]}`
    this.put(name, made.rights)
    return undefined
  }

  /** Removes a user; false if there is none. */
  remove(name: string): boolean {
    const user = this.byName.get(name)
    if (user === undefined || user === this.default) return false
    this.byName.delete(name)
    this.sessions.end(user)
    return true
  }

  /** The default user's only passwords (`requirepass`); none: it needs none. */
  setDefaultPasswords(passwords: readonly string[]): void {
    const rights = this.default.rights.copy()
    rights.noPassword = passwords.length === 0
    rights.passwords = passwords.map((one) => this.book.hash(one))
    this.default.rights = rights
  }

  /** The same for good: a file of users that is loaded later does not change them (`requirepass-file`). */
  pinDefaultPasswords(passwords: readonly string[]): void {
    this.pinned = passwords
    this.setDefaultPasswords(passwords)
  }

  /** A `user` line of a configuration file: the reason, if it is wrong. */
  define(name: string, words: readonly string[]): string | undefined {
    if (hasBlank(name)) return 'Spaces not allowed in ACL usernames'
    const made = this.made(this.blank(name), words)
    if ('unmatched' in made) return `Unmatched parenthesis in acl selector starting at '${made.unmatched}'.`
    if ('problem' in made)
      return `Error loading ACL rule '${made.rule}' for the user named '${name}': ${PROBLEMS[made.problem]}`
    this.put(name, made.rights)
    return undefined
  }

  /**
   * Takes the users of a file in place of those there are; those who are in both keep their sessions. All that is wrong, if anything
   * is: then nothing changes.
   */
  load(text: string, file: string): string | undefined {
    const loaded = new Map<string, Rights>()
    const errors: string[] = []
    text.split('\n').forEach((line, index) => {
      const words = line.split(/[ \t\r]+/).filter((word) => word !== '')
      if (words.length > 0) errors.push(...this.loadLine(words, `${file}:${index + 1}`, index + 1, loaded))
    })
    if (errors.length > 0) {
      errors.push('WARNING: ACL errors detected, no change to the previously active ACL rules was performed')
      return errors.join(' ')
    }
    if (!loaded.has('default')) loaded.set('default', this.defaultRights())
    for (const name of [...this.byName.keys()]) if (!loaded.has(name)) this.remove(name)
    for (const [name, rights] of loaded) this.put(name, rights)
    if (this.pinned !== undefined) this.setDefaultPasswords(this.pinned)
    return undefined
  }

  /** The users as lines of a file. */
  lines(): readonly string[] {
    return this.all().map(({ name, rights }) => `user ${name} ${describeRights(rights, this.catalog)}`)
  }

  /** The lines that a configuration file needs: none if `requirepass` says all there is to say. */
  linesToKeep(): readonly string[] {
    const { passwords } = this.default.rights
    const plain = this.defaultRights()
    plain.passwords = passwords
    plain.noPassword = passwords.length === 0
    const rules = describeRights(this.default.rights, this.catalog)
    const saysAll = passwords.length <= 1 && rules === describeRights(plain, this.catalog)
    return this.byName.size === 1 && saysAll ? [] : this.lines()
  }

  private loadLine(words: readonly string[], at: string, line: number, loaded: Map<string, Rights>): string[] {
    const [keyword, name, ...rules] = words
    if (keyword !== 'user' || name === undefined)
      return [`${at} should start with user keyword followed by the username.`]
    if (hasBlank(name)) return [`'${at}: username '${name}' contains invalid characters.`]
    if (loaded.has(name)) return [`WARNING: Duplicate user '${name}' found on line ${line}.`]
    const made = this.made(new Rights(newSelector(this.book)), rules)
    if ('unmatched' in made) return [`${at}: Unmatched parenthesis in selector definition.`]
    if ('problem' in made) {
      // Of a command's name alone it is certain that it is no secret.
      const what = made.problem === 'unknown' ? `Error in applying operation '${made.rule}': ` : ''
      return [`${at}: ${what}${PROBLEMS[made.problem]}.`]
    }
    loaded.set(name, made.rights)
    return []
  }

  private made(rights: Rights, words: readonly string[]): Made {
    const rules = joinSelectors(words)
    if ('unmatched' in rules) return rules
    for (const rule of rules) {
      const problem = applyRule(rights, rule, this.book)
      if (problem !== undefined) return { rule, problem }
    }
    return { rights }
  }

  private put(name: string, rights: Rights): void {
    const known = this.byName.get(name)
    if (known === undefined) {
      this.byName.set(name, new User(name, rights))
      return
    }
    known.rights = rights
    this.sessions.recheck(known)
  }

  private blank(name: string): Rights {
    const rights = new Rights(newSelector(this.book))
    if (name === 'default') applyRule(rights, 'reset', this.book)
    return rights
  }

  private defaultRights(): Rights {
    const rights = new Rights(newSelector(this.book))
    for (const rule of ['+@all', '~*', '&*', 'on', 'nopass']) applyRule(rights, rule, this.book)
    return rights
  }
}

/** Whether two texts of the same length are equal; each character is looked at. */
function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
