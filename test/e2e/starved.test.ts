// Sentinels that hardly get to run: every one of them stands still for most of each period. A failover takes longer then, but it
// happens.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, startGroup } from '../support/group.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Proc, type Scope } from '../support/scope.ts'
import { eventually, sleep } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const RUN_MS = 100
const PERIOD_MS = 450

/** Lets the process run for RUN_MS of every PERIOD_MS until what is given back is called. */
function starve(proc: Proc): () => Promise<void> {
  let starving = true
  const turns = (async () => {
    await sleep(Math.random() * PERIOD_MS)
    while (starving) {
      proc.signal('SIGSTOP')
      await sleep(PERIOD_MS - RUN_MS)
      proc.signal('SIGCONT')
      await sleep(RUN_MS)
    }
  })()
  return async () => {
    starving = false
    await turns
  }
}

it('sentinels that run 100 ms of every 450 replace a killed primary', async ({ onTestFailed }) => {
  const group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', downAfterMs: 1000 })
  onTestFailed(() => {
    for (const { proc } of group.sentinels) console.info(`${proc.name}:\n${proc.output().slice(-6_000)}`)
  })
  const [primary, ...replicas] = group.servers
  const feeds = group.sentinels.map(({ proc }) => starve(proc))
  await sleep(5_000)
  await primary!.proc.kill()
  const killedMs = performance.now()
  await eventually(
    'a replica is the primary',
    async () => {
      const roles = await Promise.all(replicas.map(({ port }) => callOnce(port, 'ROLE')))
      return roles.some((role) => Array.isArray(role) && role[0] === 'master')
    },
    { timeoutMs: 45_000 },
  )
  console.info(`starved sentinels: promoted ${(performance.now() - killedMs).toFixed(0)} ms after the kill`)
  await Promise.all(feeds.map((feed) => feed()))
  const ports = await Promise.all(
    group.sentinels.map((sentinel) =>
      eventually('it names another primary', async () => {
        const port = await announcedPort(sentinel, group.name)
        return port === primary!.port ? undefined : port
      }),
    ),
  )
  expect(new Set(ports).size).toBe(1)
})
