// How a group is founded: by everybody who announces the same full view, and by nobody else.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import {
  type Call,
  callOf,
  createFormation,
  decideGroup,
  type Formation,
  type FormedGroup,
  foundersNeeded,
  groupOf,
  hear,
  isPlaceholder,
  type Need,
  PATIENCE_MS,
  startAnew,
  toGroup,
  VIEW_FRESH_MS,
  VIEW_HOLD_MS,
} from '../../../src/sentinel/formation.ts'

const all = ['a', 'b', 'c']
const call = (view: readonly string[], of = view.length): Call => ({ view, of })
/** `a` heard these calls, just as they were made. */
const heard = (calls: Record<string, Call>, atMs = 0) => {
  const formation = createFormation('a')
  for (const [peer, one] of Object.entries(calls)) hear(formation, peer, one, atMs, atMs)
  return formation
}
const need = (founders: number, others: Partial<Need> = {}): Need => ({
  founders,
  expected: false,
  known: 1,
  listening: true,
  groupNear: false,
  groupHeardMs: undefined,
  memberHeard: false,
  ...others,
})

describe('decideGroup', () => {
  it('founds when all make the same call', () => {
    expect(decideGroup(heard({ b: call(all), c: call(all) }), need(3), 10)).toEqual(groupOf(all))
  })

  it('waits for who calls for others, for none, or does not speak', () => {
    expect(decideGroup(heard({ b: call(all), c: call(['a', 'c'], 3) }), need(3), 10)).toBeUndefined()
    expect(decideGroup(heard({ b: call(all), c: call(all, 0) }), need(3), 10)).toBeUndefined()
    expect(decideGroup(heard({ b: call(all) }), need(3), 10)).toBeUndefined()
  })

  // The simulator found it: another, which heard nothing of that group, founded a second one on the call.
  it('makes no call, not even one that is still held, beside a member of a group that was heard', () => {
    const formation = heard({ b: call(all), c: call(all) })
    expect(callOf(formation, need(3), 10)).toEqual(call(all))
    const beside = need(3, { memberHeard: true })
    expect(callOf(formation, beside, 20)).toEqual(call(['a'], 0))
    expect(decideGroup(formation, beside, 20)).toBeUndefined()
    expect(callOf(formation, need(3), 30)).toEqual(call(['a'], 0))
  })

  it('counts a call as being as old as what its author had heard', () => {
    const formation = heard({ b: call(all) })
    hear(formation, 'c', call(all), 600, 600 - VIEW_FRESH_MS - 1)
    hear(formation, 'b', call(all), 600, 590)
    expect(decideGroup(formation, need(3), 600)).toBeUndefined()
    hear(formation, 'c', call(all), 601, 590)
    expect(decideGroup(formation, need(3), 601)).toEqual(groupOf(all))
  })

  it('founds alone at once when the operator expects one', () => {
    expect(decideGroup(createFormation('a'), need(1, { expected: true }), 0)).toEqual(groupOf(['a']))
  })
})

describe('a quorum of 1 that nobody explained', () => {
  const alone = (given: Need, untilMs: number) => {
    const formation = createFormation('a')
    for (let nowMs = 0; nowMs < untilMs; nowMs += 50) {
      const group = decideGroup(formation, given, nowMs)
      if (group !== undefined) return { group, nowMs }
    }
    return undefined
  }

  it('waits for others, and founds alone when a server told of none', () => {
    expect(alone(need(1), 10_000)).toEqual({ group: groupOf(['a']), nowMs: PATIENCE_MS })
    expect(alone(need(1, { listening: false }), 10_000)).toBeUndefined()
    expect(alone(need(1, { known: 2 }), 10_000)).toBeUndefined()
    expect(alone(need(1, { groupNear: true }), 10_000)).toBeUndefined()
  })
})

