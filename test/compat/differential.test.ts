// Random sequences of commands of all families against redis-server and ours: the same replies, and the same keys at the end
// (value, encoding, time to live, serialised form). Without SORT: in Redis it makes a table of a small sorted set, which shows ever
// after. A failure prints the seed and the shortest sequence that still differs.
// DIFFERENTIAL_COMMANDS sets how many commands there are in all, about; DIFFERENTIAL_SEED plays those of a seed once more.
import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anyCommand, type Command, KEYS, UNORDERED } from '../support/random-commands.ts'
import { connectRaw, decode, encodeRequest, type RawConnection, RespError, type RespValue } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'
import { shortest } from '../support/shortest.ts'

const COMMANDS = Number(process.env.DIFFERENTIAL_COMMANDS ?? 200_000)
/** Another one each time, unless it is to be played once more. */
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? randomInt(2 ** 31))
const LENGTH = { minLength: 100, maxLength: 300 }
/** So many random commands a sequence, on average. */
const LENGTH_MEAN = 200
/** Sequences that are made in one go. */
const BATCH = 50

const scope = createScope()
let pair: RawConnection[]
beforeAll(async () => {
  pair = []
  for (const make of ['redis', process.env.COMPAT_SELF === '1' ? 'redis' : 'vedette'] as const) {
    const { port } = await startServer(scope, { make, args: ['--enable-debug-command', 'local'] })
    pair.push(await connectRaw(port, { scope }))
  }
})
afterAll(() => scope.close())

/**
 * What may rightly differ, made equal: the passing of time, the order of keys, the choice of a random one. `reloaded`: a hash may have
 * been a table before, and then its fields are in any order in the listpack that it is now.
 */
function normalised(value: RespValue, [name]: Command, reloaded: boolean): unknown {
  // Redis ends the names in these at a zero byte.
  if (value instanceof RespError && value.message.startsWith('NOGROUP')) return '-NOGROUP'
  if (value instanceof RespError) return `-${value.message}`
  // The payload of a table: its fields or members have no order. What is in them shows in the digests.
  const tables = reloaded ? ['\x02', '\x04', '\x10'] : ['\x02', '\x04']
  if (typeof value === 'string' && tables.includes(value.at(0)!) && value.at(-10) === '\x0a')
    return 'a payload of a table'
  // That of a stream: when its consumers were seen is in it.
  if (typeof value === 'string' && value.at(0) === '\x13' && value.at(-10) === '\x0a') return 'a payload of a stream'
  if (Array.isArray(value)) {
    const items = value.map((item) => normalised(item, [''], reloaded))
    if (name === 'HSCAN' && Array.isArray(items[1])) return [items[0], pairsOf(items[1]).sort()]
    if (name === 'HGETALL') return pairsOf(items).sort()
    if (name === 'ZSCAN' && Array.isArray(items[1])) return [items[0], pairsOf(items[1]).sort()]
    if ((name === 'SSCAN' || name === 'SCAN') && Array.isArray(items[1])) return [items[0], items[1].sort()]
    if (UNORDERED.includes(name!) || name === 'SPOP') return items.sort()
    // KEYS in a transaction lands here too; what has an order is compared in order.
    return name === 'KEYS' ? items.sort() : items
  }
  const isTime = ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME'].includes(name!)
  if (isTime && (typeof value === 'number' || typeof value === 'bigint') && value > 900) {
    return `about ${Math.round(Number(value) / 10 ** (name!.startsWith('P') ? 5 : 2))}`
  }
  if (['RANDOMKEY', 'HRANDFIELD', 'SRANDMEMBER', 'ZRANDMEMBER'].includes(name!))
    return value === null ? null : 'one of them'
  return typeof value === 'bigint' ? `${value}n` : value
}

const pairsOf = (items: readonly unknown[]): string[] =>
  Array.from({ length: items.length / 2 }, (_, i) => JSON.stringify(items.slice(2 * i, 2 * i + 2)))

/** Equal, or two rounded times with the border of rounding between them. */
function areAlike(one: unknown, other: unknown): boolean {
  if (JSON.stringify(one) === JSON.stringify(other)) return true
  const [a, b] = [one, other].map((reply) => Number(/^about (\d+)$/.exec(String(reply))?.[1]))
  return Math.abs(a! - b!) <= 1
}

