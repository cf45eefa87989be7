// How a group is founded: by everybody who announces the same full view, and by nobody else.
import { describe, expect, it } from 'vitest'
import {
  createFormation,
  decideGroup,
  foundersNeeded,
  groupOf,
  hear,
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
    expect(viewOf(formation, 3, 10 + VIEW_HOLD_MS)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('forgets who fell silent', () => {
    expect(viewOf(heard({ b: all }), 3, VIEW_HOLD_MS + 1)).toEqual(['a'])
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
