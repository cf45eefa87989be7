// A rate limiter with rate-limiter-flexible: `npm install rate-limiter-flexible ioredis`, then
//   node rate-limiter-flexible.mjs [group] [host:port of one sentinel]
// With write-mode sync no call that was let through is forgotten in a failover. A call whose reply was lost is sent again and counts
// twice: the limit is then reached early, never passed.
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { connectionTo, demonstrate } from './demonstrate.mjs'

/** So many calls within so many seconds, for each key. */
export function openLimiter(storeClient, points, duration) {
  return new RateLimiterRedis({ storeClient, keyPrefix: `limit:${points}:${duration}`, points, duration })
}

/** What the limiter counted, and whether the call may go on. Any other fault is thrown. */
export async function ask(limiter, key) {
  try {
    return { allowed: true, ...(await limiter.consume(key)).toJSON() }
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal
    return { allowed: false, ...refusal.toJSON() }
  }
}

await demonstrate(import.meta.filename, async (group, sentinels) => {
  const client = new Redis(connectionTo(group, sentinels))
  const limiter = openLimiter(client, 3, 1)
  for (let n = 0; n < 4; n++) console.log((await ask(limiter, 'ada')).allowed)
  client.disconnect()
})
