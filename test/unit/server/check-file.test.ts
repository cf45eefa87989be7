import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRdbWriter } from '../../../src/codec/rdb-writer.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { checkFile } from '../../../src/server/check-file.ts'
import { encodeRequest } from '../../support/resp.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vedette-check-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const LOG = Buffer.concat([
  Buffer.from('#TS:1700000000\r\n'),
  encodeRequest(['SELECT', '0']),
  encodeRequest(['SET', 'a', 'b']),
  encodeRequest(['MULTI']),
  encodeRequest(['INCR', 'n']),
  encodeRequest(['EXEC']),
])

/** An RDB with a hash of many fields and some strings. */
function snapshot(): Buffer {
  const chunks: Uint8Array[] = []
  const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: true, checksum: true })
  writer.begin([['redis-ver', '7.0.15']])
  writer.library(Buffer.from("#!lua name=l\nredis.register_function('f', function() end)"))
  writer.selectDb(3)
  writer.beginValue(4, Buffer.from('hash'), 0, 4, -1)
  writer.out.length(600)
  for (let i = 0; i < 1200; i++) {
    const text = Buffer.from(`text ${i}`)
    writer.out.string(text, 0, text.length)
  }
  for (const key of ['a', 'b']) {
    const bytes = Buffer.from(key)
    writer.blob(0, bytes, 0, 1, bytes, 0, 1, -1)
  }
  writer.end()
  return Buffer.concat(chunks)
}

function file(name: string, ...parts: (Buffer | string)[]): string {
  const path = join(dir, name)
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part))))
  return path
}
const only = (path: string) => {
  const [report, ...others] = checkFile(path)
  expect(others).toEqual([])
  return report!
}

describe('checking a file', () => {
  it('finds nothing wrong with a snapshot, a log, and a log that begins with a snapshot', () => {
    const rdb = snapshot()
    expect(only(file('dump.rdb', rdb))).toMatchObject({ keys: 3, commands: 0, problem: undefined, bytes: rdb.length })
    expect(only(file('log.aof', LOG))).toMatchObject({ keys: 0, commands: 5, problem: undefined })
    expect(only(file('both.aof', rdb, LOG))).toMatchObject({ keys: 3, commands: 5, problem: undefined })
    expect(only(file('empty.aof'))).toMatchObject({ problem: undefined })
  })

  it('says where a log is torn, wherever it is, and that it is whole once it is cut there', () => {
    const rdb = snapshot()
    for (let length = rdb.length + 2; length < rdb.length + LOG.length; length += 3) {
      const torn = Buffer.concat([rdb, LOG]).subarray(0, length)
      const { problem, wholeBytes } = only(file('torn.aof', torn))
      if (problem === undefined) continue
      expect(problem).toMatch(/^it ends in the middle of a (command|transaction) begun at byte \d+$/)
      expect(wholeBytes).toBeGreaterThanOrEqual(rdb.length)
      expect(only(file('cut.aof', torn.subarray(0, wholeBytes)))).toMatchObject({ problem: undefined })
    }
  })

  it.each<[string, (Buffer | string)[], RegExp]>([
    [
      'an unknown command',
      [LOG, encodeRequest(['NOSUCH']), LOG],
      /^unknown command 'nosuch'; what comes before byte \d+/,
    ],
    ['EXEC alone', [LOG, encodeRequest(['EXEC'])], /^EXEC without MULTI; /],
    ['MULTI twice', [encodeRequest(['MULTI']), encodeRequest(['MULTI'])], /^MULTI in a transaction; .* byte 0 /],
    ['something else', ['hello'], /^Expected a command at byte 0; /],
    ['half a snapshot', [snapshot().subarray(0, 300)], /; 0 keys before it are whole$/],
    ['no bytes in a snapshot', [], /./],
  ])('says what is wrong with %s, and offers no cut', (_, parts, problem) => {
    const found = only(file('bad.rdb', ...parts))
    expect(found.problem).toMatch(problem)
    expect(found.wholeBytes).toBeUndefined()
  })

  it('goes through the files of a manifest, of which only the last may be cut', () => {
    file('a.1.base.rdb', snapshot())
    const first = file('a.1.incr.aof', LOG)
    file('a.2.incr.aof', LOG.subarray(0, -3))
    const lines = ['a.1.base.rdb seq 1 type b', 'a.1.incr.aof seq 1 type i', 'a.2.incr.aof seq 2 type i']
    const manifest = file('a.manifest', lines.map((line) => `file ${line}\n`).join(''))
    const reports = checkFile(manifest)
    expect(reports.map(({ problem }) => problem === undefined)).toEqual([true, true, false])
    expect(reports[2]?.wholeBytes).toBeLessThan(LOG.length)
    writeFileSync(first, LOG.subarray(0, -3))
    const stopped = checkFile(manifest)
    expect([stopped.length, stopped[1]?.problem === undefined, stopped[1]?.wholeBytes]).toEqual([2, false, undefined])
    rmSync(first)
    expect(checkFile(manifest).at(-1)?.problem).toMatch(/ENOENT/)
    expect(checkFile(file('bad.manifest', 'file x\n'))[0]?.problem).toMatch(/in line 1/)
  })

  it('notices any bit that flips in a snapshot, and never throws', () => {
    const rdb = snapshot()
    const random = seededRandom(11)
    for (let round = 0; round < 50; round++) {
      const damaged = Buffer.from(rdb)
      damaged[random.below(damaged.length)]! ^= 1 << random.below(8)
      expect(only(file('damaged.rdb', damaged)).problem).toBeDefined()
    }
  })
})
