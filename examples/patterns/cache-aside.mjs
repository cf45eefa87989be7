// A cache in front of a durable store: read from the cache, else from the store, once however many ask; write to the store, then drop what is
// cached; and fill the cache again before traffic comes back, if it was lost. `node cache-aside.mjs [group] [host:port of one sentinel]`
import { demonstrate } from './demonstrate.mjs'

/** How long one may take to load; then another one tries. */
const LOADING_MS = 2000

/** The value of a key. `store` has `load(key)` and `save(key, value)`. */
export async function read(redis, store, key, ttlSeconds) {
  for (;;) {
    const cached = await redis.get(key)
    if (cached !== null) return JSON.parse(cached)
    if ((await redis.set(`${key}:loading`, '', 'PX', LOADING_MS, 'NX')) === 'OK') break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  try {
    const value = await store.load(key)
    await redis.set(key, JSON.stringify(value), 'EX', ttlSeconds)
    return value
  } finally {
    await redis.del(`${key}:loading`)
  }
}

/** Changes a value: first where it lasts. (Who loaded just before may put the former value back: for `ttlSeconds` at most.) */
export async function write(redis, store, key, value) {
  await store.save(key, value)
  await redis.del(key)
}

/** Fills an empty cache with the keys that are asked for most, a few at a time; what is there already stays. How many were filled. */
export async function warmUp(redis, store, keys, ttlSeconds, atOnce = 50) {
  let filled = 0
  for (let i = 0; i < keys.length; i += atOnce) {
    const some = keys.slice(i, i + atOnce)
    const values = await Promise.all(some.map((key) => store.load(key)))
    const pipeline = redis.pipeline()
    for (const [n, key] of some.entries()) pipeline.set(key, JSON.stringify(values[n]), 'EX', ttlSeconds, 'NX')
    filled += (await pipeline.exec()).filter(([, reply]) => reply === 'OK').length
  }
  return filled
}

await demonstrate(import.meta.filename, async (redis) => {
  const rows = new Map([
    ['user:1', { name: 'ada' }],
    ['user:2', { name: 'bob' }],
  ])
  const store = { load: async (key) => rows.get(key), save: async (key, value) => void rows.set(key, value) }
  console.log('filled', await warmUp(redis, store, [...rows.keys()], 60))
  await write(redis, store, 'user:1', { name: 'Ada' })
  console.log(await read(redis, store, 'user:1', 60))
})
