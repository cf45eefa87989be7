// Raft carried out over memory stores and an in-memory network, in real time: entries reach every member once and in order,
// also across a restart and a compaction.
import { afterEach, expect, it } from 'vitest'
import { createMemoryStore, type StateStore } from '../../../src/io/state/store.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import { type Consensus, startConsensus } from '../../../src/supervisor/consensus.ts'

const PEERS = ['a', 'b', 'c']
interface Member {
  readonly id: string
  readonly store: StateStore
  consensus: Consensus | undefined
  applied: string[]
  replayed: number
}
let members: Member[] = []
let tap: (from: string, bytes: Uint8Array) => void = () => {}

function start(member: Member, seed = 1): void {
  member.applied = []
  member.replayed = 0
  member.consensus = startConsensus({
    group: groupOf(PEERS),
    self: member.id,
    store: member.store,
    random: seededRandom(seed, member.id.charCodeAt(0)),
    nowMs: () => performance.now(),
    heartbeatMs: 20,
    electionTimeoutMs: 100,
    send: (to, bytes) => {
      tap(member.id, bytes)
      setImmediate(() => members.find(({ id }) => id === to)?.consensus?.receive(member.id, bytes))
    },
    onCommitted: (data, replay) => {
      member.applied.push(Buffer.from(data).toString())
      if (replay) member.replayed += 1
    },
    onRestore: (data) => {
      member.applied = data.length === 0 ? [] : (JSON.parse(Buffer.from(data).toString()) as string[])
    },
    onChange: () => {},
    snapshot: () => Buffer.from(JSON.stringify(member.applied)),
    idle: () => true,
    onFatal: (error) => {
      throw error
    },
  })
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
const leader = (): Member | undefined => members.find(({ consensus }) => consensus?.isLeader() === true)

function propose(member: Member, text: string): void {
  member.consensus!.propose(Buffer.from(text))
  member.consensus!.flush()
}

function startAll(): void {
  members = PEERS.map((id) => ({ id, store: createMemoryStore(), consensus: undefined, applied: [], replayed: 0 }))
  for (const member of members) start(member)
}

afterEach(() => {
  for (const { consensus } of members) consensus?.stop()
})

it('applies what was proposed on every member, in order', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  for (let i = 0; i < 20; i++) propose(first, `e${i}`)
  await until(() => members.every(({ applied }) => applied.length === 20))
  for (const { applied } of members) expect(applied).toEqual(Array.from({ length: 20 }, (_, i) => `e${i}`))
})

it('gives back after a restart what was applied before, marked as replayed', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  for (let i = 0; i < 5; i++) propose(first, `e${i}`)
  await until(() => members.every(({ applied }) => applied.length === 5))
  const victim = members.find((member) => member !== first)!
  victim.consensus!.stop()
  start(victim, 2)
  propose(first, 'e5')
  await until(() => victim.applied.length === 6)
  expect(victim.applied).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5'])
  expect(victim.replayed).toBeLessThanOrEqual(5)
})

it('replaces a long log by a snapshot, from which a restarted member goes on', async () => {
  startAll()
  const total = 1_100
  const other = members[0]!
  while (other.applied.length < total) {
    await until(() => leader() !== undefined)
    const { consensus } = leader() ?? {}
    for (let i = 0; i < 50; i++) consensus?.propose(Buffer.from(`e${other.applied.length + i}`))
    consensus?.flush()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await until(() => members.every(({ store }) => (store.state.snapshot?.index ?? 0) > 0))
  const victim = members[1]!
  victim.consensus!.stop()
  start(victim, 2)
  await until(() => victim.applied.length === other.applied.length)
  expect(victim.applied).toEqual(other.applied)
})

it('hands leadership over on request', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  first.consensus!.handOver()
  await until(() => leader() !== undefined && leader() !== first)
})

it('takes no garbage', () => {
  startAll()
  expect(members[0]!.consensus!.receive('b', Buffer.from('garbage'))).toBe(false)
})

it('takes nothing that one peer says in the name of another', async () => {
  const overheard: Uint8Array[] = []
  tap = (from, bytes) => from === 'b' && overheard.push(bytes)
  startAll()
  await until(() => overheard.length > 0)
  tap = () => {}
  const { consensus } = members[0]!
  expect(consensus!.receive('c', overheard[0]!)).toBe(false)
  expect(consensus!.receive('b', overheard[0]!)).toBe(true)
})

it('does not write a large snapshot anew at each commit', () => {
  const state = Buffer.alloc(3 << 20)
  const memory = createMemoryStore()
  let compactions = 0
  let sizeBytes = 0
  const store: StateStore = Object.assign(Object.create(memory) as StateStore, {
    save(...[change, sync]: Parameters<StateStore['save']>) {
      sizeBytes += (change.entries ?? []).reduce((sum, { data }) => sum + data.byteLength, 0)
      memory.save(change, sync)
    },
    compact(...words: Parameters<StateStore['compact']>) {
      compactions += 1
      sizeBytes = state.byteLength
      memory.compact(...words)
    },
  })
  Object.defineProperty(store, 'sizeBytes', { get: () => sizeBytes })
  const consensus = startConsensus({
    group: groupOf(['a']),
    self: 'a',
    store,
    random: seededRandom(1),
    nowMs: () => performance.now(),
    heartbeatMs: 20,
    electionTimeoutMs: 100,
    send: () => {},
    onCommitted: () => {},
    onRestore: () => {},
    onChange: () => {},
    snapshot: () => state,
    idle: () => true,
    onFatal: (error) => {
      throw error
    },
  })
  for (let i = 0; i < 64; i++) {
    consensus.propose(Buffer.alloc(256 * 1024))
    consensus.flush()
  }
  consensus.stop()
  expect(consensus.status().commitIndex).toBeGreaterThan(60)
  expect(compactions).toBeGreaterThan(1)
  expect(compactions).toBeLessThan(8)
})

it('makes durable on request how far the log is committed, which is only a hint otherwise', async () => {
  startAll()
  const synced = new Map<Member, number>()
  for (const member of members) {
    const { save } = member.store
    Object.assign(member.store, {
      save(...[change, sync]: Parameters<StateStore['save']>) {
        save.call(member.store, change, sync)
        if (sync) synced.set(member, member.store.state.hardState?.commit ?? 0)
      },
    })
  }
  await until(() => leader() !== undefined)
  propose(leader()!, 'e0')
  await until(() => members.every(({ applied }) => applied.length === 1))
  for (const member of members) {
    const { commitIndex } = member.consensus!.status()
    expect(synced.get(member) ?? 0).toBeLessThan(commitIndex)
    member.consensus!.remember()
    expect(synced.get(member)).toBe(commitIndex)
  }
})
