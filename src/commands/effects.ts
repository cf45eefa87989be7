// What a command did, as values: what to replicate and which keyspace events to publish. Commands fill this in; the engine
// carries it out in one place when the command is done.

import { EVENT_CLASSES } from '../config/special-values.ts'

/** Classes of keyspace events, as the bits of the option `notify-keyspace-events`. */
export const NOTIFY_KEYSPACE = EVENT_CLASSES.K
export const NOTIFY_KEYEVENT = EVENT_CLASSES.E
export const NOTIFY_GENERIC = EVENT_CLASSES.g
export const NOTIFY_STRING = EVENT_CLASSES.$
export const NOTIFY_LIST = EVENT_CLASSES.l
export const NOTIFY_SET = EVENT_CLASSES.s
export const NOTIFY_HASH = EVENT_CLASSES.h
export const NOTIFY_ZSET = EVENT_CLASSES.z
export const NOTIFY_EXPIRED = EVENT_CLASSES.x
export const NOTIFY_EVICTED = EVENT_CLASSES.e
export const NOTIFY_STREAM = EVENT_CLASSES.t
export const NOTIFY_KEY_MISS = EVENT_CLASSES.m
export const NOTIFY_MODULE = EVENT_CLASSES.d
export const NOTIFY_NEW = EVENT_CLASSES.n

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
  private readonly isHeard: () => boolean
  /** Number of changes made: a command that made none is not replicated. */
  dirty = 0
  /** Elements that the command went over, where its reply does not tell. */
  visited = 0
  /** Event classes that are switched on (`notify-keyspace-events`); 0 if none. */
  notifyMask = 0
  /** Keys that the server deleted by itself, expired or evicted: replicated as DEL before the command itself. */
  readonly dropped: { db: number; key: Buffer }[] = []
  /** Fields that were found expired and deleted, as HDEL: replicated before the command itself, too. */
  readonly expiredFields: { db: number; argv: Argv }[] = []
  /** What to replicate in place of the command as it was sent; undefined: the command itself, if `dirty`. */
  rewritten: Argv[] | undefined
  readonly events: KeyspaceEvent[] = []

  /** `isHeard`: whether what is replicated goes anywhere. */
  constructor(isHeard: () => boolean) {
    this.isHeard = isHeard
  }

  /**
   * Whether anybody hears of what is replicated. If nobody does `replicate` says nothing, and a command need not put together
   * what it would say: that was half of an XADD (measured, Node 20).
   */
  get heard(): boolean {
    return this.isHeard()
  }

  /** Replicates this instead of the command as it was sent; several calls replicate several commands. */
  replicate(...argv: Argv): void {
    this.replicateList(argv)
  }

  /** The same for a list that may be longer than the arguments of a call can be. */
  replicateList(argv: Argv): void {
    if (!this.heard) return
    this.rewritten ??= []
    this.rewritten.push(argv)
  }

  /** Publishes a keyspace event for the key in bytes [start, end), if its class is switched on. */
  notify(db: number, type: number, event: string, bytes: Uint8Array, start = 0, end = bytes.length): void {
    if ((this.notifyMask & type) === 0) return
    this.events.push({ db, type, event, key: Buffer.from(bytes.subarray(start, end)) })
  }

  /** Whether replicas have nothing to hear of. */
  get nothingToReplicate(): boolean {
    const { dirty, rewritten, dropped, expiredFields } = this
    return dirty === 0 && rewritten === undefined && dropped.length === 0 && expiredFields.length === 0
  }

  /** Before a command. */
  reset(): void {
    this.dirty = 0
    this.visited = 0
    this.rewritten = undefined
    if (this.dropped.length !== 0) this.dropped.length = 0
    if (this.expiredFields.length !== 0) this.expiredFields.length = 0
    if (this.events.length !== 0) this.events.length = 0
  }
}
