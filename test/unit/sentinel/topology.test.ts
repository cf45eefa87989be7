// The replicated state machine: what each entry may do, and that nothing else happens.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Account, CAUSES, NO_ACCOUNT, PHASES } from '../../../src/sentinel/account.ts'
import { decodeEntry, type Entry, encodeEntry, entryLevel, type StartEntry } from '../../../src/sentinel/entries.ts'
import { apply, createTopology, decodeTopology, encodeTopology, type Topology } from '../../../src/sentinel/topology.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const monitor: Entry = { kind: 'monitor', group: 'm', primary: at(1), quorum: 2 }
const base = { group: 'm', atMs: 5, reason: 'because' }
const start = (epoch: number, old = at(1), planned = false): Entry => ({
  ...base,
  kind: 'start',
  after: epoch - 1,
  old,
  planned,
  by: 'a',
})
const choose = (epoch: number, port: number): Entry => ({ ...base, kind: 'choose', epoch, replica: at(port) })
const switchTo = (epoch: number): Entry => ({ ...base, kind: 'switch', epoch })
const end = (epoch: number): Entry => ({ ...base, kind: 'end', epoch })
const abort = (epoch: number): Entry => ({ ...base, kind: 'abort', epoch, cause: 'no-good-slave' })

const after = (...entries: Entry[]): Topology => {
  const topology = createTopology()
  for (const entry of [monitor, ...entries]) apply(topology, entry)
  return topology
}
const group = (topology: Topology) => topology.groups.get('m')!

describe('a failover', () => {
  it('goes through start, choose, switch and end', () => {
    const topology = after({ kind: 'replica', group: 'm', replica: at(2) }, start(1), choose(1, 2), switchTo(1), end(1))
    expect(group(topology)).toMatchObject({ primary: at(2), configEpoch: 1, replicas: [at(1)], failover: undefined })
    expect(group(topology).history).toMatchObject([{ epoch: 1, from: at(1), to: at(2), outcome: 'done' }])
  })

  it('begins only after the last one that was seen, for the present primary, and one at a time', () => {
    const topology = after()
    expect(apply(topology, start(2)).ok).toBe(false)
    expect(apply(topology, start(1, at(9))).ok).toBe(false)
    expect(apply(topology, start(1)).ok).toBe(true)
    expect(apply(topology, start(2))).toEqual({ ok: false, text: 'INPROG Failover already in progress' })
  })

  it('of an earlier version begins only in the epoch that it proposed', () => {
    const { after: _, ...rest } = start(1) as StartEntry
    expect(apply(after(), { ...rest, epoch: 2 }).ok).toBe(false)
    expect(apply(after(), { ...rest, epoch: 1 }).ok).toBe(true)
  })

  it('gets its epoch when it is applied: those of many groups begin in one go', () => {
    const topology = createTopology()
    const names = Array.from({ length: 100 }, (_, i) => `g${i}`)
    for (const name of names) apply(topology, { ...monitor, group: name })
    const results = names.map((name) => apply(topology, { ...start(1), group: name }))
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(names.map((name) => topology.groups.get(name)?.failover?.epoch)).toEqual(names.map((_, i) => i + 1))
  })

  it('that was proposed twice does not begin again when it is over', () => {
    const topology = after(start(1), choose(1, 2), abort(1))
    expect(apply(topology, start(1)).ok).toBe(false)
    expect(apply(topology, start(2)).ok).toBe(true)
  })

  it('names the history that the new primary writes', () => {
    const mark = { replId: 'h1', runId: 'r1' }
    const written: Entry = { kind: 'history', group: 'm', primary: at(1), mark }
    const next = { replId: 'h2', runId: 'r2' }
    const topology = after(written, start(1), choose(1, 2), { ...base, kind: 'switch', epoch: 1, mark: next })
    expect(group(topology).lineage).toEqual([mark, next])
    expect(apply(topology, { ...written, mark: { replId: 'h3', runId: 'r1' } }).ok).toBe(false)
  })

  it('has one candidate, ever', () => {
    const topology = after(start(1), choose(1, 2))
    expect(apply(topology, choose(1, 3)).ok).toBe(false)
    expect(group(topology).failover?.candidate).toEqual(at(2))
  })

  it('switches only in its own epoch, once, and with a candidate', () => {
    expect(apply(after(start(1)), switchTo(1)).ok).toBe(false)
    expect(apply(after(start(1), choose(1, 2)), switchTo(2)).ok).toBe(false)
    expect(apply(after(start(1), choose(1, 2), switchTo(1)), switchTo(1)).ok).toBe(false)
  })

  it('can be aborted before the switch only, and leaves the primary', () => {
    const topology = after(start(1), choose(1, 2), abort(1))
    expect(group(topology)).toMatchObject({ primary: at(1), configEpoch: 0, failover: undefined })
    expect(group(topology).history).toMatchObject([{ outcome: 'no-good-slave', to: undefined }])
    expect(apply(after(start(1), choose(1, 2), switchTo(1)), abort(1)).ok).toBe(false)
  })
})

