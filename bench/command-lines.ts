// The lines of `npm run bench -- commands`: what each sends, and what is there before. The first ones are those of
// redis-benchmark's default list, as it sends them with `-r 100000`.
import { createHash } from 'node:crypto'
import type { Random } from '../src/lib/prng.ts'
import type { Request } from './requests.ts'

export interface Line {
  name: string
  request(random: Random, i: number): Request
  /** What is written before each measurement, into an empty server. */
  fill?(random: Random): Iterable<Request>
  /** Each request finds what it takes away, so there are so many of them and each is sent once. */
  requests?: number
}

const KEYS = 100_000
/** What is there to be taken away. */
const TAKEN = 300_000
const IN_ONE = 100
const VALUE = 'xxx'
const POINTS = 20_000

const digits = (n: number): string => String(n).padStart(12, '0')
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Requests with `of(i)` behind `head` for i below `count`, some in each. */
function* inOnes(head: readonly string[], count: number, of: (i: number) => readonly string[]): Generator<Request> {
  for (let from = 0; from < count; from += IN_ONE) {
    const size = Math.min(IN_ONE, count - from)
    yield [...head, ...numbers(size).flatMap((i) => of(from + i))]
  }
}

const manyKeys = () => inOnes(['MSET'], KEYS, (i) => [`key:${digits(i)}`, VALUE])
const longList = () => inOnes(['RPUSH', 'mylist'], TAKEN, () => [VALUE])
const board = (random: Random) =>
  inOnes(['ZADD', 'board'], KEYS, (i) => [String(random.below(1_000_000)), `member:${digits(i)}`])
const someMember = (random: Random): string => `member:${digits(random.below(KEYS))}`

const lrange = (count: number): Line => ({
  name: `LRANGE_${count}`,
  request: () => ['LRANGE', 'mylist', '0', String(count - 1)],
  fill: () => inOnes(['LPUSH', 'mylist'], 1000, () => [VALUE]),
})

