// A handful of Raft nodes on a desk: every message waits in a line of its pair until someone delivers it, every node has
// a clock of its own and a disk that survives a crash. Shared by the unit tests and the transcripts.

import { seededRandom } from '../../../src/lib/prng.ts'
import { type RaftConfig, raftConfig } from '../../../src/raft/config.ts'
import type { Machine } from '../../../src/raft/machine.ts'
import type { Entry, HardState, Message, NodeId, Ready, Snapshot } from '../../../src/raft/messages.ts'
import { bootstrap, createRaft, type RaftNode } from '../../../src/raft/node.ts'

export const GROUP = 'g'

interface Disk {
  hardState?: HardState
  snapshot?: Snapshot
  entries: Entry[]
}

export interface Member {
  readonly id: NodeId
  raft: RaftNode | undefined
  nowMs: number
  disk: Disk
  /** The state machine: data of the applied normal entries. */
  applied: string[]
  /** Every Ready since the start, for tests that look at the order of duties. */
  readies: Ready[]
}

export interface Cluster {
  readonly members: Map<NodeId, Member>
  /** Messages on their way, oldest first. */
  wire: Message[]
  member(id: NodeId): Member
  raft(id: NodeId): RaftNode
  add(id: NodeId, voters?: readonly NodeId[]): Member
  /** Does what each Ready asks until there is none. */
  pump(id: NodeId): void
  /** Lets a node's clock run, waking it at its deadlines. */
  tick(id: NodeId, ms: number): void
  /** All clocks, delivering everything at each step. */
  run(ms: number): void
  /** Delivers what is on the wire and matches, once; gives how many. */
  deliver(matches?: (message: Message) => boolean): number
  /** Delivers until nothing is under way between connected nodes. */
  settle(): void
  drop(matches: (message: Message) => boolean): number
  step(message: Message): void
  crash(id: NodeId): void
  restart(id: NodeId): void
  /** Makes this node the leader, with everything delivered. */
  elect(id: NodeId): void
  leaders(): NodeId[]
}

export interface ClusterOptions {
  readonly settings?: Partial<RaftConfig>
  /** What a node's version can apply; asked at each start. */
  readonly machine?: (id: NodeId) => Machine
  /** Told of everything a node does, for transcripts. */
  readonly onReady?: (id: NodeId, ready: Ready) => void
  /** A message between these two is lost when sent. */
  readonly cut?: (from: NodeId, to: NodeId) => boolean
}

export const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1')
export const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'))

export function createCluster(voters: readonly NodeId[], options: ClusterOptions = {}): Cluster {
  const members = new Map<NodeId, Member>()

  const start = (member: Member): void => {
    const config = raftConfig({
      group: GROUP,
      id: member.id,
      ...options.settings,
      ...(options.machine && { machine: options.machine(member.id) }),
    })
    member.raft = createRaft(config, member.disk, seededRandom(member.id.charCodeAt(0)), member.nowMs)
    member.applied = member.disk.snapshot ? JSON.parse(text(member.disk.snapshot.data) || '[]') : []
    cluster.pump(member.id)
  }

  const perform = (member: Member, ready: Ready): void => {
    options.onReady?.(member.id, ready)
    member.readies.push(ready)
    const { disk } = member
    if (ready.snapshot) {
      disk.snapshot = ready.snapshot
      disk.entries = []
      member.applied = JSON.parse(text(ready.snapshot.data) || '[]')
    }
    const first = ready.entries[0]?.index
    if (first !== undefined) disk.entries = [...disk.entries.filter((entry) => entry.index < first), ...ready.entries]
    if (ready.hardState) disk.hardState = ready.hardState
    for (const entry of ready.committed) if (entry.kind === 'normal') member.applied.push(text(entry.data))
    for (const message of [...ready.eagerMessages, ...ready.messages]) {
      if (!options.cut?.(message.from, message.to)) cluster.wire.push(message)
    }
  }

  const cluster: Cluster = {
    members,
    wire: [],
    member(id) {
      const member = members.get(id)
      if (!member) throw new Error(`no node ${id}`)
      return member
    },
    raft(id) {
      const { raft } = this.member(id)
      if (!raft) throw new Error(`node ${id} is down`)
      return raft
    },
    add(id, founders) {
      const disk: Disk = founders ? { snapshot: bootstrap(founders), entries: [] } : { entries: [] }
      const member: Member = { id, raft: undefined, nowMs: 0, disk, applied: [], readies: [] }
      members.set(id, member)
      start(member)
      return member
    },
    pump(id) {
      const member = this.member(id)
      const raft = this.raft(id)
      for (let ready = raft.ready(); ready; ready = raft.ready()) {
        perform(member, ready)
        raft.advance()
      }
    },
    tick(id, ms) {
      const member = this.member(id)
      const raft = this.raft(id)
      const untilMs = member.nowMs + ms
      while (member.nowMs < untilMs) {
        member.nowMs = Math.min(untilMs, Math.max(raft.deadlineMs(), member.nowMs + 1))
        raft.tick(member.nowMs)
        this.pump(id)
      }
    },
    run(ms) {
      for (let passed = 0; passed < ms; passed += 10) {
        for (const member of members.values()) if (member.raft) this.tick(member.id, 10)
        this.settle()
      }
    },
    deliver(matches = () => true) {
      const due = this.wire.filter(matches)
      this.wire = this.wire.filter((message) => !due.includes(message))
      for (const message of due) this.step(message)
      return due.length
    },
    settle() {
      while (this.deliver() > 0) {
        // until quiet
      }
    },
    drop(matches) {
      const before = this.wire.length
      this.wire = this.wire.filter((message) => !matches(message))
      return before - this.wire.length
    },
    step(message) {
      const member = members.get(message.to)
      if (!member?.raft) return
      member.raft.step(message, member.nowMs)
      this.pump(message.to)
    },
    crash(id) {
      this.member(id).raft = undefined
    },
    restart(id) {
      start(this.member(id))
    },
    elect(id) {
      this.raft(id).campaign()
      this.pump(id)
      this.settle()
    },
    leaders() {
      return [...members.values()].filter(({ raft }) => raft?.status().role === 'leader').map(({ id }) => id)
    },
  }
  for (const id of voters) cluster.add(id, voters)
  return cluster
}