describe('the history', () => {
  const fail = (topology: Topology, name: string, epoch: number, told?: Account): void => {
    apply(topology, { ...start(epoch), group: name, after: topology.groups.get(name)!.lastEpoch } as Entry)
    apply(topology, { ...abort(topology.epoch), group: name, ...(told && { account: told }) } as Entry)
  }

  it('tells what the entries of a failover told, in their order', () => {
    const lap = (phase: Account['laps'][number]['phase'], ms: number): Account => ({
      ...NO_ACCOUNT,
      laps: [{ phase, ms }],
    })
    const candidates = [{ address: at(2), offset: 7, priority: 1 }]
    const begun = { ...start(1), account: { ...lap('detect', 1), cause: 'dead' } } as Entry
    const chosen = { ...choose(1, 2), account: { ...lap('choose', 2), candidates } } as Entry
    const switched = { ...switchTo(1), account: { ...lap('promote', 3), lostBytesMax: 5 } } as Entry
    const topology = after(begun, chosen, switched, { ...end(1), account: lap('announce', 4) } as Entry)
    expect(group(topology).history[0]?.account).toEqual({
      cause: 'dead',
      laps: ['detect', 'choose', 'promote', 'announce'].map((phase, i) => ({ phase, ms: i + 1 })),
      candidates,
      lostBytesMax: 5,
    })
  })

  it('has the last hundred of a group, and those of the first level as many as they had', () => {
    const topology = after()
    for (let epoch = 1; epoch <= 130; epoch++) fail(topology, 'm', epoch, NO_ACCOUNT)
    expect(group(topology).history.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 100 }, (_, i) => i + 31))
    fail(topology, 'm', 131)
    expect(group(topology).history).toHaveLength(32)
  })

  it('is bounded for all groups together: the oldest goes first', () => {
    const topology = createTopology()
    const names = Array.from({ length: 25 }, (_, i) => `g${i}`)
    for (const name of names) apply(topology, { ...monitor, group: name })
    for (let round = 0; round < 100; round++) for (const name of names) fail(topology, name, 1, NO_ACCOUNT)
    const epochs = names.flatMap((name) => topology.groups.get(name)!.history.map(({ epoch }) => epoch))
    expect([epochs.length, Math.min(...epochs)]).toEqual([2_000, 501])
  })
})

describe('the level of an entry', () => {
  it('is the second for what the first version did not know', () => {
    const level = (entry: Entry): number => entryLevel(decodeEntry(encodeEntry(entry))!)
    expect([monitor, start(1), end(1), { kind: 'reset', group: 'm' } as Entry].map(level)).toEqual([1, 1, 1, 1])
    const later: Entry[] = [
      { kind: 'pause', group: 'm', untilMs: 1 },
      { kind: 'resume', group: 'm' },
      { kind: 'set', group: 'm', changes: { failoverIntervalMs: 1 } },
      { ...end(1), account: NO_ACCOUNT } as Entry,
    ]
    expect(later.map(level)).toEqual([2, 2, 2, 2])
  })

  it('is the fourth for replicas that are forgotten', () => {
    const level = (entry: Entry): number => entryLevel(decodeEntry(encodeEntry(entry))!)
    const entries: Entry[] = [
      { kind: 'forget', group: 'm', replica: { host: '10.0.0.2', port: 2 } },
      { kind: 'set', group: 'm', changes: { deadReplicaMs: 1, writeMode: 'sync' } },
    ]
    expect(entries.map(level)).toEqual([4, 4])
  })

  it('is the fifth for replicas whose copies count no more', () => {
    const entry: Entry = { kind: 'discount', group: 'm', replica: { host: '10.0.0.2', port: 2 } }
    expect(entryLevel(decodeEntry(encodeEntry(entry))!)).toBe(5)
  })
})

describe('the fewest copies that an acknowledged write may have', () => {
  const lease = (writeMode: 'sync' | 'lease', syncReplicas: number): Entry => ({
    kind: 'lease',
    group: 'm',
    key: 'a'.repeat(64),
    settings: { writeMode, leaseMs: 1_000, syncReplicas },
  })
  const set = (changes: (Entry & { kind: 'set' })['changes']): Entry => ({ kind: 'set', group: 'm', changes })
  const mark = { replId: 'b'.repeat(40), runId: 'r' }
  const fewest = (...entries: Entry[]) => group(after(...entries)).lease?.fewestCopies

  it('stay what they were when the number is raised, until a primary begins with all that was acknowledged', () => {
    const raised = [lease('sync', 1), set({ syncReplicas: 2 })]
    expect(fewest(...raised)).toBe(1)
    const chosen: Entry[] = [{ kind: 'replica', group: 'm', replica: at(2) }, start(1), choose(1, 2)]
    expect(fewest(...raised, ...chosen, switchTo(1))).toBe(1)
    expect(fewest(...raised, ...chosen, { ...switchTo(1), mark } as Entry)).toBe(2)
  })

  it('fall with the number, and begin with it when the mode becomes sync', () => {
    expect(fewest(lease('sync', 3), set({ syncReplicas: 2 }))).toBe(2)
    expect(fewest(lease('lease', 1), set({ writeMode: 'sync', syncReplicas: 2 }))).toBe(2)
  })
})

