// A lock over several independent groups (Redlock): held while a majority of them says so, so that the loss of one group, or of what it had
// not replicated, does not give it to two. Work under it must be over before `validUntilMs`.
// `node redlock.mjs [group] [host:port of one sentinel of each group …]`
import { randomUUID } from 'node:crypto'
import { demonstrateAll } from './demonstrate.mjs'

/** Clocks may differ by this share of the time. */
const DRIFT = 0.01

/** Takes the lock for so long: the lock, or undefined if somebody else has it. `clients` has one for each group. */
export async function lock(clients, name, ttlMs) {
  const token = randomUUID()
  const startMs = Date.now()
  const replies = await Promise.allSettled(clients.map((redis) => redis.set(name, token, 'PX', ttlMs, 'NX')))
  const held = replies.filter(({ value }) => value === 'OK').length
  const validUntilMs = startMs + ttlMs * (1 - DRIFT)
  if (held > clients.length / 2 && Date.now() < validUntilMs) return { name, token, validUntilMs }
  await unlock(clients, { name, token })
  return undefined
}

/** Gives the lock back, where it is still this one. */
export async function unlock(clients, { name, token }) {
  await Promise.allSettled(clients.map((redis) => deleteIfEqual(redis, name, token)))
}

/** In a connection of its own, because WATCH belongs to a connection. */
async function deleteIfEqual(redis, name, token) {
  const connection = redis.duplicate()
  try {
    await connection.watch(name)
    if ((await connection.get(name)) === token) await connection.multi().del(name).exec()
  } finally {
    connection.disconnect()
  }
}

await demonstrateAll(import.meta.filename, async (clients) => {
  const mine = await lock(clients, 'lock:report', 5000)
  console.log('mine:', mine !== undefined, 'somebody else’s:', (await lock(clients, 'lock:report', 5000)) !== undefined)
  await unlock(clients, mine)
  console.log('free again:', (await lock(clients, 'lock:report', 100)) !== undefined)
})
