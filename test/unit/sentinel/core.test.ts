// The core against whatever its peers, servers and log may feed it: no exception, bounded memory, and no order to a server
// unless it leads.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { createCore } from '../../../src/sentinel/core.ts'
import type { Effect, Input } from '../../../src/sentinel/effects.ts'
import { decodeEntry, type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import type { Hello } from '../../../src/sentinel/hello.ts'
import { parseInfo } from '../../../src/sentinel/info.ts'
import { VERDICTS } from '../../../src/sentinel/peer-message.ts'
import type { SettingChanges } from '../../../src/sentinel/settings.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const ref = (port: number) => ({ group: 'm', ...at(port) })
const coreOf = (group?: ReturnType<typeof groupOf>) =>
  createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [{ name: 'm', primary: at(1), quorum: 2, settings: { downAfterMs: 100 } }],
      random: seededRandom(1),
      wallOffsetMs: 0,
      ...(group === undefined ? {} : { group }),
    },
    0,
  )
const hello = (peer: string, group: ReturnType<typeof groupOf> | undefined, view: string[] = []): Hello => ({
  runId: peer.repeat(40).slice(0, 40),
  peer,
  gossip: at(201),
  resp: at(101),
  group,
  view,
  of: 0,
  watches: ['m'],
  epoch: 0,
})

const port = fc.integer({ min: 1, max: 4 })
const peer = fc.constantFrom('b', 'c', 'd', 'x')
const groups = fc.constantFrom(undefined, groupOf(['a', 'b', 'c']), groupOf(['x', 'y']), groupOf(['b', 'c', 'd']))
const anyHello = fc
  .tuple(peer, groups, fc.subarray(['a', 'b', 'c', 'd']))
  .map(([id, group, view]) => hello(id, group, view))
const info = fc
  .constantFrom(
    'role:master\nrun_id:p\nslave0:ip=10.0.0.1,port=2,state=online',
    'role:slave\nmaster_host:10.0.0.1\nmaster_port:3\n',
    '',
  )
  .map(parseInfo)
const input: fc.Arbitrary<Input> = fc.oneof(
  fc.constant<Input>({ type: 'tick' }),
  port.map((p): Input => ({ type: 'link-up', ref: ref(p), local: '10.0.0.9' })),
  fc
    .tuple(port, fc.constantFrom('refused' as const, 'reset' as const, 'timeout' as const))
    .map(([p, failure]): Input => ({ type: 'link-down', ref: ref(p), failure })),
  fc
    .tuple(port, fc.constantFrom('PONG', 'LOADING x', 'NOAUTH', ''))
    .map(([p, text]): Input => ({ type: 'pong', ref: ref(p), text })),
  fc.tuple(port, info).map(([p, facts]): Input => ({ type: 'info', ref: ref(p), info: facts })),
  fc
    .tuple(port, fc.nat(5), fc.boolean())
    .map(([p, id, ok]): Input => ({ type: 'order-done', ref: ref(p), id, ok, text: 'x' })),
  anyHello.map((given): Input => ({ type: 'hello', hello: given })),
  fc.tuple(peer, fc.nat(20), fc.option(anyHello, { nil: undefined }), port, fc.constantFrom(...VERDICTS)).map(
    ([from, seq, given, p, verdict]): Input => ({
      type: 'peer',
      from,
      message: {
        type: 'report',
        boot: 1,
        seq,
        hello: given,
        opinions: [{ group: 'm', primary: at(p), configEpoch: 0, verdict, found: [at(p), at(5)] }],
      },
    }),
  ),
  fc
    .tuple(peer, anyHello)
    .map(([from, given]): Input => ({ type: 'peer', from, message: { type: 'join', hello: given } })),
  peer.map((from): Input => ({ type: 'peer', from, message: { type: 'welcome', group: groupOf(['a', 'b', 'c']) } })),
  fc.tuple(peer, fc.nat(9)).map(
    ([from, id]): Input => ({
      type: 'peer',
      from,
      message: { type: 'request', id, request: { kind: 'failover', group: 'm' } },
    }),
  ),
  fc.uint8Array().map((data): Input => ({ type: 'committed', data })),
  port.map(
    (p): Input => ({
      type: 'committed',
      data: encodeEntry({ kind: 'monitor', group: 'm', primary: at(p), quorum: 1 }),
    }),
  ),
  fc.constantFrom<Input>(
    { type: 'committed', data: encodeEntry({ kind: 'remove', group: 'm' }) },
    { type: 'committed', data: encodeEntry({ kind: 'reset', group: 'm' }) },
    {
      type: 'committed',
      data: encodeEntry({
        kind: 'start',
        group: 'm',
        epoch: 1,
        old: at(1),
        planned: true,
        by: 'b',
        atMs: 0,
        reason: '',
      }),
    },
    {
      type: 'committed',
      data: encodeEntry({ kind: 'choose', group: 'm', epoch: 1, replica: at(2), atMs: 0, reason: '' }),
    },
    { type: 'committed', data: encodeEntry({ kind: 'switch', group: 'm', epoch: 1, atMs: 0, reason: '' }) },
  ),
  fc
    .tuple(fc.nat(9), fc.constantFrom('failover' as const, 'remove' as const))
    .map(([id, kind]): Input => ({ type: 'request', id, request: { kind, group: 'm' } })),
)
const timed = fc.array(fc.tuple(fc.nat(400), input), { maxLength: 80 })

