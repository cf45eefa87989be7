// Raft, carried out: the pure node of raft/ with its disk, its timer and its messages. Invariant: what a message
// promises is on disk before it leaves, and an entry is applied only after it was given out as committed.
import type { StateStore } from '../io/state/store.ts'
import type { Random } from '../lib/prng.ts'
import { decodeMessage, encodeMessage } from '../raft/codec.ts'
import { raftConfig } from '../raft/config.ts'
import type { Message, Ready } from '../raft/messages.ts'
import { bootstrap, createRaft, type Persisted, type RaftStatus } from '../raft/node.ts'
import type { MemberChange, RaftView } from '../sentinel/effects.ts'
import type { FormedGroup } from '../sentinel/formation.ts'

export interface ConsensusOptions {
  readonly group: FormedGroup
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
  /** The disk failed: nothing may be promised any more. */
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
  /** Makes durable how far the log is committed: a restarted node then knows at once what it knew, before it hears a leader. */
  remember(): void
  /** Hands leadership to another voter, before a planned stop. */
  handOver(): void
  stop(): void
}

/** Entries after which the log is replaced by a snapshot; and bytes, besides twice those of the last snapshot. */
const COMPACT_ENTRIES = 1_000
const COMPACT_BYTES = 1 << 20

/** Starts the Raft node of this sentinel, from what its store holds. */
export function startConsensus(options: ConsensusOptions): Consensus {
  const { group, self, store, nowMs } = options
  const electionTimeoutMinMs = options.electionTimeoutMs
  const config = raftConfig({
    group: group.id,
    id: self,
    electionTimeoutMinMs,
    electionTimeoutMaxMs: electionTimeoutMinMs * 2,
    heartbeatMs: Math.max(1, Math.min(options.heartbeatMs, Math.floor(electionTimeoutMinMs / 3))),
  })
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

  function pump(): void {
    if (pumping || stopped) return
    pumping = true
    try {
      for (let ready = raft.ready(); ready !== undefined && !stopped; ready = raft.ready()) carryOut(ready)
      compactIfLong()
    } catch (error) {
      stop()
      options.onFatal(error as Error)
      return
    } finally {
      pumping = false
    }
    arm()
    tellChange()
  }

  function carryOut(ready: Ready): void {
    send(ready.eagerMessages)
    const { snapshot, entries, hardState } = ready
    if (snapshot !== undefined || entries.length > 0 || hardState !== undefined)
      store.save({ snapshot, entries, hardState }, ready.mustSync)
    send(ready.messages)
    if (snapshot !== undefined) options.onRestore(snapshot.data)
    for (const entry of ready.committed)
      if (entry.kind === 'normal') options.onCommitted(entry.data, entry.index <= knownCommit)
    raft.advance()
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
    const { term, leader, membership } = raft.status()
    const now = `${term} ${leader} ${raft.isLeader(nowMs())} ${membership.voters.join()} ${membership.learners.join()}`
    if (now === seen) return
    seen = now
    options.onChange()
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
      raft.tick(nowMs())
      raft.step(message, nowMs())
      pump()
      return true
    },
    propose(data) {
      proposed = typeof raft.propose(data) === 'object' || proposed
    },
    flush() {
      if (!proposed) return
      proposed = false
      pump()
    },
    changeMembers(change) {
      raft.proposeConfChange(change)
      pump()
    },
    view() {
      const { term, leader, membership } = raft.status()
      return { term, leader, isLeader: raft.isLeader(nowMs()), ...membership }
    },
    status: () => raft.status(),
    isLeader: () => raft.isLeader(nowMs()),
    peerUp() {
      if (group.members[0] !== self || raft.status().leader !== undefined) return
      raft.campaign()
      pump()
    },
    remember() {
      const { hardState } = store.state
      if (stopped || hardState === undefined) return
      try {
        store.save({ hardState }, true)
      } catch (error) {
        stop()
        options.onFatal(error as Error)
      }
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
