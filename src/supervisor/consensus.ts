// Raft, carried out: the pure node of raft/ with its disk, its timer and its messages. Invariant: what a message
// promises is on disk before it leaves, and an entry is applied only after it was given out as committed.
import type { StateStore } from '../io/state/store.ts'
import { ENTRY_BYTES_MAX, MEMBERS_MAX } from '../lib/limits.ts'
import type { Random } from '../lib/prng.ts'
import { decodeMessage, encodeMessage } from '../raft/codec.ts'
import { raftConfig } from '../raft/config.ts'
import type { Machine } from '../raft/machine.ts'
import type { Message, Ready } from '../raft/messages.ts'
import { bootstrap, createRaft, type Persisted, type RaftStatus, storedLevel } from '../raft/node.ts'
import type { MemberChange, RaftView } from '../sentinel/effects.ts'
import type { FormedGroup } from '../sentinel/formation.ts'

export interface ConsensusOptions {
  readonly group: FormedGroup
  /** What the state machine understands. */
  readonly machine: Machine
  /** Peer ID of this sentinel. */
  readonly self: string
  readonly store: StateStore
  readonly random: Random
  readonly nowMs: () => number
  readonly heartbeatMs: number
  readonly electionTimeoutMs: number
  readonly send: (to: string, raftBytes: Uint8Array) => void
  readonly onCommitted: (data: Uint8Array, replay: boolean) => void
  readonly onRestore: (data: Uint8Array) => void
  /** Leader, term or members may have changed. */
  readonly onChange: () => void
  /** The state machine's state after everything that was applied. */
  readonly snapshot: () => Uint8Array
  /** True when the state machine has taken everything that onCommitted gave it. */
  readonly idle: () => boolean
  /** Leader: a member answered a heartbeat after so long. */
  readonly onRoundTrip?: (from: string, ms: number) => void
  /** What an operator should know: something was refused. */
  readonly onWarning: (text: string) => void
  /** The disk failed, or the log holds what this version does not understand: nothing may be promised any more. */
  readonly onFatal: (error: Error) => void
}

export interface Consensus {
  /** Takes a Raft message's bytes; false when they are none, or not of the peer that sent them. */
  receive(from: string, bytes: Uint8Array): boolean
  /** Appends to the log; `flush` sends it and makes it durable, so that several proposals cost one write. */
  propose(data: Uint8Array): void
  flush(): void
  changeMembers(change: MemberChange): void
  view(): RaftView
  status(): RaftStatus
  /** True while this node certainly leads. */
  isLeader(): boolean
  /** A peer can be reached now: the first founder stands for election at once if there is no leader yet. */
  peerUp(): void
  /** Hands leadership to another voter, before a planned stop. */
  handOver(): void
  stop(): void
}

/** Entries after which the log is replaced by a snapshot; and bytes, besides twice those of the last snapshot. */
const COMPACT_ENTRIES = 1_000
const COMPACT_BYTES = 1 << 20

/** What is said to have taken longer is no answer to anything that was sent. */
const ROUND_TRIP_MAX_MS = 60_000

const REFUSALS = {
  'too-large': `an entry may have ${ENTRY_BYTES_MAX} bytes`,
  'too-new': 'not every sentinel of the group has a version that understands it',
  'too-old': "its version does not understand the group's feature level",
  full: `a group has ${MEMBERS_MAX} members at most`,
} as const

/** A version that does not understand what is stored must not start from it: it would hold another state than the others. */
function refuseNewer(machine: Machine, persisted: Persisted): void {
  const level = storedLevel(persisted)
  if (level > machine.levelMax)
    throw new Error(
      `the state of this sentinel needs feature level ${level}, and this version of Vedette has ${machine.levelMax}: start a newer one`,
    )
  if (persisted.snapshot !== undefined && !machine.canRestore(persisted.snapshot.data))
    throw new Error('the stored snapshot is not understood by this version of Vedette: start the one that wrote it')
}

