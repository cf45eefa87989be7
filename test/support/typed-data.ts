// Data of all types in all their encodings, and random changes to them: what the compatibility tests of files and of
// replication are fed with. A type adds its rows to both lists.
import type { Random } from '../../src/lib/prng.ts'

type Request = string[]

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Options under which both makes of server use all encodings, and DEBUG. */
export const TYPED_ARGS = [
  '--enable-debug-command',
  'local',
  '--hash-max-listpack-entries',
  '32',
  '--set-max-intset-entries',
  '32',
  '--zset-max-listpack-entries',
  '32',
]

/** Requests that make keys of every type and encoding. */
export function typedData(): Request[] {
  return [
    ['SET', 'string:huge', 'abcdefg'.repeat(50_000)],
    ...count(100).map((i) => ['RPUSH', `list:small:${i}`, String(i), `element ${i}`, 'x'.repeat(i * 3), '-5', '']),
    ...count(20).map((k) => ['RPUSH', 'list:large', ...count(1000).map((i) => `${k}:${i}`)]),
    ['RPUSH', 'list:pages', ...count(100).map((i) => `${i} `.repeat(i * 10))],
    ['RPUSH', 'list:long', 'short', 'v'.repeat(2_000_000), 'w'.repeat(9000), 'xyz'.repeat(30_000), '12'],
    ['RPUSH', 'list:expires', 'a'],
    ['PEXPIREAT', 'list:expires', '4102444800123'],
    ...count(200).map((i) => [
      'HSET',
      `hash:small:${i}`,
      'name',
      `user ${i}`,
      'age',
      String(i),
      `f${i}`,
      'x'.repeat(i % 64),
    ]),
    ['HSET', 'hash:integers', ...count(30).map((i) => String((i % 2 ? -1 : 1) * 13 ** (i % 15)))],
    ['HSET', 'hash:binary', '', 'empty', '\x00\xff', '\r\n', 'empty value', ''],
    ['HSET', 'hash:table', ...count(2000).flatMap((i) => [`field:${i}`, `value ${i} ${'ab'.repeat(i % 40)}`])],
    ...count(20).map((k) => [
      'HSET',
      'hash:large',
      ...count(1000).flatMap((i) => [`${k}:${i}`, String((k * 1000 + i) * 7919)]),
    ]),
    ['HSET', 'hash:long', 'f', 'v'.repeat(2_000_000), 'F'.repeat(3000), 'w', 'g', 'xyz'.repeat(30_000)],
    ['HSET', 'hash:expires', 'f', 'v'],
    ['PEXPIREAT', 'hash:expires', '4102444800123'],
    ...count(100).map((i) => ['SADD', `set:small:${i}`, ...count(1 + (i % 40)).map((n) => String(n * 7 ** (i % 20)))]),
    ['SADD', 'set:integers', '-9223372036854775808', '9223372036854775807', '0', '-1', '32768'],
    ['SADD', 'set:binary', '', '\x00\xff', '\r\n', '12', '012'],
    ...count(20).map((k) => ['SADD', 'set:large', ...count(1000).map((i) => `${k}:${i}`)]),
    ['SADD', 'set:long', 'm'.repeat(2_000_000), 'n'.repeat(3000), 'short', 'xyz'.repeat(30_000)],
    ...count(100).map((i) => [
      'ZADD',
      `zset:small:${i}`,
      String(i),
      `m${i}`,
      `-${i}.25`,
      'x'.repeat(i % 64),
      '1e300',
      '12',
    ]),
    ['ZADD', 'zset:scores', '0.1', 'a', 'inf', 'b', '-inf', 'c', '9007199254740993', 'd', '1e17', 'e', '-0', 'f'],
    ['ZADD', 'zset:equal', ...count(500).flatMap((i) => ['0', `member ${(i * 7919) % 1000}`])],
    ...count(20).map((k) => [
      'ZADD',
      'zset:large',
      ...count(1000).flatMap((i) => [String(((k * 1000 + i) * 7919) % 10_007), `${k}:${i}`]),
    ]),
    ['ZADD', 'zset:long', '1', 'm'.repeat(2_000_000), '2', 'n'.repeat(3000), '3', 'short', 'inf', 'xyz'.repeat(30_000)],
    ...count(20).flatMap((i) => [
      ['XADD', `stream:small:${i}`, `${i + 1}-1`, 'field', `value ${i}`],
      ['XADD', `stream:small:${i}`, `${i + 1}-2`, 'field', '', 'other', String(i * 7919)],
    ]),
    ...count(3000).map((i) => [
      'XADD',
      'stream:large',
      `${1000 + (i >> 2)}-${i}`,
      'n',
      String(i),
      'text',
      'ab'.repeat(i % 40),
    ]),
    ['XDEL', 'stream:large', '1000-3', '1001-4', '1700-2801'],
    ['XADD', 'stream:long', '1-1', 'f', 'v'.repeat(2_000_000), 'F'.repeat(3000), 'w'],
    ['XADD', 'stream:long', '18446744073709551615-1', 'f', 'xyz'.repeat(30_000)],
    ['XGROUP', 'CREATE', 'stream:large', 'readers', '0'],
    ['XGROUP', 'CREATE', 'stream:large', 'idle', '1200-1', 'ENTRIESREAD', '7'],
    ['XREADGROUP', 'GROUP', 'readers', 'one', 'COUNT', '500', 'STREAMS', 'stream:large', '>'],
    ['XREADGROUP', 'GROUP', 'readers', 'two', 'COUNT', '300', 'STREAMS', 'stream:large', '>'],
    ['XGROUP', 'CREATECONSUMER', 'stream:large', 'readers', 'three'],
    ['XADD', 'stream:empty', 'MAXLEN', '0', '5-5', 'f', 'v'],
  ]
}

