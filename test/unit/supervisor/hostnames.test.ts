// When a name is looked up: while the server that it named does not answer, and not otherwise.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Address } from '../../../src/sentinel/address.ts'
import { followHostnames } from '../../../src/supervisor/hostnames.ts'
import type { Sentinel } from '../../../src/supervisor/sentinel.ts'

const at = (host: string) => ({ host, port: 6379 })
const group = { name: 'm', host: 'redis-0', port: 6379 }

/** A sentinel that knows the name by this address, and whether the server answers there. */
function sentinelOf(known: Address | undefined, answers: boolean) {
  const told: string[] = []
  const server = { link: answers ? 'up' : 'down', judgement: { verdict: 'up' } }
  const hostname = known && { host: 'redis-0', address: known }
  const state = {
    topology: { groups: new Map([['m', { name: 'm', hostname }]]) },
    groups: new Map([['m', { servers: new Map([['10.0.0.1:6379', server]]) }]]),
  }
  const sentinel = {
    core: { state },
    hostname: (name: string, host: string, address: Address) => told.push(`${name} ${host} ${address.host}`),
  } as unknown as Sentinel
  return { told, sentinel }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it.each([
  ['is not known yet', undefined, true, 1],
  ['does not answer where it was', at('10.0.0.1'), false, 1],
  ['answers where it was', at('10.0.0.1'), true, 0],
])('looks a name up when the server %s: %#', async (_, known, answers, lookUps) => {
  const { told, sentinel } = sentinelOf(known, answers)
  const stop = followHostnames(sentinel, [group], async () => '10.0.0.7')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(told).toEqual(Array(lookUps).fill('m redis-0 10.0.0.7'))
  stop()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(told).toHaveLength(lookUps)
})

it('looks up also what only the others were told', async () => {
  const { told, sentinel } = sentinelOf(at('10.0.0.1'), false)
  followHostnames(sentinel, [], async () => '10.0.0.7')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(told).toEqual(['m redis-0 10.0.0.7'])
})

it('looks no address up', async () => {
  const { told, sentinel } = sentinelOf(undefined, false)
  followHostnames(sentinel, [{ ...group, host: '10.0.0.1' }], async () => '10.0.0.7')
  await vi.advanceTimersByTimeAsync(5_000)
  expect(told).toEqual([])
})
