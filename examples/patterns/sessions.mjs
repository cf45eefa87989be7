// Sessions: a hash each, that goes when it was not used for a while; a field of it, such as a code that was sent, may go sooner.
// `node sessions.mjs [group] [host:port of one sentinel]`
import { randomUUID } from 'node:crypto'
import { demonstrate } from './demonstrate.mjs'

const keyOf = (id) => `session:${id}`

/** A new session with these fields; its id. */
export async function open(redis, fields, ttlSeconds) {
  const id = randomUUID()
  await redis.multi().hset(keyOf(id), fields).expire(keyOf(id), ttlSeconds).exec()
  return id
}

/** The fields of a session, which lives on for as long again; undefined if it is over. */
export async function read(redis, id, ttlSeconds) {
  const [[, fields]] = await redis.multi().hgetall(keyOf(id)).expire(keyOf(id), ttlSeconds).exec()
  return Object.keys(fields).length === 0 ? undefined : fields
}

/** Puts a field into a session that goes before it does (HSETEX: Vedette, Redis 8 and later). */
export async function putForAWhile(redis, id, field, value, ms) {
  await redis.call('HSETEX', keyOf(id), 'PX', ms, 'FIELDS', 1, field, value)
}

/** Ends a session. */
export async function close(redis, id) {
  await redis.del(keyOf(id))
}

await demonstrate(import.meta.filename, async (redis) => {
  const id = await open(redis, { user: 'ada' }, 60)
  await putForAWhile(redis, id, 'code', '1234', 50)
  console.log(await read(redis, id, 60))
  await new Promise((resolve) => setTimeout(resolve, 60))
  console.log(await read(redis, id, 60))
  await close(redis, id)
  console.log(await read(redis, id, 60))
})
