// Tells clients that cache what they have read (CLIENT TRACKING) what has changed. A session is told once of a key that it has read,
// and then not again until it reads the key anew; one in the mode `bcast` hears of every key with its prefixes.
//
// The keyspace tells of every change, however it came about. Messages wait until the command that caused them is over, the whole
// transaction if it is part of one: they never stand in the middle of a reply, and a client's own come behind it. Those of `bcast`
// wait until the end of the turn of the event loop, and name a key once.
//
// Invariants: the keyspace is watched for this exactly while a session tracks; a session is in the set of a prefix exactly if the
// prefix is in the session's own list; keys are remembered up to a limit, beyond which their readers are told as if they had changed.

import type { Context } from '../commands/context.ts'
import type { Clients, KeyTracking } from '../facade/call.ts'
import { extractKeys } from '../facade/commands/keys.ts'
import { NAME_BYTES_MAX, type Session, type Tracking } from '../facade/session.ts'
import { type Command, FLAG_READONLY, FLAG_RUNS_SCRIPT } from '../facade/table.ts'
import { equalBytes } from '../lib/bytes.ts'
import type { Random } from '../lib/prng.ts'
import type { Args } from '../protocol/args.ts'
import { encodeRequest } from '../protocol/writer.ts'
import type { HashKey } from '../store/hash.ts'
import type { ScriptRun } from './script-run.ts'
import { TrackedKeys } from './tracked-keys.ts'

/** What tracking is built from. */
export interface TrackingParts {
  readonly clients: () => Pick<Clients, 'byId'>
  readonly hashKey: HashKey
  readonly random: Random
  /** The most keys that are remembered; 0 for no limit. */
  readonly keysMax: () => number
  /** Whether changes of keys are of interest. */
  readonly onWatching: (on: boolean) => void
  /** Calls at the end of this turn of the event loop. */
  readonly endOfTurn: (run: () => void) => void
}

/** What has changed of a prefix in this turn, and who wants to hear of it. */
interface Broadcast {
  readonly prefix: Buffer
  readonly sessions: Set<Session>
  /** Keys in latin1, and who changed each of them last. */
  readonly keys: Map<string, Session | undefined>
}

/** A message under way. */
interface Message {
  readonly to: Session
  readonly bytes: Buffer
}

/** Keys to forget at once when there are too many, times the number of rounds in a row in which that was not enough. */
const EFFORT = 100

const PUSH_HEAD = Buffer.from('>2\r\n$10\r\ninvalidate\r\n')
const MESSAGE_HEAD = Buffer.from('*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n')
const NULL_RESP2 = Buffer.from('*-1\r\n')
const NULL_RESP3 = Buffer.from('_\r\n')

/** The tracking of a server. */
export class ClientTracking implements KeyTracking {
  /** Whether any session tracks. */
  on = false
  private readonly parts: TrackingParts
  private readonly sessions = new Set<Session>()
  private readonly broadcasts = new Map<string, Broadcast>()
  private readonly keys: TrackedKeys
  /** The session whose command is being run. */
  private running: Session | undefined
  private messages: Message[] = []
  /** `deliverAll` will be called at the end of this turn. */
  private scheduled = false
  private roundsOverLimit = 0
  /** Among the messages under way is one for each session that says that all keys have changed. */
  private allTold = false

  constructor(parts: TrackingParts) {
    this.parts = parts
    this.keys = new TrackedKeys(parts.hashKey)
  }

  /** For INFO: sessions that track, keys remembered, pairs of key and session, prefixes. */
  get counts(): { clients: number; keys: number; items: number; prefixes: number } {
    const { sessions, keys, broadcasts } = this
    return { clients: sessions.size, keys: keys.size, items: keys.items, prefixes: broadcasts.size }
  }

  /** Bytes of memory of the keys that are remembered. */
  get heldBytes(): number {
    return this.keys.usedBytes
  }

  enable(session: Session, tracking: Tracking): void {
    session.tracking = tracking
    this.sessions.add(session)
    for (const name of tracking.prefixes) {
      const prefix = Buffer.from(name, 'latin1')
      const known = this.broadcasts.get(name) ?? { prefix, sessions: new Set<Session>(), keys: new Map() }
      this.broadcasts.set(name, known)
      known.sessions.add(session)
    }
    this.setOn(true)
  }

  /** Keys that the session has read are forgotten when they change: to look for them all would take long. */
  disable(session: Session): void {
    for (const name of session.tracking?.prefixes ?? []) {
      const broadcast = this.broadcasts.get(name)!
      broadcast.sessions.delete(session)
      if (broadcast.sessions.size === 0) this.broadcasts.delete(name)
    }
    session.tracking = undefined
    this.sessions.delete(session)
    if (this.sessions.size > 0) return
    this.keys.clear()
    this.setOn(false)
  }

  // ---- around commands ----

  /** A command of the session begins. */
  begin(session: Session): void {
    this.trim()
    this.running = session
  }

  /** The session has read the keys of a command: if it is one that reads, and the session wants to hear of them. */
  read(session: Session, command: Command<Context>, args: Args): void {
    const { tracking } = session
    const reads = (command.flags & (FLAG_READONLY | FLAG_RUNS_SCRIPT)) === FLAG_READONLY
    if (tracking === undefined || !reads || !caches(tracking)) return
    for (const { index } of extractKeys(command.spec, args) ?? []) {
      this.keys.add(args.buffer, args.start(index), args.end(index), session.id)
    }
  }

  /** A script has called a command that reads: all keys that it was given count as read. */
  readByScript({ caller, trackedKeys }: ScriptRun): void {
    if (caller.tracking === undefined || !caches(caller.tracking)) return
    for (const key of trackedKeys) this.keys.add(key, 0, key.length, caller.id)
  }