function play(core: ReturnType<typeof coreOf>, steps: readonly (readonly [number, Input])[]): Effect[] {
  let nowMs = 0
  return steps.flatMap(([afterMs, given]) => {
    nowMs += afterMs
    return [...core.step(nowMs, given)]
  })
}

/** A leader with a primary and two replicas, at the beginning of a failover. */
const PREFIX: readonly (readonly [number, Input])[] = [
  [0, { type: 'raft', view: { term: 1, leader: 'a', isLeader: true, voters: ['a', 'b', 'c'], learners: [] } }],
  [0, { type: 'tick' }],
  [1, { type: 'committed', data: encodeEntry({ kind: 'monitor', group: 'm', primary: at(1), quorum: 1 }) }],
  [1, { type: 'link-up', ref: ref(1), local: '10.0.0.9' }],
  [
    1,
    {
      type: 'info',
      ref: ref(1),
      info: parseInfo('role:master\nrun_id:p\nslave0:ip=10.0.0.1,port=2\nslave1:ip=10.0.0.1,port=3'),
    },
  ],
  [1, { type: 'link-up', ref: ref(2), local: '10.0.0.9' }],
  [1, { type: 'link-up', ref: ref(3), local: '10.0.0.9' }],
  [1, { type: 'committed', data: encodeEntry({ kind: 'replica', group: 'm', replica: at(2) }) }],
  [1, { type: 'committed', data: encodeEntry({ kind: 'replica', group: 'm', replica: at(3) }) }],
  [
    1,
    {
      type: 'committed',
      data: encodeEntry({
        kind: 'start',
        group: 'm',
        after: 0,
        old: at(1),
        planned: false,
        by: 'a',
        atMs: 0,
        reason: '',
      }),
    },
  ],
]

/** The same with a primary that is dead by the word of a quorum of one. */
const CRASHED: typeof PREFIX = [
  ...PREFIX.slice(0, -1),
  [1, { type: 'link-down', ref: ref(1), failure: 'reset' }],
  [1, { type: 'link-down', ref: ref(1), failure: 'refused' }],
  ...PREFIX.slice(-1),
]

