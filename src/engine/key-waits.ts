// Who waits for which keys (BLPOP and its like), and which of these keys have changed. The keyspace tells of every change, however
// it came about (a push, RENAME, RESTORE, COPY, SWAPDB …), so no command has to know of those who wait. Once a command or a
// transaction is over, the engine runs the commands of those whose keys have become ready, in the order in which the keys did,
// and for each key in the order in which they began to wait.
//
// Invariant: the keyspace is watched for this exactly while somebody waits; a key is in the queue at most once.

import type { Context, KeyWait } from '../commands/context.ts'
import { fail } from '../errors.ts'
import { NAME_BYTES_MAX, type Session } from '../facade/session.ts'
import type { Command } from '../facade/table.ts'

/** Somebody who waits. */
export interface Waiter {
  readonly session: Session
  readonly db: number
  readonly wait: KeyWait
  readonly command: Command<Context>
  /** The command as it was sent. */
  readonly argv: readonly Uint8Array[]
  /** The reply, once there is one. */
  answer: Buffer | undefined
}

/** A key that has changed while somebody waits for it. */
export interface ReadyKey {
  readonly db: number
  readonly key: Buffer
}

/** All who wait for keys. */
export class KeyWaits {
  private readonly bySession = new Map<Session, Waiter>()
  private readonly byKey = new Map<string, Set<Waiter>>()
  private readonly queue: ReadyKey[] = []
  private readonly queued = new Set<string>()
  private readonly onWatching: (on: boolean) => void

  /** `onWatching` is told whether changes of keys are of interest. */
  constructor(onWatching: (on: boolean) => void) {
    this.onWatching = onWatching
  }

  /** Whether some key has become ready. */
  get anyReady(): boolean {
    return this.queue.length !== 0
  }

  add(waiter: Waiter): void {
    const { session, db, wait } = waiter
    for (const key of wait.keys) if (key.length > NAME_BYTES_MAX) fail('argumentTooLong')
    this.bySession.set(session, waiter)
    for (const key of wait.keys) {
      const id = idOf(db, key, 0, key.length)
      const waiters = this.byKey.get(id)
      if (waiters === undefined) this.byKey.set(id, new Set([waiter]))
      else waiters.add(waiter)
    }
    this.onWatching(true)
  }

  /** The session does not wait any more. */
  remove(session: Session): void {
    const waiter = this.bySession.get(session)
    if (waiter === undefined) return
    this.bySession.delete(session)
    for (const key of waiter.wait.keys) {
      const id = idOf(waiter.db, key, 0, key.length)
      const waiters = this.byKey.get(id)
      waiters?.delete(waiter)
      if (waiters?.size === 0) this.byKey.delete(id)
    }
    if (this.bySession.size === 0) this.onWatching(false)
  }

  /** All who wait, the longest waiting first. */
  all(): Waiter[] {
    return [...this.bySession.values()]
  }

  /** Those who wait for a key now, the longest waiting first. */
  waitersOf({ db, key }: ReadyKey): Waiter[] {
    return [...(this.byKey.get(idOf(db, key, 0, key.length)) ?? [])]
  }

  /** A key has changed. */
  modified(db: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.byKey.size === 0 || end - start > NAME_BYTES_MAX) return
    const id = idOf(db, bytes, start, end)
    if (!this.byKey.has(id) || this.queued.has(id)) return
    this.queued.add(id)
    this.queue.push({ db, key: Buffer.from(bytes.subarray(start, end)) })
  }

  /** A database was emptied, or another one has taken its place: all keys in it have changed. */
  exchanged(db: number): void {
    for (const waiter of this.bySession.values()) {
      if (waiter.db === db) for (const key of waiter.wait.keys) this.modified(db, key, 0, key.length)
    }
  }

  /** Takes the key that became ready first out of the queue. */
  takeReady(): ReadyKey | undefined {
    const ready = this.queue.shift()
    if (ready !== undefined) this.queued.delete(idOf(ready.db, ready.key, 0, ready.key.length))
    return ready
  }
}

function idOf(db: number, bytes: Uint8Array, start: number, end: number): string {
  return `${db}:${Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')}`
}
