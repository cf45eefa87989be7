// Whom the leader lets in, and whose place a new sentinel takes. Raft is played by a list of members that obeys.
import { describe, expect, it } from 'vitest'
import { MEMBERS_MAX } from '../../../src/lib/limits.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { type CoreOptions, createCore } from '../../../src/sentinel/core.ts'
import type { Effect } from '../../../src/sentinel/effects.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import type { Hello } from '../../../src/sentinel/hello.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const founders = groupOf(['a', 'b', 'c'])

/** The leader `a` of a, b and c (named as told), and others that speak or are silent. */
function lead(options: Partial<CoreOptions> = {}, names: Record<string, string> = {}, group = founders) {
  const core = createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100), name: names.a },
      groups: [{ name: 'm', primary: at(1), quorum: 2, settings: {} }],
      random: seededRandom(1),
      wallOffsetMs: 0,
      group,
      ...options,
    },
    0,
  )
  let nowMs = 0
  let seq = 1
  let voters: string[] = [...group.members]
  let learners: string[] = []
  let leader = 'a'
  const log: string[] = []
  const said: string[] = []
  const hello = (peer: string, joined: boolean): Hello => ({
    runId: peer.repeat(40).slice(0, 40),
    peer,
    gossip: at(201),
    resp: at(101),
    group: joined ? group : undefined,
    view: [],
    of: 0,
    name: names[peer],
    watches: ['m'],
    epoch: 0,
  })
  const take = (effects: readonly Effect[]): void => {
    for (const effect of effects) {
      if (effect.type === 'log') said.push(effect.text)
      if (effect.type === 'send' && effect.message.type === 'refusal')
        said.push(`to ${effect.to}: ${effect.message.text}`)
      if (effect.type !== 'change-members') continue
      const { kind, node } = effect.change
      log.push(`${kind} ${node}`)
      voters = voters.filter((id) => id !== node)
      learners = learners.filter((id) => id !== node)
      if (kind === 'add-learner') learners = [...learners, node]
      if (kind === 'promote') voters = [...voters, node].sort()
      take(core.step(nowMs, view()))
    }
  }
  const view = () => ({ type: 'raft', view: { term: 1, leader, isLeader: leader === 'a', voters, learners } }) as const
  take(core.step(0, view()))
  const world = {
    core,
    log,
    said,
    voters: () => voters,
    /** Another leader's change comes, of whom this one did not hear that they are dead. */
    changed: (now: string[]) => {
      voters = now
      leader = 'b'
      take(core.step(nowMs, view()))
    },
    join: (peer: string, from = peer) =>
      take(core.step(nowMs, { type: 'peer', from, message: { type: 'join', hello: hello(peer, false) } })),
    /** Time passes while these speak. */
    run: (forMs: number, ...living: string[]) => {
      for (const untilMs = nowMs + forMs; nowMs < untilMs; ) {
        nowMs += 50
        for (const peer of living) {
          const joined = voters.includes(peer) || learners.includes(peer)
          const message = { type: 'report', boot: 1, seq: seq++, hello: hello(peer, joined), opinions: [] } as const
          take(core.step(nowMs, { type: 'peer', from: peer, message }))
        }
        take(core.step(nowMs, { type: 'tick' }))
      }
    },
  }
  world.run(500, ...group.members.filter((id) => id !== 'a' && id < 'x'))
  return world
}