describe('any sequence of inputs', () => {
  it('is taken without an exception, and a sentinel that does not lead gives no orders and proposes nothing', () => {
    fc.assert(
      fc.property(timed, groups, (steps, group) => {
        const core = coreOf(group?.members.includes('a') ? group : undefined)
        const effects = play(core, steps)
        expect(
          effects.filter(({ type }) => type === 'order' || type === 'propose' || type === 'change-members'),
        ).toEqual([])
        expect(core.state.peers.size).toBeLessThanOrEqual(4)
      }),
      { numRuns: 300 },
    )
  })

  it('gives orders of promotion only for the committed candidate, whoever leads', () => {
    let promotions = 0
    // A candidate that this leader did not propose itself is asked before it is promoted, and mostly answers: that, and what it was
    // asked before.
    const info = parseInfo('role:slave\nrun_id:r\nmaster_host:10.0.0.1\nmaster_port:1\nmaster_link_status:down')
    const choose = fc.tuple(fc.constantFrom(2, 3), fc.constantFrom(2, 3)).map(([chosen, answers]): Input[] => [
      {
        type: 'committed',
        data: encodeEntry({ kind: 'choose', group: 'm', epoch: 1, replica: at(chosen), atMs: 0, reason: '' }),
      },
      ...Array.from({ length: 3 }, (): Input => ({ type: 'info', ref: ref(answers), info })),
    ])
    const leading = fc.boolean().map((isLeader): Input[] => [
      {
        type: 'raft',
        view: { term: 1, leader: isLeader ? 'a' : 'b', isLeader, voters: ['a', 'b', 'c'], learners: [] },
      },
    ])
    const any = input.map((one) => [one])
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.nat(400), fc.oneof({ weight: 5, arbitrary: any }, leading, { weight: 4, arbitrary: choose })),
          { maxLength: 120 },
        ),
        (parts) => {
          const core = coreOf(groupOf(['a', 'b', 'c']))
          let nowMs = 0
          const steps = parts.flatMap(([afterMs, inputs]) =>
            inputs.map((one, i) => [i === 0 ? afterMs : 1, one] as const),
          )
          for (const [afterMs, given] of [...CRASHED, ...steps]) {
            nowMs += afterMs
            for (const effect of core.step(nowMs, given)) {
              if (effect.type !== 'order' || effect.order.kind !== 'promote') continue
              promotions += 1
              const { failover, primary, configEpoch } = core.state.topology.groups.get('m')!
              // Outside a failover the primary of the topology, which came back as a replica.
              const [address, epoch] = failover ? [failover.candidate, failover.epoch] : [primary, configEpoch]
              expect(address).toEqual({ host: effect.ref.host, port: effect.ref.port })
              expect(effect.order.epoch).toBe(epoch)
            }
          }
        },
      ),
      { numRuns: 600 },
    )
    expect(promotions).toBeGreaterThan(10)
  })
})

describe('a hello', () => {
  it('of another group is refused, and said once a minute', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    core.step(0, { type: 'tick' })
    const foreign: Input = { type: 'hello', hello: hello('x', groupOf(['x', 'y'])) }
    const lines = [1, 2, 70_000]
      .flatMap((nowMs) => core.step(nowMs, foreign))
      .filter((effect) => effect.type === 'log' && effect.level === 'warning')
    expect(lines).toHaveLength(2)
    expect([core.state.peers.size, core.state.stats.foreignHellos]).toEqual([0, 3])
  })

  it('on a channel does not move a peer that proved where it is', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    core.step(0, { type: 'tick' })
    const proven = hello('b', groupOf(['a', 'b', 'c']))
    core.step(1, { type: 'peer', from: 'b', message: { type: 'report', boot: 1, seq: 1, hello: proven, opinions: [] } })
    core.step(2, { type: 'hello', hello: { ...proven, gossip: at(6666) } })
    expect(core.state.peers.get('b')!.gossip).toEqual(at(201))
  })

  it('in a report must be the sender’s own', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    core.step(0, { type: 'tick' })
    core.step(1, {
      type: 'peer',
      from: 'c',
      message: { type: 'report', boot: 1, seq: 1, hello: hello('b', undefined), opinions: [] },
    })
    expect(core.state.peers.size).toBe(0)
  })
})

