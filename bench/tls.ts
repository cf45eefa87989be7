// SET and GET over TLS in pipelines, by redis-benchmark, beside redis-server with the same certificates; in alternating rounds.
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import { makeCertificates } from '../test/support/tls.ts'
import type { Bench } from './case.ts'
import { type Row, sampledRow } from './report.ts'
import { startEqual } from './servers.ts'
import { alternate, byRedisBenchmark } from './throughput.ts'

export const tlsBench: Bench = {
  name: 'tls',
  about:
    'SET and GET over TLS 1.3, 50 clients that show a certificate, by redis-benchmark; medians of alternating rounds. Processor time is user + system of the server with all its threads.',
  run: async ({ makes, runs = 5, say }) => {
    const scope = createScope()
    try {
      const made = makeCertificates(scope.tempDir())
      const client = byRedisBenchmark(made.cli)
      const servers = new Map<Make, Running>()
      for (const make of makes) servers.set(make, await startEqual(scope, make, made))
      const rows: Row[] = []
      for (const pipeline of [1, 16] as const) {
        for (const test of ['set', 'get'] as const) {
          const figure = `tls ${test} ×${pipeline}`
          const samples = await alternate(servers, runs, (server) => client(server, test, pipeline), figure, say)
          const name = `TLS, ${test.toUpperCase()}, pipeline ${pipeline}`
          rows.push(sampledRow(`${name}: throughput`, '/s', samples, 'perSecond'))
          rows.push(sampledRow(`${name}: server CPU`, 'µs/op', samples, 'cpuUs'))
        }
      }
      return rows
    } finally {
      await scope.close()
    }
  },
}
