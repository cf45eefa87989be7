// A rate limiter with a sliding window: a sorted set holds the times of the requests of the last seconds. No script is needed: the steps
// are one transaction, and who finds that he was too many takes himself out again. `node rate-limiter.mjs [group] [host:port of a sentinel]`
import { randomUUID } from 'node:crypto'
import { demonstrate } from './demonstrate.mjs'

/** Whether one more request is within `limit` in `windowMs`; `nowMs` is for tests. */
export async function allow(redis, key, limit, windowMs, nowMs = Date.now()) {
  const request = randomUUID()
  const replies = await redis
    .multi()
    .zremrangebyscore(key, '-inf', nowMs - windowMs)
    .zadd(key, nowMs, request)
    .zcard(key)
    .pexpire(key, windowMs)
    .exec()
  if (replies[2][1] <= limit) return true
  await redis.zrem(key, request)
  return false
}

await demonstrate(import.meta.filename, async (redis) => {
  for (let i = 1; i <= 5; i++)
    console.log('request', i, (await allow(redis, 'limit:ada', 3, 1000)) ? 'allowed' : 'refused')
})
