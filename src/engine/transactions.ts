// WATCH and EXEC. The keyspace tells of every change of a key (`modified`) and of every database that is emptied or
// exchanged (`flushing`); a session one of whose watched keys changed logically finds its EXEC refused.
//
// A key whose time is over counts as absent before and after its deletion: it breaks a WATCH only if it was still alive
// when WATCH was called. Invariant: the keyspace is watched for this exactly while somebody watches something.

import type { Context, Transactions } from '../commands/context.ts'
import { fail } from '../errors.ts'
import { NAME_BYTES_MAX, namedBytes, type Session } from '../facade/session.ts'
import type { Database } from '../keyspace/database.ts'
import type { Keyspace, KeyspaceHooks } from '../keyspace/keyspace.ts'

/** Somebody's interest in a key. */
interface Watch {
  /** The key was there, but its time was over, when WATCH was called. */
  expired: boolean
}

interface WatchedKey {
  readonly db: number
  readonly key: Buffer
  readonly watches: Map<Session, Watch>
}

/** What runs the commands of a transaction: the engine. */
export interface TransactionRunner {
  readonly keyspace: Keyspace
  /** Brackets the commands that `run` executes, so that they are replicated as one. */
  transaction(run: () => void): void
  /** Runs one queued command for the session of the running EXEC and writes its replies. */
  executeQueued(argv: readonly Buffer[]): void
}

/** Transactions with the two hooks by which the keyspace keeps them informed. */
export type WatchingTransactions = Transactions &
  Pick<KeyspaceHooks, 'flushing'> & {
    /** A key that may be watched has changed. */
    modified(db: Database, bytes: Uint8Array, start: number, end: number): void
  }

/** Whether the key is there, and if its time is over. Deletes nothing. */
function stateOf(db: Database, bytes: Uint8Array, start: number, end: number): 'absent' | 'alive' | 'expired' {
  const h = db.peek(bytes, start, end)
  if (h === 0) return 'absent'
  return db.isExpired(h) ? 'expired' : 'alive'
}

/** The transactions of a server; `engine` is asked for when it is first needed. */
export function createTransactions(engine: () => TransactionRunner): WatchingTransactions {
  const keyspace = (): Keyspace => engine().keyspace
  const watched = new Map<string, WatchedKey>()

  const unwatch = (session: Session): void => {
    session.watchBroken = false
    for (const id of session.watched ?? []) {
      const entry = watched.get(id)!
      entry.watches.delete(session)
      if (entry.watches.size === 0) watched.delete(id)
    }
    session.watched = undefined
    session.watchedBytes = 0
    keyspace().setWatching('transactions', watched.size > 0)
  }

  /** A watched key that was alive at WATCH ran out of time since, deleted or not. */
  const anyExpired = (session: Session): boolean => {
    for (const id of session.watched ?? []) {
      const { db, key, watches } = watched.get(id)!
      if (watches.get(session)!.expired) continue
      if (stateOf(keyspace().databases[db]!, key, 0, key.length) === 'expired') return true
    }
    return false
  }

  return {
    watch: (session, db, key) => {
      if (key.length > NAME_BYTES_MAX) fail('argumentTooLong')
      const id = `${db}:${key.toString('latin1')}`
      session.watched ??= new Set()
      const ids = session.watched
      if (ids.has(id)) return
      ids.add(id)
      session.watchedBytes += namedBytes(key.length)
      const expired = stateOf(keyspace().databases[db]!, key, 0, key.length) === 'expired'
      const entry = watched.get(id) ?? { db, key, watches: new Map<Session, Watch>() }
      entry.watches.set(session, { expired })
      watched.set(id, entry)
      keyspace().setWatching('transactions', true)
    },

    unwatch,

    exec: (ctx: Context) => {
      const { session, reply } = ctx
      const { transaction } = session
      if (transaction === undefined) fail('execWithoutMulti')
      const broken = session.watchBroken || anyExpired(session)
      unwatch(session)
      session.transaction = undefined
      if (transaction.aborted) fail('execAbort')
      if (broken) return reply.nullArray()
      reply.array(transaction.queue.length)
      engine().transaction(() => {
        for (const argv of transaction.queue) engine().executeQueued(argv)
      })
    },

    modified: (db, bytes, start, end) => {
      if (end - start > NAME_BYTES_MAX) return
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
      const entry = watched.get(`${db.index}:${text}`)
      if (entry === undefined) return
      let state: ReturnType<typeof stateOf> | undefined
      for (const [session, watch] of entry.watches) {
        if (watch.expired) {
          state ??= stateOf(db, bytes, start, end)
          if (state !== 'alive') continue
        }
        session.watchBroken = true
      }
    },

    flushing: (db, replacement) => {
      for (const { db: index, key, watches } of watched.values()) {
        if (index !== db.index) continue
        const before = stateOf(db, key, 0, key.length)
        const after = replacement === undefined ? 'absent' : stateOf(replacement, key, 0, key.length)
        if (before === 'absent' && after === 'absent') continue
        for (const [session, watch] of watches) {
          const goneBefore = before === 'absent' || watch.expired
          if (goneBefore && after !== 'alive') watch.expired = after === 'expired'
          else session.watchBroken = true
        }
      }
    },
  }
}
