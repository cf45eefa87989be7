// INFO against redis-server: the same sections with the same fields in the same order, alone and together.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callOnce } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'

const scope = createScope()
let ports: number[]
beforeAll(async () => {
  ports = []
  for (const make of ['redis', 'vedette'] as const) {
    const { port } = await startServer(scope, { make })
    ports.push(port)
    for (const line of ['SET a 1', 'SET b 1 EX 1000', 'GET nosuch', 'GET', 'CONFIG GET port']) {
      await callOnce(port, ...line.split(' '))
    }
  }
})
afterAll(() => scope.close())

/** Fields that Redis does not have. */
const OURS = new Set(['write_mode', 'lease_state', 'lease_remaining_ms', 'lease_expiries', 'lease_version'])

/** Section titles and field names, line by line; the statistics of commands without order. */
async function outline(port: number, ...sections: string[]): Promise<string[]> {
  const text = String(await callOnce(port, 'INFO', ...sections))
  const names = text
    .split('\r\n')
    .map((line) => (line.startsWith('db') ? line.replace(/avg_ttl=\d+/, '') : line.split(':')[0]!))
  const statistics = names.filter((name) => name.startsWith('cmdstat_')).sort()
  const others = names.filter((name) => !/^(cmdstat_|latency_percentiles_)/.test(name) && !OURS.has(name))
  return [...others, ...statistics]
}

describe.each([
  [[]],
  [['default']],
  [['all']],
  [['everything']],
  [['Server']],
  [['keyspace', 'CLUSTER']],
  [['nosuch']],
  [['persistence', 'nosuch', 'stats', 'stats']],
])('INFO %s', (sections) => {
  it('has the fields of Redis 7.0.15', async () => {
    const [expected, got] = await Promise.all(ports.map((port) => outline(port, ...sections)))
    expect(got).toEqual(expected)
  })
})

it('CLIENT LIST has the fields of Redis 7.0.15', async () => {
  const [expected, got] = await Promise.all(
    ports.map(async (port) =>
      String(await callOnce(port, 'CLIENT', 'LIST'))
        .replace(/=\S*/g, '')
        .trim(),
    ),
  )
  expect(got).toBe(expected)
})