async function play(connection: RawConnection, commands: readonly Command[]): Promise<unknown[]> {
  connection.send(Buffer.concat(commands.map(encodeRequest)))
  const replies: unknown[] = []
  let reloaded = false
  for (const each of commands) {
    reloaded ||= each[1] === 'RELOAD'
    replies.push(normalised(decode(await connection.reply()), each, reloaded))
  }
  return replies
}

const INSIDE_EXEC_UNKNOWN = [
  ...[
    'TTL',
    'PTTL',
    'EXPIRETIME',
    'PEXPIRETIME',
    'RANDOMKEY',
    'KEYS',
    'HRANDFIELD',
    'HSCAN',
    'SRANDMEMBER',
    'SPOP',
    'SSCAN',
    'ZSCAN',
    'SCAN',
    'ZRANDMEMBER',
  ],
  ...UNORDERED,
]
/** Relative times in transactions would come back inside EXEC's array, where they cannot be told from other numbers; and so on. */
const withoutTimesInTransactions = (commands: readonly Command[]): Command[] => {
  let queued = false
  return commands.filter(([name]) => {
    if (name === 'MULTI') queued = true
    if (name === 'EXEC' || name === 'DISCARD') queued = false
    return !(queued && INSIDE_EXEC_UNKNOWN.includes(name!))
  })
}

const BEGIN: Command[] = [
  ['DISCARD'],
  ['UNWATCH'],
  ['SELECT', '0'],
  ['FLUSHALL'],
  ['CONFIG', 'SET', 'hash-max-listpack-entries', '4'],
  ['CONFIG', 'SET', 'set-max-intset-entries', '4'],
  ['CONFIG', 'SET', 'zset-max-listpack-entries', '4'],
  ['CONFIG', 'SET', 'stream-node-max-entries', '3'],
  ['CONFIG', 'SET', 'hash-max-listpack-value', '64', 'zset-max-listpack-value', '64', 'hll-sparse-max-bytes', '3000'],
]
/** Keys whose time is over are counted until somebody meets them, be it RANDOMKEY by chance: EXISTS meets them all first. */
const meetingAllFirst = (commands: readonly Command[]): Command[] =>
  commands.flatMap((each) => (each[0] === 'DBSIZE' ? [['EXISTS', ...KEYS], each] : [each]))

const inspect = (db: string): Command[] => [
  ['SELECT', db],
  ['DBSIZE'],
  ...KEYS.flatMap((name) => [
    ['GET', name],
    ['OBJECT', 'ENCODING', name],
    ['PTTL', name],
    ['DUMP', name],
    ['XINFO', 'STREAM', name],
    ['XINFO', 'GROUPS', name],
    ['XPENDING', name, 'g'],
    ['DEBUG', 'DIGEST-VALUE', name],
  ]),
  ['DEBUG', 'DIGEST'],
]
const END: Command[] = [['EXEC'], ...inspect('0'), ...inspect('1')]

interface Difference {
  command: Command
  redis: unknown
  vedette: unknown
}

async function differencesOf(generated: readonly Command[]): Promise<Difference[]> {
  const commands = meetingAllFirst(withoutTimesInTransactions([...BEGIN, ...generated, ...END]))
  const [expected, got] = await Promise.all(pair.map((connection) => play(connection, commands)))
  return commands
    .map((command, i) => ({ command, redis: expected![i], vedette: got![i] }))
    .filter(({ redis, vedette }) => !areAlike(redis, vedette))
}

function* sequences(): Generator<Command[]> {
  const count = Math.ceil(COMMANDS / LENGTH_MEAN)
  for (let made = 0; made < count; made += BATCH) {
    yield* fc.sample(fc.array(anyCommand, { ...LENGTH, size: 'max' }), {
      seed: SEED + made,
      numRuns: Math.min(BATCH, count - made),
    })
  }
}

describe('random commands', () => {
  it(`${COMMANDS} of them are answered alike (DIFFERENTIAL_SEED=${SEED})`, async () => {
    let played = 0
    for (const sequence of sequences()) {
      played += sequence.length
      if ((await differencesOf(sequence)).length === 0) continue
      const commands = await shortest(sequence, async (left) => (await differencesOf(left)).length > 0)
      const differences = await differencesOf(commands)
      console.info(JSON.stringify({ commands, differences }))
      expect(differences).toEqual([])
    }
    expect(played).toBeGreaterThan(COMMANDS / 2)
  }, 3_600_000)
})
