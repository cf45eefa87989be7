// This server's lease: takes the words of sentinels, and tells the gate whether writes may be taken. How a lease is counted
// is in lease/holder.ts; here is what follows from it for clients.
//
//   no lease needed ──first lease, or promoted by sentinels──▶ held ⇄ waiting ──patience is over──▶ lost
//                                                               ▲                                     │
//                                                               └───────── a majority grants ─────────┘
//
// While it waits writes wait: a new primary gets its first lease, and one that stood still its next one, within a few
// milliseconds if it is still wanted. When it is lost writes are refused with READONLY, on which clients look for the primary anew,
// and who waits for keys or for copies is cut off: nobody knows what became of that.
//
// Invariants: no reply to a write leaves without a lease: it is asked for again when the replies of a turn leave, for the process
// may have stood still since. In `sync` a reply leaves only when enough of the replicas named in the terms have the write.
// A word counts only if it is signed with the group's key, which the first sentinel to speak gave us. Another key is taken
// only when the sentinels of the former have been silent for long, or this server needs no lease: so who merely reaches the port
// can neither give a lease nor keep one from being given.
import { createHmac } from 'node:crypto'
import type { Context } from '../commands/context.ts'
import { fail } from '../errors.ts'
import type { Session } from '../facade/session.ts'
import { monotonicMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import { sameSecret } from '../io/secrets.ts'
import { ask, beginTenure, createHolder, endTenure, hear, mayWrite, needsLease, release } from '../lease/holder.ts'
import { decodeWord, type Terms } from '../lease/terms.ts'
import { type AttachedReplica, offsetOfCopies } from '../replication/attached.ts'
import type { ServerParts } from './parts.ts'

/** How long writes wait for the first lease of a tenure… */
const FIRST_PATIENCE_MS = 5_000
/** …and for the next one after the lease ran out. */
const PATIENCE_MS = 300
/** The sentinels of a key that were silent for so long may have been replaced by others. */
const SILENT_MS = 10_000
const KEY = /^[0-9a-f]{64}$/
/** All replies may leave. */
const EVERYTHING = Number.MAX_SAFE_INTEGER

/** What is remembered of leases between two starts. */
export interface LeaseMemory {
  readonly key: string
  readonly bound: boolean
  readonly terms: Terms | undefined
}

export type LeaseState = 'free' | 'standby' | 'held' | 'waiting' | 'lost'

export interface ServerLease {
  /** REPLCONF vedette-lease and vedette-enlist; false for any other. */
  replconf(ctx: Context): boolean
  /** This server is primary from now on; by an operator's word it needs no lease. */
  becamePrimary(byOperator: boolean): void
  becameReplica(): void
  /** Whether sentinels say when this server may take writes, as primary or once it is one. */
  bound(): boolean
  /** Whether writes need a lease. */
  needed(): boolean
  /** Brings the gate up to date: before each batch of requests, and ten times a second. */
  check(): void
  /** Replies are about to leave. */
  beforeReplies(): void
  /** The session wrote up to this offset of the stream: its replies wait for copies, if they have to. */
  wrote(session: Session, offset: number): void
  /** A replica has acknowledged. */
  acknowledged(replicas: readonly AttachedReplica[]): void
  /** Fields of INFO's section Replication. */
  facts(): [name: string, value: string | number][]
}

export interface LeaseParts {
  readonly server: ServerParts
  /** Makes writes wait, or lets them go on. */
  readonly hold: (on: boolean) => void
  readonly replicas: () => readonly AttachedReplica[]
  readonly offset: () => number
}

/** The lease of a server, as it was remembered. */
export function createLease({ server, hold, replicas, offset }: LeaseParts): ServerLease {
  const { log, clients, engine, roleMemory } = server
  const { gate } = engine
  const remembered = roleMemory.atStart.lease
  const holder = createHolder(remembered?.bound ?? false, remembered?.terms)
  let key = remembered?.key ?? ''
  let heardMs = monotonicMs()
  let waitingSinceMs: number | undefined
  let isFirst = true
  let expiries = 0
  let seenChanges = 0
  let waitsForCopies = false

  const remember = (): void => {
    if (key !== '') roleMemory.setLease({ key, bound: holder.bound, terms: holder.terms })
  }

  // ---- words ----

  const take = (text: string, signature: string): void => {
    const isSigned =
      key !== '' && sameSecret(signature, createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest('hex'))
    if (!isSigned) fail('leaseKey')
    const word = decodeWord(text)
    if (word === undefined) fail('leaseWord')
    const nowMs = monotonicMs()
    heardMs = nowMs
    hear(holder, word, nowMs)
    remember()
    check()
  }

  const enlist = (given: string): void => {
    if (!KEY.test(given)) fail('leaseWord')
    if (given === key) return
    if (holder.bound && monotonicMs() - heardMs < SILENT_MS) fail('leaseTaken')
    key = given
    // Other sentinels count their terms anew. Whoever is bound stays so until they free it.
    holder.terms = undefined
    remember()
    log.notice('Sentinels have enlisted this server: it takes its leases from them')
  }

  // ---- the gate ----

  const leaseState = (): LeaseState => {
    if (!holder.bound) return 'free'
    if (holder.tenure === '') return 'standby'
    if (gate.leaseLost) return 'lost'
    return mayWrite(holder, monotonicMs()) ? 'held' : 'waiting'
  }

  const check = (): void => {
    const nowMs = monotonicMs()
    gate.leased = needsLease(holder)
    if (!mayWrite(holder, nowMs)) return wait(nowMs)
    if (waitingSinceMs !== undefined) resume()
    if (gate.leased) isFirst = false
    setCopies()
  }

  const wait = (nowMs: number): void => {
    if (waitingSinceMs === undefined) {
      waitingSinceMs = nowMs
      if (!isFirst) expiries++
      log.notice(
        isFirst
          ? 'Writes wait until a majority of the sentinels has granted a lease'
          : 'The lease has run out: writes wait',
      )
      hold(true)
    } else if (!gate.leaseLost && nowMs - waitingSinceMs > (isFirst ? FIRST_PATIENCE_MS : PATIENCE_MS)) lose()
  }

  const lose = (): void => {
    log.warning('No majority of the sentinels has granted a lease: writes are refused until one has')
    gate.leaseLost = true
    hold(false)
    engine.dismissWaiting()
    clients.dropWaiting()
  }

  const resume = (): void => {
    log.notice(
      needsLease(holder) ? 'A majority of the sentinels has granted a lease: writes go on' : 'Writes need no lease',
    )
    waitingSinceMs = undefined
    gate.leaseLost = false
    hold(false)
  }

  // ---- copies ----

  const setCopies = (): void => {
    const { held } = holder
    const waits = held?.mode === 'sync'
    gate.copiesMissing = waits && offsetOfCopies(replicas(), held.replicas, held.copies) < 0
    if (waits === waitsForCopies) return
    waitsForCopies = waits
    if (waits) clients.restartPositions(offset())
    else clients.release(EVERYTHING)
  }

  const begin = (byOperator: boolean): void => {
    if (byOperator) release(holder)
    beginTenure(holder, randomHex(16))
    isFirst = true
    // What it took as a replica were no writes of clients.
    seenChanges = engine.stats.changes
    remember()
    check()
  }

  return {
    replconf(ctx) {
      const { args, reply } = ctx
      if (args.count === 4 && args.is(1, 'vedette-lease')) {
        take(args.str(2), args.latin1(3))
        const { tenure, seq } = ask(holder, monotonicMs())
        reply.array(3)
        reply.bulkText(tenure)
        reply.int(seq)
        reply.int(Math.floor(Math.max(0, holder.untilMs - monotonicMs())))
        return true
      }
      if (args.count !== 3 || !args.is(1, 'vedette-enlist')) return false
      enlist(args.latin1(2))
      reply.ok()
      return true
    },
    becamePrimary: begin,
    becameReplica() {
      endTenure(holder)
      clients.dropWaiting()
      check()
    },
    bound: () => holder.bound,
    needed: () => needsLease(holder),
    check,
    beforeReplies() {
      const wrote = engine.stats.changes !== seenChanges
      seenChanges = engine.stats.changes
      if (!gate.leased || !wrote) return
      if (mayWrite(holder, monotonicMs())) return
      log.warning('The lease ran out while writes were being carried out: their connections are closed without a reply')
      clients.abandonReplies()
    },
    wrote(session, position) {
      if (waitsForCopies) session.replyPosition = position
    },
    acknowledged(all) {
      const { held } = holder
      if (!waitsForCopies || held === undefined) return
      const copied = offsetOfCopies(all, held.replicas, held.copies)
      if (copied > clients.released && mayWrite(holder, monotonicMs())) clients.release(copied)
    },
    facts: () => [
      ['write_mode', holder.bound ? (holder.terms?.mode ?? 'lease') : 'async'],
      ['lease_state', leaseState()],
      [
        'lease_remaining_ms',
        Math.floor(Math.max(0, Number.isFinite(holder.untilMs) ? holder.untilMs - monotonicMs() : 0)),
      ],
      ['lease_expiries', expiries],
      ['lease_version', holder.held?.version ?? 0],
    ],
  }
}