// Found by the end-to-end test of a minority: the primary died before its replicas were committed, and the two sentinels that
// restarted after its death knew neither the replicas nor (no server having told them) their own address.
describe('a leader that started after the primary died', () => {
  const members = ['a', 'b', 'c']
  const restarted = () => {
    const nowhere = { host: '', port: 200 }
    return createCore(
      {
        self: { peer: 'a', runId: 'a'.repeat(40), gossip: nowhere, resp: nowhere },
        groups: [{ name: 'm', primary: at(1), quorum: 2, settings: { downAfterMs: 100 } }],
        knownPeers: [{ peer: 'b', runId: 'b'.repeat(40), gossip: at(201), resp: at(101) }],
        random: seededRandom(1),
        wallOffsetMs: 0,
        group: groupOf(members),
      },
      0,
    )
  }
  const begin = (core: ReturnType<typeof restarted>): Effect[] => [
    ...core.step(0, {
      type: 'committed',
      data: encodeEntry({ kind: 'monitor', group: 'm', primary: at(1), quorum: 2 }),
    }),
    ...core.step(1, { type: 'raft', view: { term: 2, leader: 'a', isLeader: true, voters: members, learners: [] } }),
    ...core.step(2, { type: 'link-down', ref: ref(1), failure: 'refused' }),
    ...[100, 200, 300, 400, 500, 600].flatMap((nowMs) => core.step(nowMs, { type: 'tick' })),
  ]
  const found: Input = {
    type: 'peer',
    from: 'b',
    message: {
      type: 'report',
      boot: 1,
      seq: 1,
      opinions: [{ group: 'm', primary: at(1), configEpoch: 0, verdict: 'dead', found: [at(2), at(3)] }],
    },
  }
  const proposed = (effects: readonly Effect[]) =>
    effects.flatMap((effect) => (effect.type === 'propose' ? [decodeEntry(effect.data)] : []))

  it('reports its verdict although it has no address to tell', () => {
    const reports = begin(restarted()).flatMap((effect) =>
      effect.type === 'broadcast' && effect.message.type === 'report' ? [effect.message] : [],
    )
    expect(reports.at(-1)).toMatchObject({ hello: undefined, opinions: [{ group: 'm', verdict: 'silent' }] })
  })

  it('takes the replicas over that another sentinel found, and replaces the primary', () => {
    const core = restarted()
    begin(core)
    const first = core.step(601, found)
    expect(proposed(first)).toMatchObject([
      { kind: 'replica', replica: at(2) },
      { kind: 'replica', replica: at(3) },
    ])
    const then = core.step(602, {
      type: 'committed',
      data: encodeEntry({ kind: 'replica', group: 'm', replica: at(2) }),
    })
    expect(proposed(then)).toMatchObject([{ kind: 'start', old: at(1) }])
  })

  it('takes over which history the primary wrote, if its process is the one that is known or none is', () => {
    const withMark = (replId: string, runId: string, after?: string): Input => {
      const opinions = [{ ...opinionOf(replId, runId), ...(after !== undefined && { after }) }]
      return { type: 'peer', from: 'b', message: { type: 'report', boot: 1, seq: 1, opinions } }
    }
    const opinionOf = (replId: string, runId: string) =>
      ({ group: 'm', primary: at(1), configEpoch: 0, verdict: 'dead', found: [], mark: { replId, runId } }) as const
    const histories = (effects: readonly Effect[]) => proposed(effects).filter((entry) => entry?.kind === 'history')
    const core = restarted()
    begin(core)
    expect(histories(core.step(601, withMark('h1', 'p')))).toMatchObject([{ mark: { replId: 'h1', runId: 'p' } }])
    const mark = { replId: 'h0', runId: 'p' }
    for (const [runId, after, expected] of [
      ['p', 'h0', 1],
      ['q', 'h0', 0],
      // What was heard by one that knew of no history, or of another, may be older.
      ['p', undefined, 0],
      ['p', 'h', 0],
    ] as const) {
      const other = restarted()
      begin(other)
      other.step(601, { type: 'committed', data: encodeEntry({ kind: 'history', group: 'm', primary: at(1), mark }) })
      expect(histories(other.step(602, withMark('h1', runId, after)))).toHaveLength(expected)
    }
  })

  it('asks a living primary instead', () => {
    const core = restarted()
    begin(core)
    core.step(601, { type: 'link-up', ref: ref(1), local: '10.0.0.9' })
    core.step(602, found)
    expect([...core.state.groups.get('m')!.servers.keys()]).toEqual(['10.0.0.1:1'])
  })
})

