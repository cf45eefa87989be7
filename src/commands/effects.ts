// What a command did, as values: what to replicate and which keyspace events to publish. Commands fill this in; the engine
// carries it out in one place when the command is done.

/** Classes of keyspace events, as bits; the letters are those of `notify-keyspace-events`. */
export const NOTIFY_KEYSPACE = 1 << 0 // K
export const NOTIFY_KEYEVENT = 1 << 1 // E
export const NOTIFY_GENERIC = 1 << 2 // g
export const NOTIFY_STRING = 1 << 3 // $
export const NOTIFY_LIST = 1 << 4 // l
export const NOTIFY_SET = 1 << 5 // s
export const NOTIFY_HASH = 1 << 6 // h
export const NOTIFY_ZSET = 1 << 7 // z
export const NOTIFY_EXPIRED = 1 << 8 // x
export const NOTIFY_EVICTED = 1 << 9 // e
export const NOTIFY_STREAM = 1 << 10 // t
export const NOTIFY_KEY_MISS = 1 << 11 // m
export const NOTIFY_MODULE = 1 << 12 // d
export const NOTIFY_NEW = 1 << 13 // n

/** A command in the form in which it is replicated. */
export type Argv = readonly (string | Uint8Array)[]

/** A keyspace event. */
export interface KeyspaceEvent {
  readonly db: number
  readonly type: number
  readonly event: string
  readonly key: Buffer
}

/** The effects of the command being run. */
export class Effects {
  /** Number of changes made: a command that made none is not replicated. */
  dirty = 0
  /** Event classes that are switched on (`notify-keyspace-events`); 0 if none. */
  notifyMask = 0
  /** Keys that were found expired and deleted: replicated as DEL before the command itself. */
  readonly expired: { db: number; key: Buffer }[] = []
  /** What to replicate in place of the command as it was sent; undefined: the command itself, if `dirty`. */
  rewritten: Argv[] | undefined
  readonly events: KeyspaceEvent[] = []

  /** Replicates this instead of the command as it was sent; several calls replicate several commands. */
  replicate(...argv: Argv): void {
    if (this.rewritten === undefined) this.rewritten = []
    this.rewritten.push(argv)
  }

  /** Replicates nothing, whatever was changed. */
  replicateNothing(): void {
    this.rewritten = []
  }

  /** Publishes a keyspace event for the key in bytes [start, end), if its class is switched on. */
  notify(db: number, type: number, event: string, bytes: Uint8Array, start = 0, end = bytes.length): void {
    if ((this.notifyMask & type) === 0) return
    this.events.push({ db, type, event, key: Buffer.from(bytes.subarray(start, end)) })
  }

  /** Before a command. */
  reset(): void {
    this.dirty = 0
    this.rewritten = undefined
    if (this.expired.length !== 0) this.expired.length = 0
    if (this.events.length !== 0) this.events.length = 0
  }
}
