// Data of all types in all their encodings, and random changes to them: what the compatibility tests of files and of
// replication are fed with. A type adds its rows to both lists.
import type { Random } from '../../src/lib/prng.ts'

type Request = string[]

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Options under which both makes of server use all encodings, and DEBUG. */
export const TYPED_ARGS = ['--enable-debug-command', 'local', '--hash-max-listpack-entries', '32']

/** Requests that make keys of every type and encoding. */
export function typedData(): Request[] {
  return [
    ['SET', 'string:huge', 'abcdefg'.repeat(50_000)],
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
  ]
}

/** A random change to such data. */
export function typedChange(random: Random): Request {
  const large = (): string => `${random.below(22)}:${random.below(1000)}`
  const key = (): string =>
    ['hash:table', 'hash:large', 'hash:long', `hash:small:${random.below(250)}`, 'hash:integers'][random.below(5)]!
  const changes: (() => Request)[] = [
    () => ['HSET', 'hash:large', large(), 'changed', large(), String(random.uint32())],
    () => ['HSET', key(), `f${random.below(50)}`, 'x'.repeat(random.below(100))],
    () => ['HDEL', 'hash:large', large(), large(), large()],
    () => ['HDEL', key(), `field:${random.below(2000)}`, 'name', `f${random.below(50)}`],
    () => ['HINCRBY', key(), 'counter', String(random.below(1000))],
    () => ['HINCRBYFLOAT', key(), 'float', `0.${random.below(1000)}`],
    () => ['HSETNX', key(), `nx${random.below(100)}`, 'v'],
    () => ['HSET', 'hash:long', `l${random.below(5)}`, 'y'.repeat(random.below(200_000))],
    () => ['COPY', key(), `copy:${random.below(10)}`, 'REPLACE'],
    () => ['RENAME', `copy:${random.below(10)}`, `renamed:${random.below(10)}`],
    () => ['UNLINK', `renamed:${random.below(10)}`, `copy:${random.below(10)}`],
    () => ['PEXPIRE', `copy:${random.below(10)}`, String(1 + random.below(300))],
    () => ['SETRANGE', 'string:huge', String(random.below(350_000)), 'patch'],
    () => ['APPEND', 'string:huge', 'z'.repeat(random.below(500))],
  ]
  return changes[random.below(changes.length)]!()
}
