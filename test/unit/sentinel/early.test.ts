// What operators ask while there is no group, or no leader, and when they are answered: an OK outlives the moment, and what was
// answered OK shows on the sentinel that said so.
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { type Core, createCore } from '../../../src/sentinel/core.ts'
import type { Effect, Input } from '../../../src/sentinel/effects.ts'
import { decodeEntry, type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { type FormedGroup, groupOf } from '../../../src/sentinel/formation.ts'
import type { OperatorRequest } from '../../../src/sentinel/peer-message.ts'
import type { Early } from '../../../src/sentinel/settings.ts'
import { settingsOf, topoOf } from '../../../src/sentinel/state.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const members = groupOf(['a', 'b', 'c'])
const coreOf = (group?: FormedGroup, early?: readonly Early[]): Core =>
  createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [{ name: 'm', primary: at(1), quorum: 2, settings: {} }],
      random: seededRandom(1),
      wallOffsetMs: 0,
      ...(group === undefined ? {} : { group }),
      ...(early === undefined ? {} : { early }),
    },
    0,
  )
const ask = (id: number, request: OperatorRequest): Input => ({ type: 'request', id, request })
const set = (...pairs: [string, string][]): OperatorRequest => ({ kind: 'set', group: 'm', pairs })
const monitor = (group: string, port: number): OperatorRequest => ({
  kind: 'monitor',
  group,
  primary: at(port),
  quorum: 2,
})
const commit = (entry: Entry): Input => ({ type: 'committed', data: encodeEntry(entry) })
const committedM = commit({ kind: 'monitor', group: 'm', primary: at(1), quorum: 2 })
const view = (leader: string | undefined): Input => ({
  type: 'raft',
  view: { term: 1, leader, isLeader: leader === 'a', voters: ['a', 'b', 'c'], learners: [] },
})
const answers = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === 'answer' ? [`${effect.id} ${effect.result.text}`] : []))
const kept = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === 'early' ? [effect.early.map(({ group }) => group).join()] : []))
const proposed = (effects: readonly Effect[]): Entry[] =>
  effects.flatMap((effect) => (effect.type === 'propose' ? (decodeEntry(effect.data) ?? []) : []))
const sent = (effects: readonly Effect[]) =>
  effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === 'request' ? [{ to: effect.to, ...effect.message }] : [],
  )
const password = (core: Core): string => settingsOf(core.state, topoOf(core.state, 'm')!).authPass
const joins = (core: Core): readonly Effect[] =>
  core.step(10, {
    type: 'peer',
    from: 'b',
    message: {
      type: 'report',
      boot: 1,
      seq: 1,
      opinions: [],
      hello: {
        ...{ runId: 'b'.repeat(40), peer: 'b', gossip: at(201), resp: at(101) },
        ...{ group: members, view: [], of: 0, watches: ['m'], epoch: 0 },
      },
    },
  })

describe('a setting that was answered OK before there is a group', () => {
  it('is in force here at once, is kept on disk, and is carried into the group by its leader', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    const told = core.step(1, ask(1, set(['auth-pass', 'x'])))
    expect([answers(told), kept(told), password(core)]).toEqual([['1 OK'], ['m'], 'x'])
    joins(core)
    core.step(20, view('a'))
    core.step(21, committedM)
    // Between the commit of the group and that of the setting the links must not forget the password.
    expect(password(core)).toBe('x')
    const [entry] = proposed(core.step(50, { type: 'tick' })).filter(({ kind }) => kind === 'set')
    expect(entry).toMatchObject({ group: 'm', changes: { authPass: 'x' } })
    const after = core.step(51, commit(entry!))
    expect([kept(after), password(core), answers(after)]).toEqual([[''], 'x', []])
    expect(core.state.topology.groups.get('m')!.changes).toEqual({ authPass: 'x' })
  })

  it('is handed to the leader by one that does not lead, again and again until that answers', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    core.step(1, ask(1, set(['auth-pass', 'x'])))
    joins(core)
    core.step(20, view('b'))
    core.step(21, committedM)
    const first = sent(core.step(50, { type: 'tick' })).filter(({ request }) => request.kind === 'set')
    expect(first).toMatchObject([{ to: 'b', request: { pairs: [['auth-pass', 'x']] } }])
    expect(sent(core.step(100, { type: 'tick' })).filter(({ request }) => request.kind === 'set')).toEqual([])
    const again = sent(core.step(2_200, { type: 'tick' })).filter(({ request }) => request.kind === 'set')
    expect(again).toHaveLength(1)
    const result = { type: 'result', id: again[0]!.id, result: { ok: true, text: 'OK' } } as const
    expect(kept(core.step(2_201, { type: 'peer', from: 'b', message: result }))).toEqual([''])
  })

  it('outlives a restart, and so do groups that were told or taken away', () => {
    const changes = { parallelSyncs: 7 }
    const core = coreOf(undefined, [
      { group: 'm', removed: true, changes: {} },
      { group: 'n', removed: false, monitor: { primary: at(9), quorum: 3 }, changes },
    ])
    core.step(0, { type: 'tick' })
    expect([...core.state.groups.keys()]).toEqual(['n'])
    expect(topoOf(core.state, 'n')).toMatchObject({ primary: at(9), quorum: 3, changes })
  })

  it('that the group settled otherwise is said not to be in force', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    core.step(1, ask(1, monitor('n', 9)))
    joins(core)
    core.step(20, view('b'))
    core.step(21, commit({ kind: 'monitor', group: 'n', primary: at(8), quorum: 2 }))
    const effects = core.step(50, { type: 'tick' })
    expect(effects.flatMap((effect) => (effect.type === 'log' ? [effect.text] : [])).join()).toContain(
      'What this sentinel was told of n while nobody led is not in force: 10.0.0.1:8 with a quorum of 2',
    )
    expect(kept(effects)).toEqual([''])
  })
})