describe('groups', () => {
  it('are not monitored twice, and not brought back by a file after REMOVE', () => {
    const topology = after()
    expect(apply(topology, monitor).text).toBe('ERR Duplicate master name.')
    apply(topology, { kind: 'remove', group: 'm' })
    expect([topology.groups.size, topology.removed.has('m')]).toEqual([0, true])
    expect(apply(topology, monitor).ok).toBe(true)
    expect(topology.removed.has('m')).toBe(false)
  })

  it('take settings, and the quorum apart from them', () => {
    const topology = after({ kind: 'set', group: 'm', changes: { quorum: 3, downAfterMs: 500 } })
    expect(group(topology)).toMatchObject({ quorum: 3, changes: { downAfterMs: 500 } })
  })

  it('refuse what names no group', () => {
    expect(apply(createTopology(), start(1)).text).toBe('ERR No such master with that name')
  })
})

const account = fc.record({
  cause: fc.constantFrom(undefined, ...CAUSES),
  laps: fc.array(fc.record({ phase: fc.constantFrom(...PHASES), ms: fc.nat(90_000) }), { maxLength: 8 }),
  candidates: fc.array(
    fc.record({
      address: fc.nat(4).map((port) => at(port + 1)),
      offset: fc.nat(),
      priority: fc.nat(100),
      whyNot: fc.constantFrom(undefined, 'it is dead'),
    }),
    { maxLength: 3 },
  ),
  lostBytesMax: fc.constantFrom(undefined, 0, 17),
})
const told = (entry: fc.Arbitrary<Entry>): fc.Arbitrary<Entry> =>
  fc.oneof(
    entry,
    fc.tuple(entry, account).map(([one, given]) => ({ ...one, account: given }) as Entry),
  )

const entries = fc.oneof(
  fc.nat(1_000).map((untilMs): Entry => ({ kind: 'pause', group: 'm', untilMs })),
  fc.constant<Entry>({ kind: 'resume', group: 'm' }),
  fc.constant(monitor),
  fc.constant<Entry>({ kind: 'remove', group: 'm' }),
  fc.constant<Entry>({ kind: 'reset', group: 'm' }),
  fc.nat(4).map((port): Entry => ({ kind: 'replica', group: 'm', replica: at(port + 1) })),
  told(
    fc
      .tuple(fc.nat(6), fc.nat(4), fc.boolean())
      .map(([epoch, port, planned]) => start(epoch + 1, at(port + 1), planned)),
  ),
  told(fc.tuple(fc.nat(6), fc.nat(4)).map(([epoch, port]) => choose(epoch + 1, port + 1))),
  told(fc.nat(6).map((epoch) => switchTo(epoch + 1))),
  fc.tuple(fc.nat(4), fc.nat(3), fc.nat(2)).map(
    ([port, history, run]): Entry => ({
      kind: 'history',
      group: 'm',
      primary: at(port + 1),
      mark: { replId: `h${history}`, runId: `r${run}` },
    }),
  ),
  told(fc.nat(6).map((epoch) => end(epoch + 1))),
  told(fc.nat(6).map((epoch) => abort(epoch + 1))),
)

describe('any sequence of entries', () => {
  it('keeps the invariants, survives snapshot and restore, and every entry survives its codec', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 60 }), (sequence) => {
        const topology = createTopology()
        let restored = createTopology()
        let epoch = 0
        for (const entry of sequence) {
          expect(decodeEntry(encodeEntry(entry))).toEqual(entry)
          const before = topology.groups.get('m')
          const [primary, configEpoch] = [before?.primary, before?.configEpoch ?? 0]
          apply(topology, entry)
          apply(restored, entry)
          restored = decodeTopology(encodeTopology(restored))!
          expect(restored).toEqual(topology)
          expect(topology.epoch).toBeGreaterThanOrEqual(epoch)
          epoch = topology.epoch
          const now = topology.groups.get('m')
          if (now === undefined || before === undefined) continue
          expect(now.configEpoch).toBeGreaterThanOrEqual(configEpoch)
          if (entry.kind !== 'switch' && entry.kind !== 'monitor') expect(now.primary).toEqual(primary)
          expect(now.replicas).not.toContainEqual(now.primary)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('decoding', () => {
  it('takes no garbage', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(decodeEntry(bytes)).toBeUndefined()
          expect(decodeTopology(bytes)).toBeUndefined()
        },
      ),
    )
  })

  it('takes no entry with a field changed for the worse', () => {
    const text = Buffer.from(encodeEntry(start(1))).toString()
    for (const [from, to] of [
      ['"after":0', '"after":-1'],
      ['"port":1', '"port":0'],
      ['"m"', '"m m"'],
      ['"v":1', '"v":2'],
      ['false', '"no"'],
    ])
      expect(decodeEntry(Buffer.from(text.replace(from!, to!)))).toBeUndefined()
  })
})
