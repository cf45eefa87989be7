// Raising the priority: never lowers it, and does not fail where it is not permitted.
import { getPriority, setPriority } from 'node:os'
import { expect, it } from 'vitest'
import { raisePriority } from '../../../src/io/priority.ts'

/** Whether this process may take back what it gave away. */
function mayRaise(): boolean {
  const before = getPriority()
  try {
    setPriority(before - 1)
    setPriority(before)
    return true
  } catch {
    return false
  }
}

it('never makes the process less urgent', () => {
  const before = getPriority()
  expect(raisePriority(19)).toBe(before)
  expect(raisePriority(before)).toBe(before)
  expect(getPriority()).toBe(before)
})

it('makes it more urgent where that is permitted, and else leaves it as it is', () => {
  const before = getPriority()
  const permitted = mayRaise()
  expect(raisePriority(before - 2)).toBe(permitted ? before - 2 : before)
  setPriority(before)
})
