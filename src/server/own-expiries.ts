// Keys with a time to live that clients wrote to a writable replica. A replica leaves what its primary sent to the primary's
// DEL; but nobody sends one for keys that only exist here, so these are remembered by name and removed when their time is
// over, as in Redis. Not replicated to anybody: our replicas follow the primary's stream.
//
// Invariant: a name is here only while the key had an expiry when it was last looked at; they never take more than BYTES_MAX.
import { extractKeys } from '../facade/commands/keys.ts'
import { NAME_BYTES_MAX } from '../facade/session.ts'
import type { Command } from '../facade/table.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import type { Args } from '../protocol/args.ts'

export interface OwnExpiries {
  /** A client's command has changed something in the database: remembers those of its keys that have an expiry. */
  note(command: Command, args: Args, db: number): void
  /** Removes what is over, of a part of the keys. For the engine's `runInternal`. */
  round(): void
  /** All data were replaced, or this is no replica any more. */
  clear(): void
  readonly size: number
}

/** What all names may take, about. Keys beyond it are hidden when their time is over, but stay until the next full sync. */
export const BYTES_MAX = 16 << 20
const NAME_BYTES = 64
/** Keys looked at in one round, of which there are ten a second. */
const KEYS_A_ROUND = 1000

/** None yet. */
export function createOwnExpiries(keyspace: Keyspace): OwnExpiries {
  const names = new Set<string>() // `db:key`, one character a byte
  let bytes = 0

  const add = (name: string): void => {
    if (names.has(name) || bytes + name.length + NAME_BYTES > BYTES_MAX) return
    names.add(name)
    bytes += name.length + NAME_BYTES
  }
  const remove = (name: string): void => {
    if (names.delete(name)) bytes -= name.length + NAME_BYTES
  }

  const note = (command: Command, args: Args, db: number): void => {
    for (const { index } of extractKeys(command.spec, args) ?? []) {
      const { buffer } = args
      const h = keyspace.databases[db].peek(buffer, args.start(index), args.end(index))
      if (h !== 0 && args.len(index) <= NAME_BYTES_MAX && keyspace.databases[db].hasExpiry(h))
        add(`${db}:${args.latin1(index)}`)
    }
  }

  /** Looks at one key; whether it is to be looked at again. */
  const isWaiting = (name: string): boolean => {
    const colon = name.indexOf(':')
    const db = keyspace.databases[Number(name.slice(0, colon))]
    const key = Buffer.from(name.slice(colon + 1), 'latin1')
    const h = db.peek(key, 0, key.length)
    if (h === 0 || !db.hasExpiry(h)) return false
    if (!db.isExpired(h)) return true
    db.find(key, 0, key.length)
    return false
  }

  return {
    note,
    round() {
      if (names.size === 0 || keyspace.expiry !== 'hide' || keyspace.paused) return
      keyspace.expiry = 'delete'
      try {
        let left = Math.min(KEYS_A_ROUND, names.size)
        for (const name of names) {
          if (left-- === 0) return
          remove(name)
          if (isWaiting(name)) add(name) // at the end: the next round looks at others
        }
      } finally {
        keyspace.expiry = 'hide'
      }
    },
    clear() {
      names.clear()
      bytes = 0
    },
    get size() {
      return names.size
    },
  }
}
