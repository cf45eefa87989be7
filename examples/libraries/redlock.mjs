// A lock with Redlock that outlives the primary: `npm install redlock ioredis`, then
//   node redlock.mjs [group] [host:port of one sentinel]
// With write-mode sync a lock that was given is on a replica, and so on the next primary. With the others, lock over three groups
// (one client each): what one of them has forgotten the other two remember.
import { Redis } from 'ioredis'
import Redlock from 'redlock'
import { connectionTo, demonstrate } from './demonstrate.mjs'

/** Tries for a lock that somebody else has: long enough for a failover, and for the lock of a holder that died in it to run out. */
export function openLocks(clients, options = {}) {
  return new Redlock(clients, { retryCount: 200, retryDelay: 20, retryJitter: 20, ...options })
}

await demonstrate(import.meta.filename, async (group, sentinels) => {
  const client = new Redis(connectionTo(group, sentinels))
  const locks = openLocks([client])
  const lock = await locks.lock('lock:report', 2000)
  console.log('mine for', lock.expiration - Date.now(), 'ms')
  await lock.extend(3000)
  await lock.unlock()
  client.disconnect()
})