describe('SENTINEL SET', () => {
  const leading = () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    play(core, PREFIX.slice(0, -1))
    return core
  }
  const set = (changes: SettingChanges): Input => ({
    type: 'committed',
    data: encodeEntry({ kind: 'set', group: 'm', changes }),
  })
  const linkEffects = (effects: readonly Effect[]) =>
    effects.flatMap((effect) =>
      effect.type === 'connect' || effect.type === 'disconnect' ? [`${effect.type} ${effect.ref.port}`] : [],
    )

  it('of a password makes the links anew, for a link logs in once', () => {
    const core = leading()
    expect(linkEffects(core.step(10, set({ authPass: 'secret' })))).toEqual(
      [1, 2, 3].flatMap((p) => [`disconnect ${p}`, `connect ${p}`]),
    )
    expect(linkEffects(core.step(11, set({ authPass: 'secret', parallelSyncs: 2 })))).toEqual([])
  })

  it('is told with the names of the options, and without the password', () => {
    const core = leading()
    const told = core
      .step(10, set({ downAfterMs: 5000, authPass: 'secret', quorum: 2 }))
      .flatMap((effect) => (effect.type === 'event' && effect.name === '+set' ? [effect.payload] : []))
    const subject = 'master m 10.0.0.1 1'
    expect(told).toEqual([
      `${subject} down-after-milliseconds 5000`,
      `${subject} auth-pass ******`,
      `${subject} quorum 2`,
    ])
  })
})

describe('a peer that restarts after its clock was set back', () => {
  it('is heard: its new verdict counts, and a late one of its former life does not', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    play(core, PREFIX.slice(0, -1))
    const reporter = (wallOffsetMs: number, seed: number) => {
      const b = createCore(
        {
          self: { peer: 'b', runId: 'b'.repeat(40), gossip: at(201), resp: at(101) },
          groups: [{ name: 'm', primary: at(1), quorum: 2, settings: {} }],
          random: seededRandom(seed),
          wallOffsetMs,
          group: groupOf(['a', 'b', 'c']),
        },
        0,
      )
      return (nowMs: number): Input[] =>
        b
          .step(nowMs, { type: 'tick' })
          .flatMap((effect) =>
            effect.type === 'broadcast' ? [{ type: 'peer', from: 'b', message: effect.message } as const] : [],
          )
    }
    const first = reporter(10_000_000, 1)
    const [early, late] = [first(0), first(600)]
    const restarted = reporter(1_000_000, 2)(0)
    const heardMs = () => core.state.groups.get('m')!.votes.get('b')?.heardMs
    for (const input of early) core.step(10, input)
    expect(heardMs()).toBe(10)
    for (const input of restarted) core.step(20, input)
    expect(heardMs()).toBe(20)
    for (const input of late) core.step(30, input)
    expect(heardMs()).toBe(20)
  })
})