describe('callOf', () => {
  it('holds a call that was made, although a fourth one appears', () => {
    const formation = heard({ b: call(all), c: call(all) })
    expect(callOf(formation, need(3), 10)).toMatchObject(call(all))
    hear(formation, 'd', call(['a', 'b', 'c', 'd']), 11, 11)
    expect(callOf(formation, need(3), 12)).toMatchObject(call(all))
    for (const peer of ['b', 'c', 'd']) hear(formation, peer, call(all), 10 + VIEW_HOLD_MS, 10 + VIEW_HOLD_MS)
    expect(callOf(formation, need(3), 10 + VIEW_HOLD_MS)).toEqual(call(['a'], 0))
    for (const peer of ['b', 'c', 'd']) hear(formation, peer, call(all), 2_000 + VIEW_HOLD_MS, 2_000)
    expect(callOf(formation, need(3), 2_000 + VIEW_HOLD_MS)).toEqual(call(['a', 'b', 'c', 'd']))
  })

  it('goes on with the same call without a gap', () => {
    const formation = heard({ b: call(all), c: call(all) })
    expect(callOf(formation, need(3), 10)).toEqual(call(all))
    for (const peer of ['b', 'c']) hear(formation, peer, call(all), 10 + VIEW_HOLD_MS, 10 + VIEW_HOLD_MS)
    expect(callOf(formation, need(3), 10 + VIEW_HOLD_MS)).toEqual(call(all))
  })

  it('forgets who fell silent', () => {
    expect(callOf(heard({ b: call(all) }), need(3), VIEW_HOLD_MS + 1)).toEqual(call(['a'], 0))
  })

  it('makes room for others among too many', () => {
    const formation = createFormation('a')
    for (let i = 0; i < 200; i++) hear(formation, `x${i}`, call([`x${i}`], 0), 0, 0)
    hear(formation, 'b', call(['b'], 0), VIEW_HOLD_MS + 1, 0)
    expect(callOf(formation, need(3), VIEW_HOLD_MS + 1).view).toEqual(['a', 'b'])
  })
})