describe('a sentinel that comes anew', () => {
  it('is one voter more while nobody is dead', () => {
    const world = lead()
    world.join('d')
    world.run(500, 'b', 'c', 'd')
    expect(world.log).toEqual(['add-learner d', 'promote d'])
  })

  it('takes the place of the dead voter of its name at once', () => {
    const world = lead({}, { a: 'pod-0', b: 'pod-1', c: 'pod-2', C: 'pod-2' })
    world.run(3_000, 'b')
    world.join('C')
    world.run(500, 'b', 'C')
    expect(world.log).toEqual(['add-learner C', 'remove c', 'promote C'])
    expect(world.said.join()).toContain('takes the place of 10.0.0.1:101')
  })

  it('keeps the quorum when three without volumes are replaced one after another', () => {
    const world = lead({}, { a: 'pod-0', b: 'pod-1', c: 'pod-2', C: 'pod-2', B: 'pod-1', Z: 'pod-2' })
    for (const [fresh, ...others] of [
      ['C', 'b'],
      ['B', 'C'],
      ['Z', 'B'],
    ] as const) {
      world.run(3_000, ...others)
      world.join(fresh)
      world.run(1_000, ...others, fresh)
      expect(world.voters()).toHaveLength(3)
    }
    expect(world.voters()).toEqual(['B', 'Z', 'a'])
  })

  it('does not take the place of a namesake that lives, and says so', () => {
    const world = lead({}, { a: 'pod-0', b: 'pod-1', c: 'pod-2', C: 'pod-2' })
    world.join('C')
    world.run(15_000, 'b', 'c', 'C')
    expect(world.log).toEqual(['add-learner C'])
    expect(world.said.join()).toContain('both have the announce-id pod-2')
  })

  it('without a name waits until a voter is dead for long enough', () => {
    const world = lead({ replaceAfterMs: 6_000 })
    world.run(3_000, 'b')
    world.join('d')
    world.run(2_500, 'b', 'd')
    expect(world.log).toEqual(['add-learner d'])
    world.run(1_000, 'b', 'd')
    expect(world.log).toEqual(['add-learner d', 'remove c', 'promote d'])
  })

  it('is a voter more when the dead one returns before that', () => {
    const world = lead({ replaceAfterMs: 6_000 })
    world.run(3_000, 'b')
    world.join('d')
    world.run(1_000, 'b', 'd')
    world.run(500, 'b', 'c', 'd')
    expect(world.log).toEqual(['add-learner d', 'promote d'])
  })

  it('takes a place at once when there would be more than expected', () => {
    const world = lead({ expect: 3 })
    world.run(3_000, 'b')
    world.join('d')
    world.run(500, 'b', 'd')
    expect(world.log).toEqual(['add-learner d', 'remove c', 'promote d'])
  })

  it('never costs the majority: with two of three dead nobody loses a place', () => {
    const world = lead({ replaceAfterMs: 1_000 })
    world.run(3_000)
    world.join('d')
    world.run(20_000, 'd')
    expect(world.log).toEqual(['add-learner d'])
  })

  it('is replaced one for one in a group of five', () => {
    const five = groupOf(['a', 'b', 'c', 'd', 'e'])
    const world = lead({ replaceAfterMs: 4_000 }, {}, five)
    world.run(5_000, 'b', 'c')
    world.join('x')
    world.run(3_000, 'b', 'c', 'x')
    expect(world.log).toEqual(['add-learner x', 'remove d', 'promote x'])
  })

  it('is not let in when there are too many, and is told the number', () => {
    const world = lead()
    const living = ['b', 'c']
    for (let i = 0; i < MEMBERS_MAX; i++) {
      living.push(`x${i}`)
      world.join(`x${i}`)
      world.run(400, ...living)
    }
    expect(world.said.filter((line) => line.startsWith('to '))).toContainEqual(
      expect.stringContaining(`the group has ${MEMBERS_MAX} members, and no more can be`),
    )
  })

  it('is let in on its own word or a member’s, and on nobody else’s', () => {
    const world = lead()
    world.join('d', 'x')
    expect(world.log).toEqual([])
    world.join('d', 'b')
    expect(world.log).toEqual(['add-learner d'])
  })
})

describe('a place', () => {
  it('that was held for one who was missing at the foundation is given up', () => {
    const world = lead({}, {}, groupOf(['a', 'b', 'c', '~missing-1', '~missing-2']))
    world.run(1_500, 'b', 'c')
    expect(world.log).toEqual(['remove ~missing-1', 'remove ~missing-2'])
  })

  it('takes the name of its predecessor from the list, also where that one still seemed to live', () => {
    const world = lead()
    world.join('d')
    world.changed(['a', 'b', 'd'])
    expect(world.core.state.peers.has('c')).toBe(true)
    world.run(3000, 'b', 'd')
    expect([...world.core.state.peers.keys()].sort()).toEqual(['b', 'd'])
  })

  it('that was lost is given back to one that returns, and a learner that is gone is dropped', () => {
    const world = lead({ expect: 3, replaceAfterMs: 5_000 })
    world.run(3_000, 'b')
    world.join('d')
    world.run(500, 'b', 'd')
    world.log.length = 0
    world.run(500, 'b', 'c', 'd')
    expect(world.log).toEqual([])
    world.join('e')
    world.run(100, 'b', 'd', 'e')
    world.run(7_000, 'b', 'd')
    expect(world.log).toEqual(['add-learner e', 'promote e', 'remove e'])
  })

  it('is taken from dead voters that are too many since expect went down, and never from a majority', () => {
    const five = groupOf(['a', 'b', 'c', 'd', 'e'])
    const world = lead({ expect: 3, replaceAfterMs: 5_000 }, {}, five)
    world.run(4_000, 'b', 'c')
    expect(world.log).toEqual([])
    world.run(3_000, 'b', 'c')
    expect(world.log).toEqual(['remove d', 'remove e'])
    world.run(10_000, 'b')
    expect(world.voters()).toEqual(['a', 'b', 'c'])
    const without = lead({ expect: 3, replaceAfterMs: 5_000 }, {}, five)
    without.run(10_000, 'b')
    expect(without.voters()).toHaveLength(5)
  })
})
