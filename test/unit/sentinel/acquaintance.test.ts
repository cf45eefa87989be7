// Who is a peer and who is only talked about: hellos that anybody may publish, those that the transport has proven, copies of
// one's own folder, and what one sentence says about it all.
import { describe, expect, it } from 'vitest'
import { HINTS_MAX, KNOWN_MAX } from '../../../src/lib/limits.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { primaryToName } from '../../../src/sentinel/certainty.ts'
import { createCore } from '../../../src/sentinel/core.ts'
import type { Effect, Input } from '../../../src/sentinel/effects.ts'
import { type FormedGroup, groupOf } from '../../../src/sentinel/formation.ts'
import type { Hello } from '../../../src/sentinel/hello.ts'
import { obstacleOf } from '../../../src/sentinel/obstacle.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const coreOf = (group?: FormedGroup, quorum = 2) =>
  createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [{ name: 'm', primary: at(1), quorum, settings: { downAfterMs: 100 } }],
      random: seededRandom(1),
      wallOffsetMs: 0,
      ...(group === undefined ? {} : { group }),
    },
    0,
  )
const hello = (peer: string, group?: FormedGroup, more: Partial<Hello> = {}): Hello => ({
  runId: peer.repeat(40).slice(0, 40),
  peer,
  gossip: at(201),
  resp: at(101),
  group,
  view: [peer],
  of: 0,
  watches: ['m'],
  epoch: 0,
  ...more,
})
const published = (given: Hello): Input => ({ type: 'hello', hello: given })
const reported = (given: Hello, seq = 1): Input => ({
  type: 'peer',
  from: given.peer,
  message: { type: 'report', boot: 1, seq, hello: given, opinions: [] },
})
const listed = (effects: readonly Effect[]) =>
  effects.flatMap((effect) =>
    effect.type === 'peers'
      ? [{ peers: effect.peers.map(({ peer }) => peer), hints: effect.hints.map(({ peer }) => peer) }]
      : [],
  )
const warnings = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === 'log' && effect.level === 'warning' ? [effect.text] : []))
const members = groupOf(['a', 'b', 'c'])

describe('a hello that anybody may have published', () => {
  it('does not bind a sentinel to a group, not even one that names it', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    for (const group of [members, groupOf(['x', 'y'])]) core.step(1, published(hello('b', group)))
    for (let nowMs = 50; nowMs < 5_000; nowMs += 50) core.step(nowMs, { type: 'tick' })
    expect([core.state.formed, core.state.peers.size]).toEqual([undefined, 0])
    core.step(5_000, reported(hello('b', members)))
    expect(core.state.formed).toEqual(members)
  })

  it('names somebody to dial, who is a peer once the transport has proven who that is', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    expect(listed(core.step(1, published(hello('b'))))).toEqual([{ peers: [], hints: ['b'] }])
    expect(listed(core.step(2, reported(hello('b'))))).toEqual([{ peers: ['b'], hints: [] }])
  })

  it('drops no member, whatever it says of it', () => {
    const core = coreOf(members)
    core.step(0, { type: 'tick' })
    core.step(1, reported(hello('b', members)))
    const effects = core.step(2, published(hello('b', groupOf(['x', 'y']))))
    expect([[...core.state.peers.keys()], listed(effects)]).toEqual([['b'], []])
  })

  it('makes nobody a learner', () => {
    const core = coreOf(members)
    const view = { term: 1, leader: 'a', isLeader: true, voters: ['a', 'b', 'c'], learners: [] }
    core.step(0, { type: 'raft', view })
    core.step(1, published(hello('x', members)))
    const effects = [50, 300, 600, 900].flatMap((nowMs) => core.step(nowMs, { type: 'tick' }))
    expect(effects.filter(({ type }) => type === 'change-members')).toEqual([])
    core.step(901, reported(hello('x', members)))
    expect(core.step(1_200, { type: 'tick' }).filter(({ type }) => type === 'change-members')).toEqual([
      { type: 'change-members', change: { kind: 'add-learner', node: 'x' } },
    ])
  })

  it('gives a second address of a peer only while that one is silent', () => {
    const core = coreOf(members)
    core.step(0, { type: 'tick' })
    core.step(1, reported(hello('b', members)))
    expect(listed(core.step(2, published(hello('b', members, { gossip: at(6_666) }))))).toEqual([])
    for (let nowMs = 50; nowMs < 3_000; nowMs += 50) core.step(nowMs, { type: 'tick' })
    expect(listed(core.step(3_000, published(hello('b', members, { gossip: at(6_666) }))))).toEqual([
      { peers: ['b'], hints: ['b'] },
    ])
    expect(core.state.peers.get('b')!.gossip).toEqual(at(201))
  })

  it('costs neither memory nor a disk write, a thousand times a second, and keeps no living sentinel out', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    let told = 0
    let tried = 0
    for (let nowMs = 1; nowMs <= 10_000; nowMs++) {
      const effects = [...core.step(nowMs, published(hello(`invented-${nowMs}`, groupOf([`g${nowMs}`]))))]
      if (nowMs % 150 === 0) effects.push(...core.step(nowMs, published(hello('b'))))
      if (nowMs % 50 === 0) effects.push(...core.step(nowMs, { type: 'tick' }))
      for (const { peers, hints } of listed(effects)) {
        told += 1
        expect([peers, hints.length <= HINTS_MAX]).toEqual([[], true])
        if (hints.includes('b')) tried += 1
      }
      expect(effects.filter(({ type }) => type === 'form' || type === 'early')).toEqual([])
    }
    expect(core.state.circle.hints.size).toBeLessThanOrEqual(HINTS_MAX)
    expect(told).toBeLessThanOrEqual(10_000 / 25)
    expect(tried).toBeGreaterThan(20)
  })

  it('of other groups is complained about, but not without end', () => {
    const core = coreOf(members)
    core.step(0, { type: 'tick' })
    const lines = Array.from({ length: 5_000 }, (_, i) =>
      warnings(core.step(i, published(hello(`x${i}`, groupOf([`x${i}`]))))),
    ).flat()
    expect(lines[0]).toContain('belongs to group')
    expect(lines.length).toBeLessThanOrEqual(16)
    expect([core.state.peers.size, core.state.circle.hints.size]).toEqual([0, 0])
  })
})

