// Random rules and selectors: ACL DRYRUN says the same as redis-server. ACL_ROUNDS sets how many verdicts, ACL_SEED which.
import { expect, it } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { connectRaw } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'

const ROUNDS = Number(process.env.ACL_ROUNDS ?? 3000)
const SEED = Number(process.env.ACL_SEED ?? 1)
/** Verdicts on one user. */
const REQUESTS = 20

const PARTS = ['a', 'b', 'a:1', 'b:2', 'x', 'news', '']
const GLOBS = ['a*', 'b:?', '[ab]', 'x', '*', 'news*', '?', 'a:[^1]']
const COMMANDS =
  'get set del mget mset hget lpush config|get config|set client|id client|kill select publish subscribe'.split(' ')
const CATEGORIES = 'read write fast hash string list pubsub dangerous connection transaction keyspace blocking'.split(
  ' ',
)
// biome-ignore format: a list
const REQUEST_FORMS = [
  'GET k', 'SET k v', 'SET k v GET', 'DEL k k', 'MGET k k k', 'MSET k v k v', 'HGET k f', 'LPUSH k v', 'CONFIG GET x',
  'CONFIG SET x y', 'CLIENT ID', 'CLIENT KILL x', 'SELECT n', 'PUBLISH k m', 'SPUBLISH k m', 'SUBSCRIBE k k', 'PSUBSCRIBE g',
  'SSUBSCRIBE k', 'UNSUBSCRIBE k', 'PUNSUBSCRIBE g', 'RENAME k k', 'COPY k k', 'LMOVE k k LEFT RIGHT', 'BITFIELD k GET u8 0',
  'BITFIELD k SET u8 0 1', 'BITOP AND k k k', 'SORT k', 'SORT k STORE k', 'SORT k BY g STORE k', 'SORT_RO k', 'XREAD STREAMS k k 0 0',
  'XREADGROUP GROUP g c STREAMS k >', 'ZUNIONSTORE k 2 k k', 'ZUNION 1 k', 'ZINTERSTORE k 1 k', 'LMPOP 2 k k LEFT', 'BLPOP k k 0',
  'GEORADIUS k 0 0 1 m', 'GEORADIUS k 0 0 1 m STORE k', 'GEOSEARCHSTORE k k FROMMEMBER x BYRADIUS 1 m', 'EVAL x 1 k', 'EVAL x 9 k',
  'EVAL_RO x 2 k k', 'EVALSHA x 0', 'PFCOUNT k k', 'PFMERGE k k', 'OBJECT ENCODING k', 'MEMORY USAGE k', 'XINFO STREAM k',
  'XGROUP CREATE k g 0', 'MIGRATE h 1 k 0 1', 'MIGRATE h 1 (e) 0 1 KEYS k k', 'RESTORE k 0 x', 'DUMP k', 'GETEX k', 'GETDEL k', 'SINTERCARD 2 k k',
  'SMOVE k k m', 'SINTERSTORE k k k', 'WATCH k', 'EXISTS k k', 'TOUCH k', 'EXPIRE k 1', 'PING', 'MULTI', 'AUTH x', 'QUIT', 'HELLO', 'ZADD k 1 m',
  'ZADD k INCR 1 m', 'RPOPLPUSH k k', 'HSET k f v', 'SCAN 0', 'FLUSHALL', 'KEYS g', 'SWAPDB 0 1', 'DBSIZE', 'INFO', 'COMMAND COUNT',
]

it(`of ${ROUNDS} requests, seed ${SEED}`, { timeout: 1_800_000 }, async () => {
  const scope = createScope()
  try {
    const random = seededRandom(SEED, 2, 3, 4)
    const one = <T>(list: readonly T[]): T => list[Math.floor(random.unit() * list.length)]!
    const selectorRule = (): string =>
      one([
        () => `${one(['+', '-'])}${one(COMMANDS)}`,
        () => `${one(['+', '+', '-'])}@${one(CATEGORIES)}`,
        () => `${one(['~', '%R~', '%W~', '%RW~', '~'])}${one(GLOBS)}`,
        () => `&${one(GLOBS)}`,
        () => `+select|${one(['0', '1'])}`,
        () =>
          one([
            '+@all',
            '-@all',
            'allkeys',
            'resetkeys',
            'allchannels',
            'resetchannels',
            'nocommands',
            '~*',
            '+nosuch',
          ]),
      ])()
    const rules = (count: number): string[] =>
      Array.from({ length: 1 + Math.floor(random.unit() * count) }, selectorRule)
    const rule = (): string => (random.unit() < 0.25 ? `(${rules(4).join(' ')})` : selectorRule())
    const fill = (word: string): string => {
      if (word === 'k') return one(PARTS)
      if (word === 'g') return one(GLOBS)
      if (word === 'n') return one(['0', '1'])
      return word === '(e)' ? '' : word
    }
    const servers = await Promise.all(
      (['redis', 'vedette'] as const).map(async (make) =>
        connectRaw((await startServer(scope, { make })).port, { scope }),
      ),
    )
    const both = async (...argv: string[]): Promise<void> => {
      const [redis, ours] = await Promise.all(servers.map(async (server) => String(await server.raw(...argv))))
      expect(ours, argv.join(' ')).toBe(redis)
    }
    for (let done = 0; done < ROUNDS; done += REQUESTS) {
      await both('ACL', 'SETUSER', 'u', 'reset')
      const given: string[] = []
      for (let i = 0; i < 6; i++) {
        given.push(rule())
        await both('ACL', 'SETUSER', 'u', given.at(-1)!)
      }
      for (let i = 0; i < REQUESTS; i++) {
        const request = one(REQUEST_FORMS).split(' ').map(fill)
        const [redis, ours] = await Promise.all(
          servers.map(async (server) => String(await server.raw('ACL', 'DRYRUN', 'u', ...request))),
        )
        expect(ours, `${given.join(' ')}: ${request.join(' ')}`).toBe(redis)
      }
    }
  } finally {
    await scope.close()
  }
})
