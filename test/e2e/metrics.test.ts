// The server's HTTP port on real processes: what load balancers and Prometheus ask, on a primary and on its replica.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

/** The address that the process says in its log. */
async function httpOf({ proc }: Running): Promise<string> {
  const find = (): string | undefined => /Metrics and health: (http:\/\/127\.0\.0\.1:\d+)/.exec(proc.output())?.[1]
  await eventually('the log names the HTTP port', async () => find() !== undefined)
  return find()!
}

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

describe('a server with an HTTP port', () => {
  it('tells its role, its readiness and its metrics', async () => {
    const args = ['--http-port', '0']
    const primary = await startServer(scope, { make: 'vedette', args })
    const replica = await startServer(scope, {
      make: 'vedette',
      args: [...args, '--replicaof', '127.0.0.1', String(primary.port)],
    })
    const [at, replicaAt] = [await httpOf(primary), await httpOf(replica)]
    await eventually('the replica is in sync', async () => (await statusOf(`${replicaAt}/replica?lag=5`)) === 200)
    await callOnce(primary.port, 'SET', 'k', 'v')
    await callOnce(primary.port, 'INCR', 'k')

    expect(await statusOf(`${at}/healthz`)).toBe(200)
    expect(await statusOf(`${at}/readyz`)).toBe(200)
    expect(await statusOf(`${at}/primary`)).toBe(200)
    expect(await statusOf(`${at}/replica`)).toBe(503)
    expect(await statusOf(`${replicaAt}/readyz`)).toBe(200)
    expect(await statusOf(`${replicaAt}/primary`)).toBe(503)
    expect(await statusOf(`${replicaAt}/replica?lag=x`)).toBe(400)

    const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text()
    await eventually('the replica has acknowledged', async () =>
      (await metricsOf(at)).includes('\nvedette_server_replicas{state="online"} 1\n'),
    )
    const text = await metricsOf(at)
    expect(text).not.toMatch(/\n\n/)
    for (const line of [
      'vedette_server_is_primary 1',
      'vedette_server_is_writable 1',
      'vedette_server_keys{db="0"} 1',
      'vedette_server_command_calls_total{command="set"} 1',
      'vedette_server_command_failed_calls_total{command="incr"} 1',
      'vedette_server_error_replies_total{code="ERR"} 1',
      'vedette_server_syncs_total{kind="full"} 1',
    ])
      expect(text.split('\n')).toContain(line)
    const replicaText = await metricsOf(replicaAt)
    expect(replicaText).toContain('\nvedette_server_replication_link_up 1\n')
    expect(text).not.toContain('\nvedette_server_replication_link_up ')

    await primary.proc.kill()
    await eventually('the replica is not ready', async () => (await statusOf(`${replicaAt}/readyz`)) === 503)
  })
})
