// Random values across the boundary of Lua, both ways: what scripts return, get as arguments, and send through cjson, cmsgpack and
// struct is the same as with redis-server, in RESP2 and RESP3. LUA_ROUNDS sets how many scripts, LUA_SEED which.
import { expect, it } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { connectRaw } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'

const ROUNDS = Number(process.env.LUA_ROUNDS ?? 3000)
const SEED = Number(process.env.LUA_SEED ?? 1)
/** Scripts that are sent at a time. */
const AT_A_TIME = 100

// biome-ignore format: a list
const NUMBERS = ['0', '-0', '1', '-1', '0.5', '-1.999', '3.0', '1e15', '2^31', '-2^31', '2^53', '-2^53-1', '2^63', '-2^63', '2^64', '1e300',
  '-1e300', '0/0', '1/0', '-1/0', '1e-320', '0.1', '1/3', '12345678901234567', '255', '256', '65535', '-32769', '4294967296']
// The sign of a NaN is the processor's, and what C makes of a number beyond 64 bits is nobody's promise.
const NO_NAN = NUMBERS.filter((n) => n !== '0/0')
const IN_64_BITS = NUMBERS.filter((n) => !n.includes('/0') && !n.includes('300') && !/2\^6/.test(n))

it(`of ${ROUNDS} scripts, seed ${SEED}`, { timeout: 1_800_000 }, async () => {
  const scope = createScope()
  try {
    const random = seededRandom(SEED, 7, 8, 9)
    const one = <T>(list: readonly T[]): T => list[random.below(list.length)]!
    const some = <T>(max: number, make: () => T): T[] => Array.from({ length: random.below(max + 1) }, make)
    const text = (): string => {
      const bytes = some(6, () => random.below(256))
      return `"${bytes.map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`
    }
    // Of letters and digits: what a status or an error may have in it without a difference in how lines end.
    const word = (): string => `"${some(8, () => one([...'abXY z09-'])).join('')}"`
    // A table with two fields has no order of its own that both would have to keep.
    const value = (depth: number): string =>
      one<() => string>([
        () => one(NUMBERS),
        () => one(NUMBERS),
        text,
        text,
        () => one(['true', 'false', 'nil']),
        ...(depth === 0
          ? []
          : [
              () => `{${some(5, () => value(depth - 1)).join(',')}}`,
              () => `{${some(3, () => value(depth - 1)).join(',')}}`,
              () => `{ok=${one([word, () => value(0)])()}}`,
              () => `{err=${one([word, () => value(0)])()}}`,
              () => `{double=${one(NO_NAN)}}`,
              () => `{big_number="${random.below(1_000_000)}"}`,
              () => `{map={[${one([text, () => one(['1', '2.5', 'true'])])()}]=${value(depth - 1)}}}`,
              () => `{set={[${one([text, () => one(['1', '2.5', 'true'])])()}]=${one(['true', '1'])}}}`,
              () => `{verbatim_string={format="${one(['txt', 'mkd'])}",string=${text()}}}`,
              () => `{field=${value(depth - 1)}}`,
              () => `redis.status_reply(${word()})`,
              () => `redis.error_reply(${word()})`,
            ]),
      ])()
    const plain = (depth: number): string =>
      one<() => string>([
        () => one(IN_64_BITS),
        text,
        () => one(['true', 'false']),
        ...(depth === 0
          ? []
          : [() => `{${some(4, () => plain(depth - 1)).join(',')}}`, () => `{field=${plain(depth - 1)}}`]),
      ])()
    const struct = (): string => {
      const format = `${one(['', '<', '>'])}${one(['b', 'B', 'h', 'H', 'i4', 'I4', 'l', 'L', 'i8', 'd', 'f', 's', 'i3', 'c0'])}`
      const given = /[sc]/.test(format) ? text() : one(IN_64_BITS)
      return `local ok, s = pcall(struct.pack, "${format}", ${given}) if not ok then return s end local r = {pcall(struct.unpack, "${format}", s)} return {s, tostring(r[2]), tostring(r[3])}`
    }
    const SCRIPTS: readonly (() => string)[] = [
      () => `return ${value(3)}`,
      () => `redis.setresp(3) return ${value(3)}`,
      () => `return {${some(4, () => value(2)).join(',')}}`,
      () => `return {ARGV[1], #ARGV[1], KEYS[1] == ARGV[1], tostring(tonumber(ARGV[2]))}`,
      () => `return redis.call("echo", ${one([text, () => one(NO_NAN)])()})`,
      () => `redis.call("set", KEYS[1], ARGV[1]) return {redis.call("get", KEYS[1]), redis.call("strlen", KEYS[1])}`,
      () => `local s = cjson.encode(${plain(3)}) return {s, cjson.encode(cjson.decode(s))}`,
      () => `local s = cmsgpack.pack(${plain(3)}) return {s, cmsgpack.pack(cmsgpack.unpack(s))}`,
      () => `local ok, r = pcall(cjson.decode, ARGV[1]) return {ok, type(r)}`,
      () => `local ok, r = pcall(cmsgpack.unpack, ARGV[1]) return {ok, type(r)}`,
      () => `return {tostring(${one(NUMBERS)}), ${one(NUMBERS)} .. "", string.format("%.14g", ${one(NUMBERS)})}`,
      struct,
    ]
    const servers = await Promise.all(
      (['redis', 'vedette'] as const).map(async (make) =>
        connectRaw((await startServer(scope, { make })).port, { scope }),
      ),
    )
    const differences: string[] = []
    for (let done = 0; done < ROUNDS; done += AT_A_TIME) {
      const resp = String(2 + random.below(2))
      for (const server of servers) await server.raw('HELLO', resp)
      const batch = Array.from({ length: AT_A_TIME }, () => {
        const binary = Buffer.from(some(12, () => random.below(256)))
        return ['EVAL', one(SCRIPTS)(), '1', binary, one([binary, Buffer.from('{"a":[1,2]}')]), one(NUMBERS)] as const
      })
      for (const request of batch) {
        const [redis, ours] = await Promise.all(
          servers.map(async (server) => (await server.raw(...request)).toString('latin1')),
        )
        if (ours === redis) continue
        const [, script, , key, argument, number] = request
        const given = `${key.toString('hex')} ${argument.toString('hex')} ${number}`
        differences.push(
          `RESP${resp} ${script} (${given})\n  redis ${JSON.stringify(redis)}\n  ours  ${JSON.stringify(ours)}`,
        )
      }
    }
    expect(differences.slice(0, 20)).toEqual([])
  } finally {
    await scope.close()
  }
})
