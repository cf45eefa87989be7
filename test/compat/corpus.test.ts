// Every script of corpus/ against redis-server 7.0.15 and against ours, in RESP2 and in RESP3: the same bytes come back.
// COMPAT_SELF=1 plays redis-server against itself, to tell a wrong script from a wrong server.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compareScript, report } from '../support/compat.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'

const CORPUS = join(import.meta.dirname, 'corpus')
const scripts = readdirSync(CORPUS).filter((name) => name.endsWith('.txt'))
const SUBJECT = process.env.COMPAT_SELF === '1' ? 'redis' : 'vedette'

let scope: Scope
let redis: Running
let ours: Running
beforeEach(async () => {
  scope = createScope()
  const args = ['--enable-debug-command', 'local']
  redis = await startServer(scope, { make: 'redis', args })
  ours = await startServer(scope, { make: SUBJECT, args })
})
afterEach(() => scope.close())

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  it.each(scripts)('%s', async (name) => {
    const script = readFileSync(join(CORPUS, name), 'utf8')
    expect(report(await compareScript(script, redis.port, ours.port, protocol))).toBe('')
  })
})

describe('the comparison itself', () => {
  it('finds no difference between a server and itself, and finds one where there is one', async () => {
    const other = await startServer(scope, { make: 'redis', args: ['--databases', '4'] })
    expect(await compareScript('SELECT 3\nSET a 1\nGET a', redis.port, other.port, 2)).toEqual([])
    const found = await compareScript('SELECT 3\nSELECT 7\nSELECT 0', redis.port, other.port, 2)
    expect(found.map(({ line }) => line)).toEqual(['2: SELECT 7'])
  })
})