describe('a request', () => {
  const view = { term: 1, leader: 'a', isLeader: true, voters: ['a', 'b', 'c'], learners: [] }
  const leading = () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    play(core, PREFIX.slice(0, -1))
    return core
  }
  const proposals = (effects: readonly Effect[]): Entry[] =>
    effects.flatMap((effect) => (effect.type === 'propose' ? decodeEntry(effect.data)! : []))
  const answers = (effects: readonly Effect[]) =>
    effects.flatMap((effect) => (effect.type === 'answer' ? [effect.result] : []))
  const commit = (entry: Entry): Input => ({ type: 'committed', data: encodeEntry(entry) })

  it('of a peer that is no member is not followed', () => {
    const core = leading()
    const message = { type: 'request', id: 1, request: { kind: 'remove', group: 'm' } } as const
    expect(proposals(core.step(10, { type: 'peer', from: 'x', message }))).toEqual([])
    expect(proposals(core.step(10, { type: 'peer', from: 'b', message }))).toMatchObject([{ kind: 'remove' }])
  })

  it('is not taken for answered because somebody who is no member says so', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    play(core, PREFIX.slice(0, -1))
    core.step(9, { type: 'raft', view: { ...view, leader: 'b', isLeader: false } })
    core.step(10, { type: 'request', id: 5, request: { kind: 'remove', group: 'm' } })
    const message = { type: 'result', id: 5, result: { ok: true, text: 'OK' } } as const
    expect(answers(core.step(11, { type: 'peer', from: 'x', message }))).toEqual([])
    expect(answers(core.step(11, { type: 'peer', from: 'b', message }))).toEqual([{ ok: true, text: 'OK' }])
  })

  it('for a failover of each of two groups is taken in one go, and a second one of the same group refused', () => {
    const core = leading()
    core.step(9, commit({ kind: 'monitor', group: 'n', primary: at(9), quorum: 1 }))
    core.step(9, commit({ kind: 'replica', group: 'n', replica: at(8) }))
    for (const [group, p] of [
      ['m', 2],
      ['n', 8],
    ] as const) {
      core.step(9, { type: 'link-up', ref: { group, ...at(p) }, local: '10.0.0.9' })
      core.step(9, { type: 'pong', ref: { group, ...at(p) }, text: 'PONG' })
      const facts = parseInfo(
        'role:slave\nmaster_host:10.0.0.1\nmaster_port:1\nmaster_link_status:up\nslave_priority:100',
      )
      core.step(9, { type: 'info', ref: { group, ...at(p) }, info: facts })
    }
    const ask = (id: number, group: string) =>
      proposals(core.step(10, { type: 'request', id, request: { kind: 'failover', group } })).find(
        (entry) => entry.kind === 'start',
      )!
    const [m, n] = [ask(1, 'm'), ask(2, 'n')]
    expect(answers(core.step(11, commit(m)))).toMatchObject([{ ok: true }])
    expect(answers(core.step(12, commit(n)))).toMatchObject([{ ok: true }])
    const epochs = [...core.state.topology.groups.values()].map(({ failover }) => failover?.epoch)
    expect(epochs).toEqual([1, 2])
    expect(answers(core.step(14, { type: 'request', id: 3, request: { kind: 'failover', group: 'n' } }))).toEqual([
      { ok: false, text: 'INPROG Failover already in progress' },
    ])
  })

  it('to reset is answered when it was committed for every group, and with the error of one that refused', () => {
    const core = leading()
    core.step(9, commit({ kind: 'monitor', group: 'n', primary: at(9), quorum: 1 }))
    const reset: Input = { type: 'request', id: 1, request: { kind: 'reset', groups: ['m', 'n'] } }
    const asked = core.step(10, reset)
    const [m, n] = proposals(asked).filter(({ kind }) => kind === 'reset')
    expect([answers(asked), m!.group, n!.group]).toEqual([[], 'm', 'n'])
    expect(answers(core.step(11, commit(m!)))).toEqual([])
    expect(answers(core.step(12, commit(n!)))).toMatchObject([{ ok: true }])

    core.step(
      13,
      commit({ kind: 'start', group: 'm', epoch: 1, old: at(1), planned: true, by: 'b', atMs: 0, reason: '' }),
    )
    const again = proposals(core.step(14, reset)).filter(({ kind }) => kind === 'reset')
    const answered = again.flatMap((entry) => answers(core.step(15, commit(entry))))
    expect(answered).toEqual([{ ok: false, text: 'INPROG Failover of m in progress, it was not reset' }])
  })
})

