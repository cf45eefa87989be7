// Raft carried out over memory stores and an in-memory network, in real time: entries reach every member once and in order,
// also across a restart and a compaction.
import { afterEach, expect, it } from 'vitest'
import { createMemoryStore, type StateStore } from '../../../src/io/state/store.ts'
import { ENTRY_BYTES_MAX, MESSAGE_BYTES_MAX, PIECE_BYTES_MAX } from '../../../src/lib/limits.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { decodeMessage } from '../../../src/raft/codec.ts'
import { ANY_MACHINE, type Machine } from '../../../src/raft/machine.ts'
import { bootstrap } from '../../../src/raft/node.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import { type Consensus, startConsensus } from '../../../src/supervisor/consensus.ts'

const PEERS = ['a', 'b', 'c']
const ANNOUNCED = '!'.charCodeAt(0)
const MACHINE: Machine = { ...ANY_MACHINE, mustOutlastCrash: (data) => data[0] === ANNOUNCED }
interface Member {
  readonly id: string
  readonly store: StateStore
  consensus: Consensus | undefined
  applied: string[]
  replayed: number
  warnings: string[]
  fatal: string | undefined
}
let members: Member[] = []
let tap: (from: string, bytes: Uint8Array) => void = () => {}

function start(member: Member, seed = 1, machine = MACHINE): void {
  member.applied = []
  member.replayed = 0
  member.warnings = []
  member.fatal = undefined
  member.consensus = startConsensus({
    group: groupOf(PEERS),
    machine,
    onWarning: (text) => void member.warnings.push(text),
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
      member.fatal = error.message
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
  members = PEERS.map((id) => {
    const rest = { consensus: undefined, applied: [], replayed: 0, warnings: [], fatal: undefined }
    return { id, store: createMemoryStore(), ...rest }
  })
  for (const member of members) start(member)
}

afterEach(() => {
  for (const { fatal, id } of members)
    if (fatal !== undefined && !/not understood/.test(fatal)) throw new Error(`${id}: ${fatal}`)
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
    machine: ANY_MACHINE,
    onWarning: () => {},
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

it('makes durable how far the log is committed before it applies what must outlast a crash, and only then', async () => {
  startAll()
  const syncs: string[] = []
  for (const member of members) {
    const { save } = member.store
    Object.assign(member.store, {
      save(...[change, sync]: Parameters<StateStore['save']>) {
        save.call(member.store, change, sync)
        const commit = change.hardState?.commit ?? 0
        if (sync && commit > 0 && !change.entries?.length) syncs.push(`${member.id} ${commit} ${member.applied.length}`)
      },
    })
  }
  await until(() => leader() !== undefined)
  propose(leader()!, 'e0')
  await until(() => members.every(({ applied }) => applied.length === 1))
  expect(syncs).toEqual([])
  propose(leader()!, '!switch')
  await until(() => members.every(({ applied }) => applied.length === 2))
  const index = members[0]!.consensus!.status().commitIndex
  expect(syncs.sort()).toEqual(PEERS.map((id) => `${id} ${index} 1`))
})

it('carries a snapshot that is longer than a message to a member that lost its disk', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  const victim = members.find((member) => member !== first)!
  victim.consensus!.stop()
  // 24 MiB of state, 96 entries of a quarter of a MiB.
  for (let i = 0; i < 96; i++) {
    propose(first, `${i}${'x'.repeat(ENTRY_BYTES_MAX - 2)}`)
    await until(() => first.applied.length === i + 1)
  }
  for (let i = 0; i < 1_000; i++) propose(first, `e${i}`)
  await until(() => first.store.state.snapshot!.index > 0)
  expect(first.store.state.snapshot!.data.byteLength).toBeGreaterThan(MESSAGE_BYTES_MAX)
  let longest = 0
  tap = (_from, bytes) => {
    longest = Math.max(longest, bytes.byteLength)
  }
  Object.assign(victim, { store: createMemoryStore() })
  victim.store.save({ snapshot: bootstrap([]) }, true)
  start(victim, 3)
  await until(() => victim.applied.length === first.applied.length)
  tap = () => {}
  expect(victim.applied).toEqual(first.applied)
  expect(longest).toBeLessThan(PIECE_BYTES_MAX + 1024)
})

it('says which snapshot it cannot take, takes none of it, and lives on', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  const victim = members.find((member) => member !== first)!
  victim.consensus!.stop()
  for (let i = 0; i < 1_100; i++) propose(first, `e${i}`)
  await until(() => (first.store.state.snapshot?.index ?? 0) > 0)
  Object.assign(victim, { store: createMemoryStore() })
  victim.store.save({ snapshot: bootstrap([]) }, true)
  start(victim, 3, { ...ANY_MACHINE, canRestore: (data) => data.length === 0 })
  await until(() => victim.warnings.length > 0)
  expect(victim.warnings[0]).toMatch(/^This sentinel lags behind: it cannot take the snapshot \d+ of the log/)
  expect(victim.store.state.snapshot!.index).toBe(0)
  expect(victim.applied).toEqual([])
  victim.consensus!.stop()
  start(victim, 4)
  await until(() => victim.applied.length === first.applied.length)
})

it('ends rather than skip an entry that it does not understand', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  const victim = members.find((member) => member !== first)!
  victim.consensus!.stop()
  start(victim, 3, { ...ANY_MACHINE, levelOf: (data) => (data[0] === ANNOUNCED ? undefined : 1) })
  propose(first, '!new')
  await until(() => victim.fatal !== undefined)
  expect(victim.fatal).toMatch(/entry \d+ of the log is not understood; a newer version of Vedette wrote it/)
  expect(victim.applied).toEqual([])
})

it('refuses to start from what it cannot restore, and says why', () => {
  startAll()
  const snapshot = { ...bootstrap(PEERS), index: 5, term: 1, data: Buffer.from('new') }
  const member = members[0]!
  member.consensus!.stop()
  Object.assign(member, { store: createMemoryStore() })
  member.store.save({ snapshot: { ...snapshot, level: 2 } }, true)
  expect(() => start(member)).toThrow('needs feature level 2, and this version of Vedette has 1')
  member.store.save({ snapshot }, true)
  expect(() => start(member, 1, { ...ANY_MACHINE, canRestore: () => false })).toThrow('is not understood')
})

it('a proposal of one turn after the other goes out in one round, with one write', async () => {
  startAll()
  await until(() => leader() !== undefined)
  const first = leader()!
  let writes = 0
  const { save } = first.store
  Object.assign(first.store, {
    save(...[change, sync]: Parameters<StateStore['save']>) {
      save.call(first.store, change, sync)
      if (sync) writes++
    },
  })
  let appends = 0
  tap = (from, bytes) => {
    const message = decodeMessage(bytes)!
    if (from === first.id && message.type === 'append' && message.entries.length > 0) appends++
  }
  for (let i = 0; i < 100; i++) first.consensus!.propose(Buffer.from(`e${i}`))
  first.consensus!.flush()
  await until(() => members.every(({ applied }) => applied.length === 100))
  tap = () => {}
  expect(writes).toBe(1)
  expect(appends).toBe(PEERS.length - 1)
})

it('is not held up by its own disk when it tells the others: what was sent goes through before the write begins', async () => {
  startAll()
  await until(
    () => leader() !== undefined && members.every(({ consensus }) => consensus!.status().leader !== undefined),
  )
  const first = leader()!
  const steps: string[] = []
  const { save } = first.store
  first.store.save = (change, sync) => {
    if (change.entries?.length) steps.push('written')
    save(change, sync)
  }
  // As the transport: some promises later.
  tap = (from, bytes) => {
    if (from !== first.id || decodeMessage(bytes)?.type !== 'append') return
    void Promise.resolve()
      .then(() => {})
      .then(() => steps.push('sent'))
  }
  propose(first, 'e')
  await until(() => members.every(({ applied }) => applied.includes('e')))
  tap = () => {}
  expect(steps.slice(0, 3)).toEqual(['sent', 'sent', 'written'])
})