export const LINES: readonly Line[] = [
  { name: 'PING_INLINE', request: () => 'PING' },
  { name: 'PING_MBULK', request: () => ['PING'] },
  { name: 'SET', request: (random) => ['SET', `key:${digits(random.below(KEYS))}`, VALUE], fill: manyKeys },
  { name: 'GET', request: (random) => ['GET', `key:${digits(random.below(KEYS))}`], fill: manyKeys },
  { name: 'INCR', request: (random) => ['INCR', `counter:${digits(random.below(KEYS))}`] },
  { name: 'LPUSH', request: () => ['LPUSH', 'mylist', VALUE] },
  { name: 'RPUSH', request: () => ['RPUSH', 'mylist', VALUE] },
  { name: 'LPOP', request: () => ['LPOP', 'mylist'], fill: longList, requests: TAKEN },
  { name: 'RPOP', request: () => ['RPOP', 'mylist'], fill: longList, requests: TAKEN },
  { name: 'SADD', request: (random) => ['SADD', 'myset', `element:${digits(random.below(KEYS))}`] },
  { name: 'HSET', request: (random) => ['HSET', 'myhash', `element:${digits(random.below(KEYS))}`, VALUE] },
  {
    name: 'SPOP',
    request: () => ['SPOP', 'myset'],
    fill: () => inOnes(['SADD', 'myset'], TAKEN, (i) => [`element:${digits(i)}`]),
    requests: TAKEN,
  },
  {
    name: 'ZADD',
    request: (random) => ['ZADD', 'myzset', digits(random.below(KEYS)), `element:${digits(random.below(KEYS))}`],
  },
  {
    name: 'ZPOPMIN',
    request: () => ['ZPOPMIN', 'myzset'],
    fill: (random) =>
      inOnes(['ZADD', 'myzset'], TAKEN, (i) => [String(random.below(1_000_000)), `element:${digits(i)}`]),
    requests: TAKEN,
  },
  lrange(100),
  lrange(300),
  lrange(500),
  lrange(600),
  {
    name: 'MSET',
    request: (random) => ['MSET', ...numbers(10).flatMap(() => [`key:${digits(random.below(KEYS))}`, VALUE])],
    fill: manyKeys,
  },
  {
    name: 'LRANGE, 10 from the middle of 300,000',
    request: (random) => {
      const from = 100_000 + random.below(100_000)
      return ['LRANGE', 'mylist', String(from), String(from + 9)]
    },
    fill: longList,
  },
  {
    name: 'ZADD, another score for one of 100,000',
    request: (random) => ['ZADD', 'board', String(random.below(1_000_000)), someMember(random)],
    fill: board,
  },
  {
    name: 'ZRANGE, 10 of 100,000 with scores',
    request: (random) => {
      const from = random.below(KEYS - 10)
      return ['ZRANGE', 'board', String(from), String(from + 9), 'WITHSCORES']
    },
    fill: board,
  },
  { name: 'ZRANK', request: (random) => ['ZRANK', 'board', someMember(random)], fill: board },
  {
    name: 'HGETALL, 20,000 hashes of 5 fields',
    request: (random) => ['HGETALL', `user:${digits(random.below(20_000))}`],
    *fill() {
      for (let i = 0; i < 20_000; i++) {
        yield [
          'HSET',
          `user:${digits(i)}`,
          ...numbers(5).flatMap((field) => [`field:${field}`, `value ${field} of ${i}`]),
        ]
      }
    },
  },
  { name: 'XADD', request: (_, i) => ['XADD', 'events', '*', 'kind', 'visit', 'user', String(i)] },
  {
    name: 'XREADGROUP',
    request: () => ['XREADGROUP', 'GROUP', 'workers', 'first', 'COUNT', '1', 'STREAMS', 'events', '>'],
    *fill() {
      yield ['XGROUP', 'CREATE', 'events', 'workers', '0', 'MKSTREAM']
      for (let i = 0; i < TAKEN; i++) yield ['XADD', 'events', '*', 'kind', 'visit', 'user', String(i)]
    },
    requests: TAKEN,
  },
  {
    name: 'BITCOUNT, 4 KiB',
    request: () => ['BITCOUNT', 'bits'],
    fill: (random) => [['SET', 'bits', Buffer.from(numbers(4096).map(() => random.below(256)))]],
  },
  { name: 'PFADD', request: (random) => ['PFADD', 'visitors', `visitor:${random.below(10_000_000)}`] },
  {
    name: 'GEOSEARCH, 50 km among 20,000 points',
    request: (random) => {
      const [lon, lat] = [5 + random.unit() * 10, 45 + random.unit() * 10]
      return ['GEOSEARCH', 'places', 'FROMLONLAT', lon.toFixed(6), lat.toFixed(6), 'BYRADIUS', '50', 'km', 'ASC']
    },
    fill: (random) =>
      inOnes(['GEOADD', 'places'], POINTS, (i) => [
        (5 + random.unit() * 10).toFixed(6),
        (45 + random.unit() * 10).toFixed(6),
        `place:${i}`,
      ]),
  },
  {
    name: 'SORT, 100 numbers',
    request: () => ['SORT', 'numbers'],
    fill: (random) => inOnes(['RPUSH', 'numbers'], 100, () => [String(random.below(10_000))]),
  },
]

/** A window of time for each of many users: takes note of a visit unless there were too many, and says how many more may come. */
const RATE_LIMITER = `
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local count = redis.call('ZCARD', KEYS[1])
if count >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  redis.call('PEXPIRE', KEYS[1], window)
  return { 0, 0, oldest[2] }
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], window)
return { 1, limit - count - 1, now }`

/** The same without a window that slides, as most do it. */
const COUNTER = `
local count = redis.call('GET', KEYS[1])
if count and tonumber(count) >= tonumber(ARGV[1]) then return { 0, redis.call('PTTL', KEYS[1]) } end
count = redis.call('INCRBY', KEYS[1], ARGV[3])
if count == tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return { count, redis.call('PTTL', KEYS[1]) }`

const scripted = (name: string, source: string, args: (random: Random, i: number) => string[]): Line => {
  const sha = createHash('sha1').update(source).digest('hex')
  return {
    name,
    request: (random, i) => ['EVALSHA', sha, '1', `{limits}:${random.below(20_000)}`, ...args(random, i)],
    fill: () => [['SCRIPT', 'LOAD', source]],
  }
}

/** Lines that run scripts. */
export const SCRIPT_LINES: readonly Line[] = [
  scripted('EVALSHA, a window that slides, 4 calls', RATE_LIMITER, (_, i) => [
    String(1_700_000_000_000 + i),
    '60000',
    '100',
    String(i),
  ]),
  scripted('EVALSHA, a counter, 3 to 4 calls', COUNTER, () => ['1000000', '60000', '1']),
]

/** Those of the lines that are wanted, by how their names begin. */
export const chosenLines = (lines: readonly Line[], starts: readonly string[] | undefined): Line[] =>
  lines.filter(({ name }) => starts?.some((start) => name.startsWith(start)) ?? true)