describe('a sentinel that is gone', () => {
  const members = groupOf(['a', 'b', 'c'])
  const view = { term: 1, leader: 'b', isLeader: false, voters: ['a', 'b', 'c'], learners: ['d'] }
  /** Knows b, c, d and x, of whom only b still speaks after a while. */
  const following = () => {
    const core = coreOf(members)
    const steps: [number, Input][] = [[0, { type: 'raft', view }]]
    steps.push([
      0,
      { type: 'committed', data: encodeEntry({ kind: 'monitor', group: 'm', primary: at(1), quorum: 2 }) },
    ])
    for (const id of ['b', 'c', 'd', 'x'])
      steps.push([
        0,
        {
          type: 'peer',
          from: id,
          message: { type: 'report', boot: 1, seq: 1, hello: hello(id, members), opinions: [] },
        },
      ])
    for (let i = 0; i < 60; i++) steps.push([50, { type: 'heard', from: 'b' }], [0, { type: 'tick' }])
    play(core, steps)
    return core
  }
  const known = (core: ReturnType<typeof coreOf>) => [...core.state.peers.keys()]

  it('is forgotten on every sentinel by a committed reset when it is no member', () => {
    const core = following()
    expect(known(core)).toEqual(['b', 'c', 'd', 'x'])
    const effects = core.step(3001, { type: 'committed', data: encodeEntry({ kind: 'reset', group: 'm' }) })
    expect(known(core)).toEqual(['b', 'c', 'd'])
    expect(effects.some((effect) => effect.type === 'peers' && effect.peers.length === 3)).toBe(true)
  })

  it('is forgotten on every sentinel when it is a member no more', () => {
    const core = following()
    core.step(3001, { type: 'raft', view: { ...view, voters: ['a', 'b'] } })
    expect(known(core)).toEqual(['b', 'd', 'x'])
  })

  it('and was a learner is taken out of the group by a reset', () => {
    const core = following()
    core.step(3001, { type: 'raft', view: { ...view, leader: 'a', isLeader: true, voters: ['a', 'b'] } })
    core.step(3002, { type: 'request', id: 1, request: { kind: 'reset', groups: ['m'] } })
    const changes = core.step(3300, { type: 'tick' }).filter(({ type }) => type === 'change-members')
    expect(changes).toEqual([{ type: 'change-members', change: { kind: 'remove', node: 'd' } }])
  })

  it('and never became a member is forgotten by itself', () => {
    const core = following()
    for (let nowMs = 3_250; nowMs < 620_000; nowMs += 250) {
      core.step(nowMs, { type: 'heard', from: 'b' })
      core.step(nowMs, { type: 'tick' })
    }
    expect(known(core)).toEqual(['b', 'c', 'd'])
  })
})

describe('a server in an endless script', () => {
  it('is down when it answers BUSY for too long, and is told to end the script, once', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    play(core, PREFIX.slice(0, -1))
    const effects: Effect[] = []
    for (let nowMs = 10; nowMs < 500; nowMs += 10) {
      effects.push(...core.step(nowMs, { type: 'tick' }))
      for (const p of [1, 2, 3]) {
        const text = p === 1 ? 'BUSY Redis is busy running a script.' : 'PONG'
        effects.push(...core.step(nowMs, { type: 'pong', ref: ref(p), text }))
      }
    }
    const told = effects.flatMap((effect) => (effect.type === 'event' ? [`${effect.name} ${effect.payload}`] : []))
    expect(told).toContain('+sdown master m 10.0.0.1 1')
    expect(effects.filter(({ type }) => type === 'kill-script')).toEqual([{ type: 'kill-script', ref: ref(1) }])
    expect(core.step(501, { type: 'pong', ref: ref(1), text: 'PONG' })).toContainEqual(
      expect.objectContaining({ type: 'event', name: '-sdown' }),
    )
  })
})

describe('a snapshot of the leader', () => {
  it('drops servers that it does not name, for a reset may be in it', () => {
    const core = coreOf(groupOf(['a', 'b', 'c']))
    play(core, PREFIX.slice(0, -1))
    const other = coreOf(groupOf(['a', 'b', 'c']))
    play(other, PREFIX.slice(0, -2))
    const effects = core.step(10, { type: 'restore', data: other.snapshot() })
    expect(effects.filter(({ type }) => type === 'disconnect')).toEqual([{ type: 'disconnect', ref: ref(3) }])
    expect([...core.state.groups.get('m')!.servers.keys()]).toEqual(['10.0.0.1:1', '10.0.0.1:2'])
  })
})