  /** The command, or the whole transaction, is over and its reply written: who is to hear of what it did hears of it. */
  end(session: Session, command: Command<Context>): void {
    this.running = undefined
    this.forgetCaching(session, command)
    if (this.messages.length !== 0) this.deliver()
  }

  /** What CLIENT CACHING said of the next command holds up to here, or for the transaction that it began. */
  forgetCaching(session: Session, command: Command<Context>): void {
    const { tracking } = session
    if (tracking === undefined || !tracking.caching || session.transaction !== undefined) return
    if (command.parent?.spec.name !== 'client') tracking.caching = false
  }

  /** Forgets keys if too many are remembered; ten times a second, and before each command. */
  trim(): void {
    const { keys, parts } = this
    const max = parts.keysMax()
    if (max === 0 || keys.size <= max) {
      this.roundsOverLimit = 0
      return
    }
    this.roundsOverLimit++
    for (let left = EFFORT * this.roundsOverLimit; left > 0 && keys.size > max; left--) {
      const key = keys.sample(parts.random)
      this.tellReaders(key, 0, key.length)
    }
    this.deliver()
  }

  /** Keys were evicted before a command: who has read them hears of it before the reply. */
  evicted(): void {
    if (this.messages.length !== 0) this.deliver()
  }

  // ---- what the keyspace tells ----

  /** The key in bytes [start, end) has changed. */
  modified(bytes: Uint8Array, start: number, end: number): void {
    if (this.broadcasts.size !== 0) this.broadcastLater(bytes, start, end, this.running)
    this.tellReaders(bytes, start, end)
  }

  /** The key was deleted because its time was over, which is nobody's doing. */
  expired(key: Buffer): void {
    if (this.broadcasts.size !== 0) this.broadcastLater(key, 0, key.length, undefined)
  }

  /** All keys of a database, or of each, are about to be other ones: sessions do not tell databases apart. */
  flushing(): void {
    this.keys.clear()
    if (this.allTold) return
    this.allTold = true
    for (const session of this.sessions) this.tell(session, undefined)
  }

  // ---- messages ----

  private tellReaders(bytes: Uint8Array, start: number, end: number): void {
    const ids = this.keys.take(bytes, start, end)
    if (ids.length === 0) return
    const keys = encodeRequest([bytes.subarray(start, end)])
    const clients = this.parts.clients()
    for (const id of ids) {
      const session = clients.byId(id)
      // What is remembered may be from a time when it tracked in another way.
      if (session?.tracking === undefined || session.tracking.mode === 'bcast') continue
      if (session.tracking.noLoop && session === this.running) continue
      this.tell(session, keys)
    }
  }

  private broadcastLater(bytes: Uint8Array, start: number, end: number, author: Session | undefined): void {
    const length = end - start
    if (length > NAME_BYTES_MAX) return this.flushing()
    for (const { prefix, keys } of this.broadcasts.values()) {
      if (prefix.length > length || !equalBytes(bytes, start, prefix, 0, prefix.length)) continue
      keys.set(Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1'), author)
      this.deliverSoon()
    }
  }

  /** Tells a session that keys (an array of the protocol; undefined: all keys) have changed; the session it redirects to, if it does. */
  private tell(session: Session, keys: Buffer | undefined): void {
    const tracking = session.tracking!
    const to = tracking.redirect === 0 ? session : this.parts.clients().byId(tracking.redirect)
    if (to === undefined || to.closing) {
      tracking.broken = true
      if (session.resp === 3) this.send(session, brokenRedirect(tracking.redirect))
    } else if (to.resp === 3) {
      this.send(to, Buffer.concat([PUSH_HEAD, keys ?? NULL_RESP3]))
    } else if (to !== session && to.subscriptions > 0) {
      this.send(to, Buffer.concat([MESSAGE_HEAD, keys ?? NULL_RESP2]))
    }
  }

  private send(to: Session, bytes: Buffer): void {
    this.messages.push({ to, bytes })
    if (this.running === undefined) this.deliverSoon()
  }

  private deliver(): void {
    const { messages } = this
    this.messages = []
    this.allTold = false
    for (const { to, bytes } of messages) to.outlet.send(bytes)
  }

  private deliverSoon(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.parts.endOfTurn(this.deliverAll)
  }

  private readonly deliverAll = (): void => {
    this.scheduled = false
    for (const broadcast of this.broadcasts.values()) this.broadcast(broadcast)
    this.deliver()
  }

  private broadcast({ sessions, keys }: Broadcast): void {
    if (keys.size === 0) return
    const all = encodeKeys([...keys.keys()])
    for (const session of sessions) {
      if (!session.tracking!.noLoop) this.tell(session, all)
      else {
        const others = [...keys].filter(([, author]) => author !== session)
        if (others.length > 0) this.tell(session, encodeKeys(others.map(([key]) => key)))
      }
    }
    keys.clear()
  }

  private setOn(on: boolean): void {
    if (this.on === on) return
    this.on = on
    this.parts.onWatching(on)
  }
}

/** Whether the session wants to hear of the keys of the command that it sends now. */
function caches({ mode, caching }: Tracking): boolean {
  if (mode === 'optin') return caching
  return mode === 'optout' ? !caching : mode === 'all'
}

function encodeKeys(keys: readonly string[]): Buffer {
  return encodeRequest(keys.map((key) => Buffer.from(key, 'latin1')))
}

function brokenRedirect(id: number): Buffer {
  return Buffer.from(`>2\r\n$21\r\ntracking-redir-broken\r\n:${id}\r\n`)
}