// The sentinels of a run announce to each other every 150 ms; what one is sent while it does not run waits for it.
describe('two groups', () => {
  interface Node {
    readonly formation: Formation
    group: FormedGroup | undefined
    joins: boolean
    awake: boolean
    dead: boolean
    /** When it last read something of another, as that one's announcements echo it. */
    readonly heardOf: Map<string, number>
    readonly inbox: {
      from: string
      call: Call
      group: FormedGroup | undefined
      saidMs: number
      echo: ReadonlyMap<string, number>
    }[]
  }
  const run = (founders = 3, known = (_id: string): number => 1) => {
    const nodes = new Map<string, Node>()
    let nowMs = 0
    const needed = (id: string) => need(founders, { known: known(id) })
    const read = (id: string, node: Node): void => {
      for (const { from, call: made, group, saidMs, echo } of node.inbox.splice(0)) {
        node.heardOf.set(from, saidMs)
        if (group === undefined) hear(node.formation, from, made, nowMs, echo.get(id) ?? Number.NEGATIVE_INFINITY)
        else if (group.members.includes(id)) node.group ??= group
        // Who hears of a group that does not name it asks to join that one, and founds no other.
        node.joins ||= group !== undefined
        if (!node.joins) node.group ??= decideGroup(node.formation, needed(id), nowMs)
      }
    }
    const world = {
      start: (...ids: string[]) => {
        for (const id of ids)
          nodes.set(id, {
            formation: createFormation(id),
            group: undefined,
            joins: false,
            awake: true,
            dead: false,
            heardOf: new Map(),
            inbox: [],
          })
      },
      freeze: (...ids: string[]) => {
        for (const id of ids) nodes.get(id)!.awake = false
      },
      kill: (...ids: string[]) => {
        for (const id of ids) Object.assign(nodes.get(id)!, { awake: false, dead: true })
      },
      thaw: (...ids: string[]) => {
        for (const id of ids) {
          const node = nodes.get(id)!
          node.awake = true
          if (node.group === undefined) startAnew(node.formation, nowMs)
          read(id, node)
        }
      },
      /** Everybody announces; `lost` tells whose announcements do not get to whom. */
      announce: (lost: (from: string, to: string) => boolean = () => false) => {
        nowMs += 150
        for (const [from, { awake, formation, group, heardOf }] of nodes) {
          if (!awake) continue
          const { view, of } = callOf(formation, needed(from), nowMs)
          const said = { from, call: { view, of }, group, saidMs: nowMs, echo: new Map(heardOf) }
          for (const [to, { inbox }] of nodes) if (to !== from && !lost(from, to)) inbox.push(said)
        }
      },
      round: (lost?: (from: string, to: string) => boolean) => {
        world.announce(lost)
        for (const [id, node] of nodes) if (node.awake) read(id, node)
      },
      /** The groups that a majority of their members has joined: only such a one can decide anything. */
      existing: () => {
        const joined = new Map<string, { group: FormedGroup; count: number }>()
        for (const { group } of nodes.values()) {
          if (group === undefined) continue
          const seen = joined.get(group.id) ?? { group, count: 0 }
          joined.set(group.id, { group, count: seen.count + 1 })
        }
        return [...joined.values()]
          .filter(({ group, count }) => count * 2 > group.members.length)
          .map(({ group }) => group)
      },
      groups: () => new Set([...nodes.values()].flatMap(({ group }) => (group === undefined ? [] : group.id))),
      undecided: () => [...nodes].filter(([, { group, dead }]) => group === undefined && !dead).map(([id]) => id),
    }
    return world
  }

  it('are not founded by two that did not run while a third went on to others', () => {
    const world = run()
    world.start('1', '2', '3')
    world.round()
    // All three see all three and say so; 3 does not hear it, and the others sleep before they read it.
    world.announce((_, to) => to === '3')
    world.freeze('1', '2')
    world.round()
    world.start('4', '5')
    for (let i = 0; i < 60; i++) world.round()
    expect(world.existing()).toEqual([groupOf(['3', '4', '5'])])
    world.thaw('1', '2')
    for (let i = 0; i < 60; i++) world.round()
    expect(world.existing()).toEqual([groupOf(['3', '4', '5'])])
  })

  it('are not founded when hellos get lost for a while, and one is founded in the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 5 }), fc.nat(), fc.integer({ min: 10, max: 60 }), (count, seed, rounds) => {
        const world = run(3, () => count)
        const random = seededRandom(seed)
        const ids = Array.from({ length: count }, (_, i) => String(i + 1))
        world.start(...ids.slice(0, 3))
        for (let i = 0; i < rounds; i++) {
          if (i === 5) world.start(...ids.slice(3))
          world.round(() => random.below(3) === 0)
        }
        for (let i = 0; i < 100 && world.undecided().length === count; i++) world.round()
        expect(world.groups().size).toBe(1)
      }),
      { numRuns: 300 },
    )
  })

  it('do not come of a majority that goes on without the rest, whoever hears whom, with as many about as there should be', () => {
    let founded = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 7 }),
        fc.nat(),
        fc.integer({ min: 20, max: 120 }),
        (count, seed, rounds) => {
          const random = seededRandom(seed)
          const ids = Array.from({ length: count }, (_, i) => String(i + 1))
          const world = run(count, () => (random.below(30) === 0 ? 1 + random.below(count) : count))
          world.start(...ids)
          // Partitions of every shape, one-sided ones too, that last for some rounds.
          let deaf = new Set<string>()
          for (let i = 0; i < rounds; i++) {
            if (i % 12 === 0)
              deaf = new Set(
                ids.flatMap((from) => ids.flatMap((to) => (random.below(4) === 0 ? [`${from} ${to}`] : []))),
              )
            if (random.below(40) === 0) world.freeze(ids[random.below(count)]!)
            if (random.below(10) === 0) world.thaw(ids[random.below(count)]!)
            world.round((from, to) => deaf.has(`${from} ${to}`))
            expect(world.existing().length).toBeLessThanOrEqual(1)
          }
          founded += world.existing().length
        },
      ),
      { numRuns: 300 },
    )
    expect(founded).toBeGreaterThan(20)
  })

  it('and none at all is not the end of it: five saw each other, one died, and the four go on', () => {
    const world = run(5, () => 5)
    const ids = ['1', '2', '3', '4', '5']
    world.start(...ids)
    world.round()
    world.kill('5')
    for (let i = 0; i < 40; i++) world.round()
    const [group, ...others] = world.existing()
    expect(others).toEqual([])
    expect(group!.members.filter((id) => !isPlaceholder(id))).toEqual(['1', '2', '3', '4'])
    expect(group!.members.filter(isPlaceholder)).toHaveLength(1)
    expect(world.undecided()).toEqual([])
  })

  it('nor is it with three and a quorum of 1: they found one together', () => {
    const world = run(1, () => 3)
    world.start('1', '2', '3')
    for (let i = 0; i < 40; i++) world.round()
    expect(world.groups()).toEqual(new Set([groupOf(['1', '2', '3']).id]))
  })
})

it('needs twice the quorum less one, or what the operator expects', () => {
  expect([
    foundersNeeded([2], undefined),
    foundersNeeded([1, 3], undefined),
    foundersNeeded([2], 5),
    foundersNeeded([], undefined),
  ]).toEqual([3, 5, 5, 1])
})

it('accepts a group only with the ID of its members', () => {
  const group = groupOf(['b', 'a', 'b'])
  expect(group.members).toEqual(['a', 'b'])
  expect(toGroup({ ...group })).toEqual(group)
  expect(toGroup({ id: group.id, members: ['a', 'c'] })).toBeUndefined()
  expect(toGroup({ id: group.id, members: [] })).toBeUndefined()
})
