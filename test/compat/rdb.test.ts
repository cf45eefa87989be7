// RDB files and DUMP payloads against a real redis-server 7.0.15, both ways: what we write passes redis-check-rdb and
// loads there with the same content, what it writes we read, and DUMP gives the same bytes.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dumpString, readDump } from '../../src/codec/dump.ts'
import { createRdbReader } from '../../src/codec/rdb-reader.ts'
import { createRdbWriter } from '../../src/codec/rdb-writer.ts'
import { connectRaw } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'

const FAR_MS = 4102444800123 // the year 2100

/** Values of every encoding, by a name. Latin1 text: every character is a byte. */
function samples(): Map<string, string> {
  const values = new Map<string, string>()
  const add = (value: string): void => void values.set(`key:${values.size}`, value)
  for (const n of [0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32769, 2147483647, -2147483648, 2147483648])
    add(`${n}`)
  for (const s of ['', '-0', '007', '+5', '9223372036854775807', '-9223372036854775808', '12345678901', ' 1']) add(s)
  for (let length = 18; length < 30; length++) add('a'.repeat(length))
  for (const length of [63, 64, 65, 16383, 16384, 70_000]) add('xyz'.repeat(length).slice(0, length))
  let noise = createHash('sha512').update('seed').digest()
  for (let i = 0; i < 60; i++) {
    const words = Array.from(noise.subarray(0, 4 + (i % 40)), (b) => ['lorem', 'ipsum', 'dolor', 'sit '][b & 3]).join(
      '',
    )
    add(words)
    add(noise.toString('latin1'))
    add(`{"id":${i},"name":"user ${i}","tags":["a","b","a","b"],"email":"user${i}@example.com"}`)
    noise = createHash('sha512').update(noise).digest()
  }
  values.set('k'.repeat(5000), 'long key')
  values.set('\x00\xff\r\n', 'binary key')
  values.set('', 'empty key')
  return values
}

describe('with a real redis-server', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())

  it('our file passes redis-check-rdb and loads', async () => {
    const dir = scope.tempDir()
    const file = join(dir, 'dump.rdb')
    const chunks: Uint8Array[] = []
    const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: true, checksum: true })
    writer.begin([['redis-ver', '7.0.15']])
    const values = samples()
    for (const db of [0, 15]) {
      writer.selectDb(db)
      writer.resizeDb(values.size, 1)
      for (const [key, value] of values) {
        const k = Buffer.from(key, 'latin1')
        const v = Buffer.from(value, 'latin1')
        writer.blob(0, k, 0, k.length, v, 0, v.length, key === 'key:3' ? FAR_MS : -1)
      }
    }
    writer.end()
    writeFileSync(file, Buffer.concat(chunks))
    const check = execFileSync('redis-check-rdb', [file], { encoding: 'utf8' })
    expect(check).toContain('Checksum OK')
    expect(check).toContain(`${2 * values.size} keys read`)

    const server = await startServer(scope, { make: 'redis', dir })
    const client = await connectRaw(server.port, { scope })
    for (const db of [0, 15]) {
      await client.call('SELECT', String(db))
      expect(await client.call('DBSIZE')).toBe(values.size)
      for (const [key, value] of values) expect(await client.call('GET', key)).toBe(value)
      expect(await client.call('PEXPIRETIME', 'key:3')).toBe(FAR_MS)
      expect(await client.call('PEXPIRETIME', 'key:4')).toBe(-1)
    }
  })

  it('its file is read whole, and DUMP gives the same bytes', async () => {
    const server = await startServer(scope, { make: 'redis' })
    const client = await connectRaw(server.port, { scope })
    const values = samples()
    for (const db of [0, 7, 15]) {
      await client.call('SELECT', String(db))
      for (const [key, value] of values) await client.call('SET', key, value)
      await client.call('PEXPIREAT', 'key:3', String(FAR_MS))
    }
    for (const [key, value] of values) {
      const bytes = Buffer.from(value, 'latin1')
      const dumped = (await client.call('DUMP', key)) as string
      expect(Buffer.from(dumpString(bytes, 0, bytes.length)).toString('latin1'), value).toBe(dumped)
      const payload = Buffer.from(dumped, 'latin1')
      const content = readDump(payload, 0, payload.length)
      if (content.fault !== undefined) throw new Error(content.message)
      expect(Buffer.from(content.bytes.subarray(content.start, content.end)).toString('latin1')).toBe(value)
    }
    expect(await client.call('SAVE')).toBe('OK')
    const found = new Map<number, Map<string, string>>()
    const expiries: number[] = []
    const aux = new Map<string, string>()
    const reader = createRdbReader({
      onEntry: (e) => {
        const db = found.get(e.db) ?? new Map<string, string>()
        found.set(e.db, db)
        const key = Buffer.from(e.key.subarray(e.keyStart, e.keyEnd)).toString('latin1')
        db.set(key, Buffer.from(e.value.subarray(e.valueStart, e.valueEnd)).toString('latin1'))
        if (e.expireMs >= 0) expiries.push(e.expireMs)
      },
      onAux: (name, value) => aux.set(name, value),
    })
    const bytes = readFileSync(join(server.dir, 'dump.rdb'))
    for (let at = 0; at < bytes.length; at += 1000) reader.feed(bytes, at, Math.min(at + 1000, bytes.length))
    reader.end()
    expect(aux.get('redis-ver')).toBe('7.0.15')
    expect([...found.keys()].sort((a, b) => a - b)).toEqual([0, 7, 15])
    for (const db of found.values()) {
      expect(db.size).toBe(values.size)
      for (const [key, value] of values) expect(db.get(key)).toBe(value)
    }
    expect(expiries).toEqual([FAR_MS, FAR_MS, FAR_MS])
  })
})