it('a setting of a group that the sentinels have not agreed on yet is kept until they have', () => {
  const core = coreOf(members)
  core.step(0, view('b'))
  const told = core.step(1, ask(1, set(['auth-pass', 'x'])))
  expect([answers(told), kept(told), password(core)]).toEqual([['1 OK'], ['m'], 'x'])
  core.step(2, committedM)
  expect(sent(core.step(50, { type: 'tick' }))).toMatchObject([{ to: 'b', request: { pairs: [['auth-pass', 'x']] } }])
})

describe('a setting while nobody leads', () => {
  const member = (): Core => {
    const core = coreOf(members)
    core.step(0, view('a'))
    core.step(1, committedM)
    core.step(2, view(undefined))
    return core
  }
  const isRenamed = (core: Core): unknown => settingsOf(core.state, topoOf(core.state, 'm')!).renames

  it('is in force here once it has waited for a leader, and the next leader is asked for it', () => {
    const core = member()
    expect(answers(core.step(3, ask(1, set(['rename-command', 'PING PONG']))))).toEqual([])
    const told = core.step(2_010, { type: 'tick' })
    expect([answers(told), kept(told), isRenamed(core)]).toEqual([['1 OK'], ['m'], { ping: 'PONG' }])
    expect(sent(core.step(2_020, view('b')))).toMatchObject([
      { to: 'b', request: { kind: 'set', group: 'm', pairs: [['rename-command', 'ping PONG']] } },
    ])
  })

  it('is kept, too, when a leader has lost its majority', () => {
    const core = member()
    core.step(3, view('a'))
    expect(answers(core.step(4, ask(1, set(['quorum', '3']))))).toEqual([])
    const told = core.step(5_010, { type: 'tick' })
    expect([answers(told), kept(told)]).toEqual([['1 OK'], ['m']])
  })

  it('is none of those that leases rest on', () => {
    const core = member()
    core.step(3, ask(1, set(['lease-milliseconds', '500'])))
    expect(answers(core.step(2_010, { type: 'tick' })).join()).toContain('1 NOQUORUM')
  })
})

describe('MONITOR', () => {
  it('of what is monitored just so is OK, with and without a group; of anything else under the name an error', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    expect(answers(core.step(1, ask(1, monitor('m', 1))))).toEqual(['1 OK'])
    expect(answers(core.step(1, ask(2, monitor('m', 2))))).toEqual(['2 ERR Duplicate master name.'])
    joins(core)
    core.step(20, view('a'))
    core.step(21, committedM)
    const [same] = proposed(core.step(22, ask(3, monitor('m', 1))))
    expect(answers(core.step(22, commit(same!)))).toEqual(['3 OK'])
    expect(answers(core.step(22, ask(4, monitor('m', 2))))).toEqual(['4 ERR Duplicate master name.'])
  })

  it('that is asked of two sentinels at the same moment is OK on both', () => {
    const core = coreOf(members)
    core.step(0, view('a'))
    const entries = [5, 6].flatMap((id) => proposed(core.step(1, ask(id, monitor('n', 9)))))
    expect(entries.map(({ kind }) => kind)).toEqual(['monitor', 'monitor'])
    expect(entries.flatMap((entry) => answers(core.step(2, commit(entry))))).toEqual(['5 OK', '6 OK'])
  })
})

describe('a request to a sentinel that does not lead', () => {
  it('is answered when what it asked for shows here, not before', () => {
    const core = coreOf(members)
    core.step(0, view('b'))
    core.step(1, committedM)
    const [request] = sent(core.step(2, ask(7, monitor('n', 9))))
    const message = { type: 'result', id: request!.id, nonce: 'x1', result: { ok: true, text: 'OK' } } as const
    expect(answers(core.step(3, { type: 'peer', from: 'b', message }))).toEqual([])
    const entry: Entry = { kind: 'monitor', group: 'n', primary: at(9), quorum: 2, nonce: 'x1' }
    expect(answers(core.step(4, commit(entry)))).toEqual(['7 OK'])
  })

  it('is answered at once when it was applied before the answer came', () => {
    const core = coreOf(members)
    core.step(0, view('b'))
    const [request] = sent(core.step(2, ask(7, monitor('n', 9))))
    core.step(3, commit({ kind: 'monitor', group: 'n', primary: at(9), quorum: 2, nonce: 'x1' }))
    const message = { type: 'result', id: request!.id, nonce: 'x1', result: { ok: true, text: 'OK' } } as const
    expect(answers(core.step(4, { type: 'peer', from: 'b', message }))).toEqual(['7 OK'])
  })

  it('waits while a leader is being elected, but not for long', () => {
    const core = coreOf(members)
    core.step(0, view(undefined))
    expect(answers(core.step(1, ask(1, monitor('n', 9))))).toEqual([])
    expect(sent(core.step(300, view('b')))).toMatchObject([{ to: 'b', id: 1 }])

    core.step(400, view(undefined))
    core.step(401, ask(2, monitor('o', 9)))
    expect(answers(core.step(2_300, { type: 'tick' }))).toEqual([])
    expect(answers(core.step(2_450, { type: 'tick' }))).toEqual([expect.stringMatching(/^2 NOQUORUM/)])
  })
})
