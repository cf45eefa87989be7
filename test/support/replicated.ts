// What tests of replication share: a primary filled with data, a client that keeps writing, and the comparison of two servers
// at equal offset.
import { expect } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { callOnce, connectRaw, encodeRequest, info, type RawConnection, type RespValue } from './resp.ts'
import type { Scope } from './scope.ts'
import type { Running } from './servers.ts'
import { eventually } from './wait.ts'

/** Keys that `fill` makes, unless told otherwise. */
export const KEYS = 100_000
const DATABASES = ['0', '3', '15']

/** Sends requests in one piece and returns their replies; an error reply is a failure. */
export async function pipeline(connection: RawConnection, requests: readonly (readonly string[])[]): Promise<void> {
  connection.send(Buffer.concat(requests.map((request) => encodeRequest(request))))
  for (const request of requests) {
    const reply = await connection.reply()
    if (reply[0] === 0x2d) throw new Error(`${request.join(' ').slice(0, 100)}: ${reply.toString('latin1')}`)
  }
}

/** Stores `keys` strings in database 0, and a few elsewhere. */
export async function fill(server: Running, scope: Scope, keys = KEYS): Promise<void> {
  const connection = await connectRaw(server.port, { scope })
  for (let at = 0; at < keys; at += 1000) {
    const batch = Array.from({ length: 1000 }, (_, i) => [
      'SET',
      `key:${at + i}`,
      `value of ${at + i} ${'ab'.repeat(i % 60)}`,
    ])
    await pipeline(connection, batch)
  }
  await pipeline(connection, [
    ['SELECT', '15'],
    ['SET', 'far', 'away'],
    ['SET', 'soon', 'gone', 'PX', '86400000'],
  ])
  connection.close()
}

/** A client that keeps changing things until it is stopped: every kind of write that there is, in several databases. */
export function keepWriting(connection: RawConnection, seed: number, keys = KEYS): { stop: () => Promise<number> } {
  const random = seededRandom(seed)
  let stopped = false
  let batches = 0
  const key = (): string => `key:${random.below(keys + 1000)}`
  const one = (): string[][] => {
    switch (random.below(12)) {
      case 0:
        return [['INCR', `counter:${random.below(50)}`]]
      case 1:
        return [['APPEND', key(), 'x'.repeat(random.below(30))]]
      case 2:
        return [['DEL', key(), key()]]
      case 3:
        return [['PEXPIRE', key(), String(1 + random.below(400))]]
      case 4:
        return [['SET', key(), 'with expiry', 'EX', '1000']]
      case 5:
        return [['MULTI'], ['SET', key(), 'in a transaction'], ['INCRBY', 'total', '7'], ['EXEC']]
      case 6:
        return [['SELECT', DATABASES[random.below(DATABASES.length)]!]]
      case 7:
        return [['SETRANGE', key(), String(random.below(100)), 'patch']]
      case 8:
        return [['MSET', key(), '1', key(), '2']]
      case 9:
        return [['SET', key(), 'z'.repeat(random.below(3000))]]
      case 10:
        return [['GETDEL', key()]]
      default:
        return [['SET', key(), String(random.uint32())]]
    }
  }
  const run = (async () => {
    while (!stopped) {
      await pipeline(connection, Array.from({ length: 40 }, one).flat())
      batches++
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })()
  run.catch(() => {}) // told by stop
  return {
    stop: async () => {
      stopped = true
      await run
      return batches
    },
  }
}

/** master_repl_offset. */
export const offsetOf = async (server: Running): Promise<number> =>
  Number((await info(server.port, 'replication')).master_repl_offset)

/** Waits until the servers are at the same offset, with nothing on the way. */
export async function sameOffset(servers: readonly Running[]): Promise<void> {
  await eventually(
    'all servers are at the same offset',
    async () => {
      const offsets = await Promise.all(servers.map(offsetOf))
      return new Set(offsets).size === 1
    },
    { timeoutMs: 20_000 },
  )
}

/** All data of a server: by database and key, the value and when it expires. */
async function contents(server: Running, scope: Scope): Promise<Map<string, string>> {
  const connection = await connectRaw(server.port, { scope })
  const found = new Map<string, string>()
  for (let index = 0; index < 16; index++) {
    const db = String(index)
    await pipeline(connection, [['SELECT', db]])
    const keys = ((await connection.call('KEYS', '*')) as string[]).sort()
    for (let at = 0; at < keys.length; at += 500) {
      const some = keys.slice(at, at + 500)
      connection.send(
        Buffer.concat(some.flatMap((key) => [encodeRequest(['GET', key]), encodeRequest(['PEXPIRETIME', key])])),
      )
      for (const key of some) {
        const value = (await connection.reply()).toString('latin1')
        found.set(`${db}/${key}`, `${value}${(await connection.reply()).toString('latin1')}`)
      }
    }
  }
  connection.close()
  return found
}

/** Expects that the servers hold the same. Keys that expire during the comparison are left out of it. */
export async function expectEqual(a: Running, b: Running, scope: Scope): Promise<number> {
  const [left, right] = [await contents(a, scope), await contents(b, scope)]
  const soon = Date.now() + 1000
  /** Gone, or about to be, while we look: the two are not read at the same moment. */
  const isGoing = (value: string | undefined): boolean => {
    if (value === undefined) return false
    const expiry = Number(/:(-?\d+)\r\n$/.exec(value)?.[1])
    return expiry === -2 || (expiry >= 0 && expiry < soon)
  }
  const wrong: string[] = []
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    if (left.get(key) === right.get(key) || isGoing(left.get(key)) || isGoing(right.get(key))) continue
    wrong.push(`${key}: ${left.get(key)?.slice(0, 60)} | ${right.get(key)?.slice(0, 60)}`)
  }
  expect(wrong.slice(0, 5)).toEqual([])
  return left.size
}

/** Waits until a replica's link is up. */
export const linkUp = (server: Running): Promise<unknown> =>
  eventually(
    `${server.make}:${server.port} is in sync`,
    async () => (await info(server.port, 'replication')).master_link_status === 'up',
    { timeoutMs: 30_000 },
  )
/** Makes a server a replica of another one. */
export const follow = (replica: Running, primary: Running): Promise<RespValue> =>
  callOnce(replica.port, 'REPLICAOF', '127.0.0.1', String(primary.port))
/** How many syncs a primary has served. */
export const syncs = async (server: Running): Promise<{ full: number; partial: number }> => {
  const stats = await info(server.port, 'stats')
  return { full: Number(stats.sync_full), partial: Number(stats.sync_partial_ok) }
}
