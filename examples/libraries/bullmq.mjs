// A job queue with BullMQ that goes on through failovers: `npm install bullmq ioredis`, then
//   node bullmq.mjs [group] [host:port of one sentinel]
import { Queue, QueueEvents, Worker } from 'bullmq'
import { connectionTo, demonstrate } from './demonstrate.mjs'

/**
 * An idle worker waits in one command for `drainDelay` seconds, so its socket may be silent for longer than that: `socketTimeout` is
 * longer, and both are short enough to leave a frozen primary soon.
 */
export const DRAIN_DELAY_S = 1
export const CONNECTION = { socketTimeout: 2000 }

/** A job that a worker took and whose reply was lost in a failover is taken anew after this; more than once, if need be. */
export const LOCK_MS = 10_000

/** The queue. Give each job an id of its own (`jobId`): an order that is sent again after a failover then adds nothing twice. */
export function openQueue(name, connection) {
  return quiet(new Queue(name, { connection }))
}

/** A worker of the queue: `handle` gets one job at a time, `concurrency` of them at once. */
export function openWorker(name, connection, handle, options) {
  const patient = { drainDelay: DRAIN_DELAY_S, lockDuration: LOCK_MS, stalledInterval: LOCK_MS / 2, maxStalledCount: 3 }
  return quiet(new Worker(name, handle, { connection, ...patient, ...options }))
}

/** What happens in the queue, whoever does it. */
export function openEvents(name, connection) {
  return quiet(new QueueEvents(name, { connection, blockingTimeout: DRAIN_DELAY_S * 1000 }))
}

/** It connects anew by itself. */
function quiet(part) {
  part.on('error', (error) => console.error(error.message))
  return part
}

await demonstrate(import.meta.filename, async (group, sentinels) => {
  const connection = connectionTo(group, sentinels, CONNECTION)
  const queue = openQueue('mails', connection)
  const events = openEvents('mails', connection)
  const worker = openWorker('mails', connection, async ({ data }) => `sent to ${data.to}`)
  const job = await queue.add('welcome', { to: 'ada' }, { jobId: `welcome-ada-${Date.now()}` })
  console.log(await job.waitUntilFinished(events))
  await Promise.all([worker.close(), events.close(), queue.close()])
})
