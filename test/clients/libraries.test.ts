// examples/libraries: BullMQ, Redlock and rate-limiter-flexible as they come from npm, through the sentinels of a group whose primary is
// killed meanwhile. In write-mode sync, so that nothing that was acknowledged may be forgotten.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ConnectionOptions, FlowProducer, type Job, type Queue, type QueueEvents, type Worker } from 'bullmq'
import { Redis, type RedisOptions } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
// @ts-expect-error An example without types.
import * as bull from '../../examples/libraries/bullmq.mjs'
// @ts-expect-error An example without types.
import { connectionTo } from '../../examples/libraries/demonstrate.mjs'
// @ts-expect-error An example without types.
import { ask, openLimiter } from '../../examples/libraries/rate-limiter-flexible.mjs'
// @ts-expect-error An example without types.
import { openLocks } from '../../examples/libraries/redlock.mjs'
import { announcedPort, type Group, linkUp, startGroup } from '../support/group.ts'
import { ROOT } from '../support/paths.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'

interface Lock {
  readonly value: string
  readonly expiration: number
  extend(ms: number): Promise<Lock>
  unlock(): Promise<void>
}
interface Verdict {
  readonly allowed: boolean
  readonly consumedPoints: number
  readonly msBeforeNext: number
}

let scope: Scope
let group: Group
beforeAll(async () => {
  scope = createScope()
  const sentinelLines = ['sentinel write-mode mymaster sync']
  group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', sentinelLines })
}, 60_000)
afterAll(() => scope.close())

const addresses = () => group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
const connection = (options?: RedisOptions): RedisOptions => connectionTo(group.name, addresses(), options)
function connect(): Redis {
  const client = new Redis(connection())
  client.on('error', () => {})
  scope.defer(async () => client.disconnect())
  return client
}

/** Kills the primary; it comes back as a replica of the next one. */
async function killPrimary(): Promise<void> {
  const sentinel = group.sentinels[0]!
  const port = await announcedPort(sentinel, group.name)
  const killed = group.serverAt(port)
  await killed.proc.kill()
  const next = async (): Promise<number> => announcedPort(sentinel, group.name)
  await eventually('another server is primary', async () => (await next()) !== port, { timeoutMs: 30_000 })
  await killed.restart()
  await linkUp(killed, await next())
}

type Part = Queue | Worker | QueueEvents | FlowProducer
let parts: Part[] = []
/** They wait for replies as they close, so before the group ends. */
afterEach(async () => {
  for (const part of parts.reverse()) await part.close()
  parts = []
})

/** What a part of BullMQ tells of its connections is no fault here: they come anew. */
function opened<T extends Part>(part: T): T {
  part.removeAllListeners('error')
  ;(part as Queue).on('error', () => {})
  parts.push(part)
  return part
}

it('BullMQ loses no job, leaves none stuck and gives none to two workers at once', { timeout: 60_000 }, async () => {
  const to = connection(bull.CONNECTION)
  const queue: Queue = opened(bull.openQueue('jobs', to))
  const flows = opened(new FlowProducer({ connection: to as ConnectionOptions }))
  /** When the lock was asked for under which a worker has the job. */
  const running = new Map<string, number>()
  const done = new Map<string, number>()
  const twiceAtOnce: string[] = []
  const order: string[] = []
  const handle = async (job: Job): Promise<string> => {
    const id = job.id!
    const [first, askedMs] = [running.get(id), job.processedOn!]
    // Who is told so late that he has the job that its lock is over finds another one at it: so BullMQ has it.
    if (first !== undefined && askedMs < first + bull.LOCK_MS)
      twiceAtOnce.push(
        `${id} ${first} ${askedMs} ${Date.now()} started ${job.attemptsStarted} stalled ${job.stalledCounter} token ${job.token}`,
      )
    running.set(id, askedMs)
    order.push(id)
    try {
      await sleep(3)
      if (job.name === 'fails at first' && job.attemptsMade === 0) throw new Error('at first')
      if (job.name === 'fails') throw new Error('always')
      if (job.name === 'parent')
        return Object.values(await job.getChildrenValues())
          .sort()
          .join()
      return `did ${id}`
    } finally {
      running.delete(id)
      done.set(id, (done.get(id) ?? 0) + 1)
    }
  }
  for (let i = 0; i < 3; i++) opened(bull.openWorker('jobs', to, handle, { concurrency: 4 }) as Worker)
  const events: QueueEvents = opened(bull.openEvents('jobs', to))
  await events.waitUntilReady()
  const told = new Set<string>()
  events.on('completed', ({ jobId }) => void told.add(jobId))

  const parent = flows.add({
    name: 'parent',
    queueName: 'jobs',
    opts: { jobId: 'parent' },
    children: ['x', 'y'].map((child) => ({ name: 'child', queueName: 'jobs', opts: { jobId: `child-${child}` } })),
  })
  const added = ['parent', 'child-x', 'child-y']
  const add = async (name: string, jobId: string, options = {}): Promise<void> => {
    await queue.add(name, {}, { jobId, ...options })
    added.push(jobId)
  }
  let killed: Promise<void> | undefined
  for (let n = 0; n < 200; n++) {
    if (n === 70) killed = killPrimary()
    await add('plain', `plain-${n}`)
    if (n % 30 === 0) {
      await add('late', `late-${n}`, { delay: 300 })
      await add('urgent', `urgent-${n}`, { priority: 1 })
      await add('fails at first', `again-${n}`, { attempts: 3, backoff: { type: 'fixed', delay: 100 } })
    }
  }
  await Promise.all([queue.add('fails', {}, { jobId: 'fails' }), parent, killed])

  await eventually(
    'all jobs are done',
    async () => {
      const { completed, failed, ...others } = await queue.getJobCounts()
      return completed === added.length && failed === 1 && Object.values(others).every((count) => count === 0)
    },
    { timeoutMs: 30_000, intervalMs: 50 },
  )
  const completed = (await queue.getCompleted(0, -1)).map(({ id }) => id!)
  expect(completed.sort()).toEqual(added.sort())
  expect((await queue.getFailed()).map(({ id, failedReason }) => [id, failedReason])).toEqual([['fails', 'always']])
  expect((await queue.getJob('parent'))?.returnvalue).toBe('did child-x,did child-y')
  expect(twiceAtOnce).toEqual([])
  expect(added.filter((id) => !done.has(id))).toEqual([])
  expect(order.indexOf('child-x')).toBeLessThan(order.indexOf('parent'))
  await eventually('the events told of most', async () => told.size > added.length - 50)
})

