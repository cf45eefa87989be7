// A log of events with groups of consumers: each event goes to one consumer of each group, is acknowledged when it was dealt with, and is
// taken over by another one if that does not happen. `node event-log.mjs [group] [host:port of one sentinel]`
import { demonstrate } from './demonstrate.mjs'

/** Appends an event; about `keep` of them stay. */
export function append(redis, log, event, keep = 100_000) {
  return redis.xadd(log, 'MAXLEN', '~', keep, '*', 'event', JSON.stringify(event))
}

/** Makes a group that begins with the first event, unless there is one. */
export async function join(redis, log, group) {
  await redis.xgroup('CREATE', log, group, '0', 'MKSTREAM').catch((error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error
  })
}

/** Deals with up to `count` events: first those that others have left lying for `idleMs`, then new ones. How many there were. */
export async function work(redis, log, group, consumer, handle, { count = 10, idleMs = 60_000 } = {}) {
  const [, left] = await redis.xautoclaim(log, group, consumer, idleMs, '0', 'COUNT', count)
  const news =
    left.length > 0 ? null : await redis.xreadgroup('GROUP', group, consumer, 'COUNT', count, 'STREAMS', log, '>')
  const entries = left.length > 0 ? left : (news?.[0][1] ?? [])
  for (const [id, [, event]] of entries) {
    await handle(JSON.parse(event), id)
    await redis.xack(log, group, id)
  }
  return entries.length
}

await demonstrate(import.meta.filename, async (redis) => {
  await join(redis, 'orders', 'mailers')
  for (const order of [1, 2]) await append(redis, 'orders', { order })
  await work(redis, 'orders', 'mailers', 'first', (event) => console.log('mailed', event))
})