/** A random change to such data. */
export function typedChange(random: Random): Request {
  const large = (): string => `${random.below(22)}:${random.below(1000)}`
  const key = (): string =>
    ['hash:table', 'hash:large', 'hash:long', `hash:small:${random.below(250)}`, 'hash:integers'][random.below(5)]!
  const zset = (): string =>
    ['zset:large', 'zset:equal', 'zset:long', `zset:small:${random.below(120)}`, 'zset:union'][random.below(5)]!
  const list = (): string =>
    ['list:large', 'list:pages', 'list:long', `list:small:${random.below(120)}`, 'list:moved'][random.below(5)]!
  const end = (): string => ['LEFT', 'RIGHT'][random.below(2)]!
  const set = (): string =>
    ['set:large', 'set:integers', 'set:long', `set:small:${random.below(120)}`, 'set:union'][random.below(5)]!
  const changes: (() => Request)[] = [
    () => ['RPUSH', list(), `r${random.below(50)}`, 'x'.repeat(random.below(200))],
    () => ['LPUSH', list(), 'y'.repeat(random.below(100)), String(random.uint32())],
    () => ['LPOP', list(), String(random.below(4))],
    () => ['LMOVE', list(), list(), end(), end()],
    () => ['LREM', list(), String(random.below(5) - 2), large()],
    () => ['LSET', 'list:large', String(random.below(15_000)), 'z'.repeat(random.below(300))],
    () => ['LSET', 'list:long', String(random.below(5)), 'l'.repeat(random.below(100_000))],
    () => ['LINSERT', 'list:large', 'BEFORE', large(), `i${random.below(1000)}`],
    () => ['LTRIM', 'list:moved', '0', '200'],
    () => ['COPY', list(), `copy:${random.below(10)}`, 'REPLACE'],
    () => ['SADD', 'set:large', large(), large(), String(random.below(1000))],
    () => ['SADD', set(), String(random.uint32()), String(random.below(100))],
    () => ['SADD', 'set:long', `l${random.below(5)}`.padEnd(random.below(100_000), 'z')],
    () => ['SREM', set(), large(), large(), large(), String(random.below(100))],
    () => ['SPOP', set()],
    () => ['SPOP', set(), String(random.below(40))],
    () => ['SMOVE', set(), set(), String(random.below(100))],
    () => [['SUNIONSTORE', 'SDIFFSTORE', 'SINTERSTORE'][random.below(3)]!, 'set:union', set(), set()],
    () => ['COPY', set(), `copy:${random.below(10)}`, 'REPLACE'],
    () => ['HSET', 'hash:large', large(), 'changed', large(), String(random.uint32())],
    () => ['HSET', key(), `f${random.below(50)}`, 'x'.repeat(random.below(100))],
    () => ['HDEL', 'hash:large', large(), large(), large()],
    () => ['HDEL', key(), `field:${random.below(2000)}`, 'name', `f${random.below(50)}`],
    () => ['HINCRBY', key(), 'counter', String(random.below(1000))],
    () => ['HINCRBYFLOAT', key(), 'float', `0.${random.below(1000)}`],
    () => ['HSETNX', key(), `nx${random.below(100)}`, 'v'],
    () => ['HSET', 'hash:long', `l${random.below(5)}`, 'y'.repeat(random.below(200_000))],
    () => ['ZADD', 'zset:large', String(random.below(10_000)), large(), `${random.below(10_000)}.5`, large()],
    () => ['ZINCRBY', 'zset:large', `-0.${random.below(100)}`, large()],
    () => ['ZADD', zset(), String(random.below(100)), `m${random.below(300)}`],
    () => ['ZREM', zset(), `m${random.below(300)}`, `member ${random.below(1000)}`, large()],
    () => ['ZPOPMIN', zset(), String(random.below(4))],
    () => ['ZREMRANGEBYRANK', 'zset:large', String(random.below(20_000)), String(random.below(20_000))],
    () => ['ZADD', 'zset:long', String(random.below(5)), `l${random.below(5)}`.padEnd(random.below(100_000), 'z')],
    () => ['ZUNIONSTORE', 'zset:union', '2', zset(), zset(), 'WEIGHTS', '2', '0.5'],
    () => ['COPY', zset(), `copy:${random.below(10)}`, 'REPLACE'],
    () => ['COPY', key(), `copy:${random.below(10)}`, 'REPLACE'],
    () => ['RENAME', `copy:${random.below(10)}`, `renamed:${random.below(10)}`],
    () => ['UNLINK', `renamed:${random.below(10)}`, `copy:${random.below(10)}`],
    () => ['PEXPIRE', `copy:${random.below(10)}`, String(1 + random.below(300))],
    () => ['XADD', 'stream:large', '*', 'n', String(random.below(1000)), 'text', 'z'.repeat(random.below(300))],
    () => ['XADD', 'stream:large', 'MAXLEN', '~', '2500', '*', 'other', 'x'],
    () => ['XREADGROUP', 'GROUP', 'readers', 'one', 'COUNT', '9', 'STREAMS', 'stream:large', '>'],
    () => ['XAUTOCLAIM', 'stream:large', 'readers', 'two', '0', `${1000 + random.below(200)}`, 'COUNT', '5'],
    () => ['XACK', 'stream:large', 'readers', ...count(9).map((i) => `${1000 + random.below(150)}-${i * 31}`)],
    () => ['XDEL', 'stream:large', `${1000 + random.below(800)}-${random.below(3000)}`],
    () => ['XTRIM', 'stream:large', 'MAXLEN', String(2000 + random.below(1000))],
    () => ['XTRIM', 'stream:large', 'MINID', '~', String(1000 + random.below(300))],
    () => ['XADD', `stream:small:${random.below(30)}`, '*', 'field', 'y'.repeat(random.below(100_000))],
    () => ['COPY', `stream:small:${random.below(30)}`, `copy:${random.below(10)}`, 'REPLACE'],
    () => ['SETRANGE', 'string:huge', String(random.below(350_000)), 'patch'],
    () => ['APPEND', 'string:huge', 'z'.repeat(random.below(500))],
  ]
  return changes[random.below(changes.length)]!()
}
