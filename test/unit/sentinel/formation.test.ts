// How a group is founded: by everybody who announces the same full view, and by nobody else.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import {
  createFormation,
  decideGroup,
  type Formation,
  type FormedGroup,
  foundersNeeded,
  groupOf,
  hear,
  startAnew,
  toGroup,
  VIEW_FRESH_MS,
  VIEW_HOLD_MS,
  viewOf,
} from '../../../src/sentinel/formation.ts'

const heard = (views: Record<string, string[]>, atMs = 0) => {
  const formation = createFormation('a')
  for (const [peer, view] of Object.entries(views)) hear(formation, peer, view, atMs)
  return formation
}
const all = ['a', 'b', 'c']

describe('decideGroup', () => {
  it('founds when all announce the same', () => {
    expect(decideGroup(heard({ b: all, c: all }), 3, 10)).toEqual(groupOf(all))
  })

  it('waits for who announces less', () => {
    expect(decideGroup(heard({ b: all, c: ['a', 'c'] }), 3, 10)).toBeUndefined()
    expect(decideGroup(heard({ b: all }), 3, 10)).toBeUndefined()
  })

  it('does not count what was announced a while ago', () => {
    expect(decideGroup(heard({ b: all, c: all }), 3, VIEW_FRESH_MS + 1)).toBeUndefined()
  })

  it('founds alone when one is enough', () => {
    expect(decideGroup(createFormation('a'), 1, 0)).toEqual(groupOf(['a']))
  })
})

describe('viewOf', () => {
  it('holds a full view that was announced, although a fourth one appears', () => {
    const formation = heard({ b: all, c: all })
    expect(viewOf(formation, 3, 10)).toEqual(all)
    hear(formation, 'd', ['a', 'b', 'c', 'd'], 11)
    expect(viewOf(formation, 3, 12)).toEqual(all)
    for (const peer of ['b', 'c', 'd']) hear(formation, peer, all, 10 + VIEW_HOLD_MS)
    expect(viewOf(formation, 3, 10 + VIEW_HOLD_MS)).toEqual(['a'])
    for (const peer of ['b', 'c', 'd']) hear(formation, peer, all, 2_000 + VIEW_HOLD_MS)
    expect(viewOf(formation, 3, 2_000 + VIEW_HOLD_MS)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('goes on with the same full view without a gap', () => {
    const formation = heard({ b: all, c: all })
    expect(viewOf(formation, 3, 10)).toEqual(all)
    for (const peer of ['b', 'c']) hear(formation, peer, all, 10 + VIEW_HOLD_MS)
    expect(viewOf(formation, 3, 10 + VIEW_HOLD_MS)).toEqual(all)
  })

  it('forgets who fell silent', () => {
    expect(viewOf(heard({ b: all }), 3, VIEW_HOLD_MS + 1)).toEqual(['a'])
  })
})

// The sentinels of a run announce to each other every 150 ms; what one is sent while it does not run waits for it.
describe('two groups', () => {
  interface Node {
    readonly formation: Formation
    group: FormedGroup | undefined
    joins: boolean
    awake: boolean
    readonly inbox: { from: string; view: readonly string[]; group: FormedGroup | undefined }[]
  }
  const run = () => {
    const nodes = new Map<string, Node>()
    let nowMs = 0
    const read = (id: string, node: Node): void => {
      for (const { from, view, group } of node.inbox.splice(0)) {
        if (group === undefined) hear(node.formation, from, view, nowMs)
        else if (group.members.includes(id)) node.group ??= group
        // Who hears of a group that does not name it asks to join that one, and founds no other.
        node.joins ||= group !== undefined
        if (!node.joins) node.group ??= decideGroup(node.formation, 3, nowMs)
      }
    }
    const world = {
      start: (...ids: string[]) => {
        for (const id of ids)
          nodes.set(id, { formation: createFormation(id), group: undefined, joins: false, awake: true, inbox: [] })
      },
      freeze: (...ids: string[]) => {
        for (const id of ids) nodes.get(id)!.awake = false
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
        for (const [from, { awake, formation, group }] of nodes) {
          if (!awake) continue
          const view = viewOf(formation, 3, nowMs)
          for (const [to, { inbox }] of nodes) if (to !== from && !lost(from, to)) inbox.push({ from, view, group })
        }
      },
      round: (lost?: (from: string, to: string) => boolean) => {
        world.announce(lost)
        for (const [id, node] of nodes) if (node.awake) read(id, node)
      },
      groups: () => new Set([...nodes.values()].flatMap(({ group }) => (group === undefined ? [] : group.id))),
      undecided: () => [...nodes].filter(([, { group }]) => group === undefined).map(([id]) => id),
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
    for (let i = 0; i < 40; i++) world.round()
    expect(world.groups()).toEqual(new Set([groupOf(['3', '4', '5']).id]))
    world.thaw('1', '2')
    for (let i = 0; i < 40; i++) world.round()
    expect(world.groups()).toEqual(new Set([groupOf(['3', '4', '5']).id]))
    expect(world.undecided()).toEqual(['1', '2'])
  })

  it('are not founded when hellos get lost for a while, and one is founded in the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 5 }), fc.nat(), fc.integer({ min: 10, max: 60 }), (count, seed, rounds) => {
        const world = run()
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
