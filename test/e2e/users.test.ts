// Sentinels and replicas that log in as users with no more rights than docs/SECURITY.md says they need: the group forms, hands over and
// replaces a killed primary.
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, startGroup } from '../support/group.ts'
import { callOnce, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'
import { lostWrites, startWriter } from '../support/writer.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

/** The rights that the page gives to a sentinel and to a replica. */
function rightsOf(who: 'sentinel' | 'replica'): string {
  const page = readFileSync(new URL('../../docs/SECURITY.md', import.meta.url), 'utf8')
  const rights = new RegExp(`^- ${who}: \`([^\`]+)\``, 'm').exec(page)?.[1]
  if (rights === undefined) throw new Error(`docs/SECURITY.md does not say what a ${who} needs`)
  return rights
}

it('a group lives with sentinels and replicas that may do only what the page on security lists', async () => {
  const users = ['sentinel', 'replica'].flatMap((who) => [
    '--user',
    ...`${who} on >${who}-secret ${rightsOf(who as 'sentinel' | 'replica')}`.split(' '),
  ])
  const group = await startGroup(scope, {
    servers: 'vedette',
    sentinels: 'vedette',
    serverArgs: [...users, '--masteruser', 'replica', '--masterauth', 'replica-secret'],
    sentinelLines: ['sentinel auth-user mymaster sentinel', 'sentinel auth-pass mymaster sentinel-secret'],
  })
  const writer = startWriter(scope, group.sentinels, group.name)
  await eventually('the client writes', () => writer.acks.length > 100)
  const old = await announcedPort(group.sentinels[0]!, group.name)
  expect(await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'FAILOVER', group.name)).toBe('OK')
  const second = await eventually('it is handed over', async () => {
    const port = await announcedPort(group.sentinels[0]!, group.name)
    return port === old ? undefined : port
  })
  const count = writer.acks.length
  await eventually('the client writes on', () => writer.acks.length > count + 100)
  await eventually('the old primary follows, and can be promoted', async () => {
    const reply = await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'CKQUORUM', group.name)
    return typeof reply === 'string' && (await denied(old)) === 0
  })
  await group.serverAt(second).proc.kill()
  const third = await eventually('another takes its place', async () => {
    const port = await announcedPort(group.sentinels[0]!, group.name)
    return port === second ? undefined : port
  })
  const before = writer.acks.length
  await eventually('the client writes again', () => writer.acks.length > before + 100)
  await writer.stop()
  expect(await lostWrites(third, writer.acks)).toEqual([])
  for (const { port } of group.servers) if (port !== second) expect(await denied(port)).toBe(0)
})

/** How many requests a server denied. */
async function denied(port: number): Promise<number> {
  const log = await callOnce(port, 'ACL', 'LOG')
  if (log instanceof RespError || !Array.isArray(log)) throw new Error(String(log))
  for (const entry of log) console.info(`denied at ${port}:`, JSON.stringify(entry))
  return log.length
}