/** Starts the Raft node of this sentinel, from what its store holds. */
export function startConsensus(options: ConsensusOptions): Consensus {
  const { group, self, store, nowMs, machine } = options
  const electionTimeoutMinMs = options.electionTimeoutMs
  const config = raftConfig({
    group: group.id,
    id: self,
    electionTimeoutMinMs,
    electionTimeoutMaxMs: electionTimeoutMinMs * 2,
    heartbeatMs: Math.max(1, Math.min(options.heartbeatMs, Math.floor(electionTimeoutMinMs / 3))),
    machine,
  })
  refuseNewer(machine, persistedOf(store))
  const founder = group.members.includes(self)
  const fresh = store.state.hardState === undefined && store.state.snapshot === undefined
  if (fresh && founder) store.save({ snapshot: bootstrap(group.members) }, true)
  const knownCommit = store.state.hardState?.commit ?? 0
  const raft = createRaft(config, persistedOf(store), options.random, nowMs())
  if (store.state.snapshot !== undefined) options.onRestore(store.state.snapshot.data)
  let stopped = false
  let pumping = false
  let timer: NodeJS.Timeout | undefined
  let armedForMs = Number.POSITIVE_INFINITY
  let seen = ''
  let proposed = false
  let warnedOf = -1

  function pump(): void {
    if (pumping || stopped) return
    pumping = true
    drain()
  }

  /** Carries out one Ready after the other, until there is none. */
  function drain(): void {
    try {
      for (let ready = raft.ready(); ready !== undefined && !stopped; ready = raft.ready()) {
        send(ready.eagerMessages)
        if (ready.mustSync && ready.eagerMessages.length > 0) return resumeWhenSent(ready)
        carryOut(ready)
      }
      compactIfLong()
    } catch (error) {
      return fail(error)
    }
    pumping = false
    arm()
    warnOfTooNew()
    tellChange()
  }

  function fail(error: unknown): void {
    stop()
    options.onFatal(error as Error)
  }

  /**
   * The others write while this one does. The transport gives bytes to the kernel some microtasks after `send`, and a write to
   * the disk stands in their way for milliseconds: so it waits until they are through (a kill cost a tenth more before).
   */
  function resumeWhenSent(ready: Ready): void {
    setImmediate(() => {
      if (stopped) return
      try {
        carryOut(ready)
      } catch (error) {
        return fail(error)
      }
      drain()
    })
  }

  function carryOut(ready: Ready): void {
    const { snapshot, entries, hardState } = ready
    if (snapshot !== undefined || entries.length > 0 || hardState !== undefined)
      store.save({ snapshot, entries, hardState }, ready.mustSync)
    send(ready.messages)
    if (snapshot !== undefined) options.onRestore(snapshot.data)
    for (const entry of ready.committed) {
      if (entry.kind !== 'normal') continue
      if (machine.levelOf(entry.data) === undefined)
        throw new Error(`entry ${entry.index} of the log is not understood; a newer version of Vedette wrote it`)
      options.onCommitted(entry.data, entry.index <= knownCommit)
    }
    raft.advance()
  }

  /** Says once for each what this sentinel could not take. */
  function warnOfTooNew(): void {
    const { tooNew } = raft.status()
    if (tooNew === undefined || warnedOf === tooNew.index) return
    warnedOf = tooNew.index
    const { kind, index, level } = tooNew
    options.onWarning(
      `This sentinel lags behind: it cannot take the ${kind} ${index} of the log, which needs feature level ${level}, ` +
        `and this version of Vedette has ${machine.levelMax}. It goes on when it is replaced by a newer version.`,
    )
  }

  function send(messages: readonly Message[]): void {
    for (const message of messages) options.send(message.to, encodeMessage(message))
  }

  function compactIfLong(): void {
    const { entries, snapshot } = store.state
    const limitBytes = COMPACT_BYTES + 2 * (snapshot?.data.byteLength ?? 0)
    if ((entries.length < COMPACT_ENTRIES && store.sizeBytes < limitBytes) || !options.idle()) return
    const { appliedIndex } = raft.status()
    if (appliedIndex <= (store.state.snapshot?.index ?? 0)) return
    store.compact(raft.compact(appliedIndex, options.snapshot()))
  }

  function arm(): void {
    const dueMs = raft.deadlineMs()
    if (stopped || (timer !== undefined && dueMs >= armedForMs)) return
    clearTimeout(timer)
    armedForMs = dueMs
    timer = setTimeout(
      () => {
        timer = undefined
        raft.tick(nowMs())
        pump()
        arm()
      },
      Math.max(1, dueMs - nowMs()),
    )
  }

  function tellChange(): void {
    const { term, leader, membership, level } = raft.status()
    const members = `${membership.voters.join()} ${membership.learners.join()}`
    const now = `${term} ${leader} ${raft.isLeader(nowMs())} ${members} ${level}`
    if (now === seen) return
    seen = now
    options.onChange()
  }

  function noteRoundTrip(from: string, ms: number): void {
    if (ms >= 0 && ms <= ROUND_TRIP_MAX_MS) options.onRoundTrip?.(from, ms)
  }

  function stop(): void {
    stopped = true
    clearTimeout(timer)
  }

  pump()
  if (fresh && founder && group.members[0] === self) {
    raft.campaign()
    pump()
  }
  return {
    receive(from, bytes) {
      const message = decodeMessage(bytes)
      if (message === undefined || message.from !== from) return false
      if (message.type === 'heartbeat-reply') noteRoundTrip(from, nowMs() - message.sentMs)
      raft.tick(nowMs())
      raft.step(message, nowMs())
      pump()
      return true
    },
    propose(data) {
      const result = raft.propose(data)
      if (typeof result === 'object') proposed = true
      else if (result === 'too-large' || result === 'too-new')
        options.onWarning(`A proposal of ${data.byteLength} bytes was refused: ${REFUSALS[result]}.`)
    },
    flush() {
      if (!proposed) return
      proposed = false
      pump()
    },
    changeMembers(change) {
      const result = raft.proposeConfChange(change)
      if (result === 'full' || result === 'too-old')
        options.onWarning(`Sentinel ${change.node} was refused as a member: ${REFUSALS[result]}.`)
      pump()
    },
    view() {
      const { term, leader, membership, level } = raft.status()
      return { term, leader, level, isLeader: raft.isLeader(nowMs()), ...membership }
    },
    status: () => raft.status(),
    isLeader: () => raft.isLeader(nowMs()),
    peerUp() {
      if (group.members[0] !== self || raft.status().leader !== undefined) return
      raft.campaign()
      pump()
    },
    handOver() {
      const { peers } = raft.status()
      const best = peers
        .filter(({ voter }) => voter)
        .sort((a, b) => b.matchIndex - a.matchIndex || b.contactMs - a.contactMs)[0]
      if (best !== undefined) raft.transferLeadership(best.id)
      pump()
    },
    stop,
  }
}

function persistedOf(store: StateStore): Persisted {
  const { hardState, snapshot, entries } = store.state
  return {
    ...(hardState === undefined ? {} : { hardState }),
    ...(snapshot === undefined ? {} : { snapshot }),
    entries,
  }
}