describe('peers', () => {
  it('beyond the limit are refused, and the number is said', () => {
    const core = coreOf(members)
    core.step(0, { type: 'tick' })
    const lines = Array.from({ length: KNOWN_MAX + 5 }, (_, i) =>
      warnings(core.step(i, reported(hello(`p${i}`, members)))),
    ).flat()
    expect(core.state.peers.size).toBe(KNOWN_MAX)
    expect(lines).toEqual([expect.stringContaining(`refused: ${KNOWN_MAX} others are known already`)])
  })

  it('that were forgotten are let in again when they return', () => {
    const core = coreOf(members)
    const voters = ['a', 'b', 'c']
    core.step(0, { type: 'raft', view: { term: 1, leader: 'b', isLeader: false, voters, learners: [] } })
    for (const id of ['b', 'c']) core.step(1, reported(hello(id, members)))
    for (let nowMs = 50; nowMs < 3_000; nowMs += 50) {
      core.step(nowMs, { type: 'heard', from: 'b' })
      core.step(nowMs, { type: 'tick' })
    }
    const view = { term: 1, leader: 'b', isLeader: false, voters: ['a', 'b'], learners: [] }
    expect(listed(core.step(3_000, { type: 'raft', view })).at(-1)).toEqual({ peers: ['b'], hints: ['c'] })
    expect(listed(core.step(9_000, reported(hello('c', members), 9))).at(-1)).toEqual({ peers: ['b', 'c'], hints: [] })
  })

  it('that were forgotten are taken back although no server told them where they are', () => {
    const core = coreOf(members)
    const raft = { term: 1, leader: 'a', isLeader: true, learners: [] }
    core.step(0, { type: 'raft', view: { ...raft, voters: ['a', 'b', 'c'] } })
    for (const id of ['b', 'c']) core.step(1, reported(hello(id, members)))
    for (let nowMs = 50; nowMs < 3_000; nowMs += 50) {
      core.step(nowMs, { type: 'heard', from: 'b' })
      core.step(nowMs, { type: 'tick' })
    }
    core.step(3_000, { type: 'raft', view: { ...raft, voters: ['a', 'b'] } })
    const from = (id: string, group: string): Input => ({
      type: 'peer',
      from: id,
      message: { type: 'report', boot: 2, seq: 1, group, opinions: [] },
    })
    core.step(3_001, from('c', 'another'))
    core.step(3_001, from('x', members.id))
    expect([...core.state.peers.keys()]).toEqual(['b'])
    core.step(3_002, from('c', members.id))
    expect(core.step(3_250, { type: 'tick' }).filter(({ type }) => type === 'change-members')).toEqual([
      { type: 'change-members', change: { kind: 'add-learner', node: 'c' } },
    ])
  })
})

