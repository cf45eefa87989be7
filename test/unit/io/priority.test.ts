// Raising the priority: never lowers it, and does not fail where it is not permitted.
import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { expect, it } from 'vitest'
import { raisePriority } from '../../../src/io/priority.ts'

/** Ids of this process's threads; where there is no /proc, just the process. */
const threads = (): number[] =>
  process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [process.pid]

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
  for (const thread of threads()) if (permitted) setPriority(thread, before)
})

it.runIf(process.platform === 'linux')('raises the threads that write files and collect garbage too', () => {
  const before = getPriority()
  const permitted = mayRaise()
  expect(threads().length).toBeGreaterThan(1)
  raisePriority(before - 3)
  const nice = threads().map((thread) => getPriority(thread))
  for (const thread of threads()) if (permitted) setPriority(thread, before)
  expect(new Set(nice)).toEqual(new Set([permitted ? before - 3 : before]))
})
