// SCAN's promise while the table grows, shrinks and is rehashed: every key that is there from start to end is returned at
// least once, none that never was there. The same walk runs on redis-server, as a check of the test.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectRaw, type RawConnection, type RespValue } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { type Make, startServer } from '../support/servers.ts'

const scope = createScope()
afterAll(() => scope.close())

/** Every key that a whole SCAN returns, calling `between` after each step. */
async function scanAll(connection: RawConnection, args: string[], between: () => Promise<unknown>): Promise<string[]> {
  const keys: string[] = []
  let cursor = '0'
  for (let steps = 0; steps < 1_000_000; steps++) {
    const [next, found] = (await connection.call('SCAN', cursor, ...args)) as [string, RespValue[]]
    keys.push(...found.map(String))
    if (next === '0') return keys
    cursor = next
    await between()
  }
  throw new Error('SCAN never came back to 0')
}

const range = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

async function setAll(connection: RawConnection, keys: readonly string[]): Promise<void> {
  for (let i = 0; i < keys.length; i += 500) {
    await connection.call('MSET', ...keys.slice(i, i + 500).flatMap((key) => [key, 'v']))
  }
}

async function deleteAll(connection: RawConnection, keys: readonly string[]): Promise<void> {
  for (let i = 0; i < keys.length; i += 500) await connection.call('DEL', ...keys.slice(i, i + 500))
}

describe.each<Make>(['redis', 'vedette'])('SCAN of %s', (make) => {
  let connection: RawConnection
  beforeAll(async () => {
    connection = await connectRaw((await startServer(scope, { make })).port, { scope })
  })

  it.each([1, 10, 1000])('returns each of 20,000 keys, COUNT %i', async (count) => {
    await connection.call('FLUSHALL')
    const keys = range('k', 20_000)
    await setAll(connection, keys)
    const found = await scanAll(connection, ['COUNT', String(count)], async () => {})
    expect(new Set(found)).toEqual(new Set(keys))
  })

  it('keeps its promise while the table grows a hundredfold', async () => {
    await connection.call('FLUSHALL')
    const keys = range('stays', 2000)
    await setAll(connection, keys)
    let added = 0
    const found = await scanAll(connection, ['COUNT', '10'], async () => {
      if (added < 200_000) await setAll(connection, range(`new${added}:`, 2000))
      added += 2000
    })
    const seen = new Set(found)
    expect(keys.filter((key) => !seen.has(key))).toEqual([])
    expect(found.filter((key) => !/^(stays\d+|new\d+:\d+)$/.test(key))).toEqual([])
  })

  it('keeps its promise while the table shrinks to a hundredth', async () => {
    await connection.call('FLUSHALL')
    const keys = range('stays', 500)
    const goes = range('goes', 50_000)
    await setAll(connection, [...goes, ...keys])
    let from = 0
    const found = await scanAll(connection, ['COUNT', '100'], async () => {
      await deleteAll(connection, goes.slice(from, from + 1000))
      from += 1000
    })
    const seen = new Set(found)
    expect(keys.filter((key) => !seen.has(key))).toEqual([])
  })

  it('filters by MATCH and TYPE', async () => {
    await connection.call('FLUSHALL')
    await setAll(connection, [...range('a:', 300), ...range('b:', 300)])
    const found = await scanAll(connection, ['MATCH', 'a:*', 'COUNT', '50', 'TYPE', 'string'], async () => {})
    expect(new Set(found)).toEqual(new Set(range('a:', 300)))
  })
})