describe('one sentence', () => {
  const ticks = (core: ReturnType<typeof coreOf>, fromMs: number, untilMs: number): Effect[] => {
    const effects: Effect[] = []
    for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 50) effects.push(...core.step(nowMs, { type: 'tick' }))
    return effects
  }

  it('says how many are missing, in the log once it lasts, and who does not connect', () => {
    const core = coreOf()
    const lines = warnings(ticks(core, 50, 8_000))
    expect(lines).toEqual([expect.stringMatching(/It sees 1 of the 3 sentinels .*twice the quorum less one.*it waits/)])
    core.step(8_001, published(hello('b')))
    expect(obstacleOf(core.state, 8_002)).toMatch(/It sees 1 of the 3/)
    expect(obstacleOf(core.state, 11_001)).toMatch(/10\.0\.0\.1:101 announced themselves, but no connection came about/)
  })

  it('says that it does not know its own address, or watches nothing', () => {
    const nowhere = { host: '', port: 200 }
    const self = { peer: 'a', runId: 'a'.repeat(40), gossip: nowhere, resp: nowhere }
    const base = { self, random: seededRandom(1), wallOffsetMs: 0 }
    const core = createCore({ ...base, groups: [{ name: 'm', primary: at(1), quorum: 2, settings: {} }] }, 0)
    core.step(0, { type: 'tick' })
    expect(obstacleOf(core.state, 1)).toMatch(/No server has answered yet/)
    expect(obstacleOf(createCore({ ...base, groups: [] }, 0).state, 1)).toMatch(/watches nothing/)
  })

  it('says who uses the same key, because its folder was copied', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    expect(warnings(core.step(1, published(hello('a', undefined, { gossip: at(200), resp: at(100) }))))).toEqual([])
    const [line] = warnings(core.step(2, published(hello('a', undefined, { gossip: at(209), resp: at(109) }))))
    expect(line).toMatch(/The sentinel at 10\.0\.0\.1:109 announces the peer ID of this one/)
    expect(obstacleOf(core.state, 3)).toBe(line!.slice(0, -1))
  })

  it('says which members are not heard when there is no majority', () => {
    const core = coreOf(members)
    const voters = ['a', 'b', 'c']
    core.step(0, { type: 'raft', view: { term: 1, leader: undefined, isLeader: false, voters, learners: [] } })
    core.step(1, reported(hello('b', members, { resp: at(102) })))
    core.step(2, reported(hello('c', members, { resp: at(103) })))
    ticks(core, 50, 4_000)
    expect(obstacleOf(core.state, 4_000)).toBe(
      'No majority: only 1 of 3 sentinels that vote are heard, not 10.0.0.1:102, 10.0.0.1:103',
    )
  })

  it('says that its group is lost when the others have gone to another', () => {
    const core = coreOf(members)
    const voters = ['a', 'b', 'c']
    core.step(0, { type: 'raft', view: { term: 1, leader: undefined, isLeader: false, voters, learners: [] } })
    const other = groupOf(['b', 'c', 'd'])
    for (const id of ['b', 'c']) core.step(1, reported(hello(id, other)))
    expect(obstacleOf(core.state, 2)).toMatch(/can never decide anything: 2 of its 3 members belong to another/)
    for (const id of ['b', 'c']) core.step(3, reported(hello(id, members), 2))
    expect(obstacleOf(core.state, 4)).toMatch(/no leader is elected yet/)
  })

  it('tells why a group does not let it in', () => {
    const core = coreOf()
    core.step(0, { type: 'tick' })
    core.step(1, reported(hello('x', groupOf(['x', 'y']))))
    expect(obstacleOf(core.state, 2)).toMatch(/asked the group of 10\.0\.0\.1:101 to be let in/)
    core.step(3, { type: 'peer', from: 'x', message: { type: 'refusal', text: 'no room' } })
    expect(obstacleOf(core.state, 4)).toBe('no room')
  })
})

describe('an address', () => {
  const voters = ['a', 'b', 'c']
  const follows = { term: 1, leader: 'b', isLeader: false, voters, learners: [] }

  it('is not told after a restart before the leader was heard, nor after a sleep', () => {
    const core = coreOf(members)
    const named = (nowMs: number) => primaryToName(core.state, 'm', nowMs)
    core.step(0, { type: 'raft', view: follows })
    const [sent] = core
      .step(1, { type: 'tick' })
      .flatMap((effect) =>
        effect.type === 'broadcast' && effect.message.type === 'report' ? [effect.message.seq] : [],
      )
    expect(named(2)).toBeUndefined()
    const from = (id: string, seq: number, epoch: number, echo: number): Input => ({
      type: 'peer',
      from: id,
      message: {
        type: 'report',
        boot: 1,
        seq,
        hello: hello(id, members),
        echo: [['a', echo]],
        leads: { term: 1, epoch },
        opinions: [],
      },
    })
    // Neither one that is not the leader, nor what the leader said before it heard of this start, nor an epoch not yet known here.
    core.step(3, from('c', 1, 0, sent!))
    core.step(3, from('b', 1, 0, sent! - 1))
    core.step(3, from('b', 2, 1, sent!))
    expect(named(4)).toBeUndefined()
    core.step(5, from('b', 3, 0, sent!))
    expect(named(6)).toEqual(at(1))
    core.step(1_500, { type: 'tick' })
    expect(named(1_501)).toBeUndefined()
    core.step(1_502, from('b', 4, 0, sent!))
    expect(named(1_503)).toBeUndefined()
    core.step(1_504, { type: 'raft', view: { ...follows, leader: 'a', isLeader: true } })
    core.step(1_504, { type: 'tick' })
    expect(named(1_505)).toEqual(at(1))
  })
})