it('Redlock gives its lock to one at a time, and the next primary knows it', { timeout: 60_000 }, async () => {
  const TTL_MS = 2000
  const held: Lock = await openLocks([connect()]).lock('held', 120_000)
  let inside: Lock | undefined
  const both: string[] = []
  let turns = 0
  let stop = false
  const contend = async (): Promise<void> => {
    const locks = openLocks([connect()])
    while (!stop) {
      const lock: Lock = await locks.lock('contended', TTL_MS)
      if (inside !== undefined && inside.expiration > Date.now()) both.push(`${inside.value} ${lock.value}`)
      inside = lock
      await sleep(2)
      if (inside === lock) inside = undefined
      turns++
      // The order that takes it away may be carried out twice: the second time there is nothing left of it.
      await lock.unlock().catch(() => {})
    }
  }
  const contenders = Array.from({ length: 4 }, contend)
  await eventually('they take turns', async () => turns > 20)
  await killPrimary()
  const before = turns
  await eventually('they take turns again', async () => turns > before + 20, { timeoutMs: 20_000 })
  stop = true
  await Promise.all(contenders)
  expect(both).toEqual([])

  const other = connect()
  await expect(openLocks([other], { retryCount: 0 }).lock('held', 100)).rejects.toThrow('Exceeded 0 attempts')
  const longer = await held.extend(240_000)
  expect(await other.pttl('held')).toBeGreaterThan(120_000)
  await longer.unlock()
  await (await openLocks([other]).lock('held', 100)).unlock()
})

it('rate-limiter-flexible lets no more through than it says', { timeout: 60_000 }, async () => {
  const [POINTS, CALLERS, CALLS] = [300, 4, 100]
  const limiters = Array.from({ length: CALLERS }, () => openLimiter(connect(), POINTS, 60))
  const verdicts: Verdict[] = []
  let killed: Promise<void> | undefined
  await Promise.all(
    limiters.map(async (limiter) => {
      for (let n = 0; n < CALLS; n++) {
        verdicts.push(await ask(limiter, 'all'))
        if (verdicts.length === 150) killed = killPrimary()
      }
    }),
  )
  await killed
  const allowed = verdicts.filter((verdict) => verdict.allowed).map(({ consumedPoints }) => consumedPoints)
  expect(new Set(allowed).size).toBe(allowed.length)
  expect(Math.max(...allowed)).toBe(POINTS)
  // Only a call that was under way at the kill, and so was sent again, counts twice.
  expect(allowed.length).toBeGreaterThan(POINTS * 0.9)
  expect(verdicts).toHaveLength(CALLERS * CALLS)

  const quick = openLimiter(connect(), 2, 1)
  const first: Verdict[] = [await ask(quick, 'a'), await ask(quick, 'a'), await ask(quick, 'a'), await ask(quick, 'b')]
  expect(first.map((verdict) => verdict.allowed)).toEqual([true, true, false, true])
  await eventually('the window is over', async () => (await ask(quick, 'a')).allowed, { intervalMs: 50 })
})

it('the programs run to their end', { timeout: 60_000 }, async () => {
  const to = [group.name, `127.0.0.1:${group.sentinels[0]!.port}`]
  const outputs = await Promise.all(
    ['bullmq.mjs', 'redlock.mjs', 'rate-limiter-flexible.mjs'].map((name) =>
      promisify(execFile)(process.execPath, [join(ROOT, 'examples/libraries', name), ...to], { timeout: 50_000 }),
    ),
  )
  expect(outputs.map(({ stderr }) => stderr)).toEqual(['', '', ''])
  expect(outputs.map(({ stdout }) => stdout)).toEqual([
    'sent to ada\n',
    expect.stringMatching(/^mine for \d+ ms\n$/),
    'true\ntrue\ntrue\nfalse\n',
  ])
})
