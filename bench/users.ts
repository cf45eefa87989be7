// What users cost: SET and GET of the default user, who may do anything, with nobody else defined, with a hundred others, and of a
// default user who may touch some keys only. The variants alternate on one server.
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import type { Bench } from './case.ts'
import { LINES } from './command-lines.ts'
import { measureLine, prepareLine } from './commands.ts'
import { type Sample, sendAll } from './light.ts'
import type { Row } from './report.ts'
import type { Request } from './requests.ts'
import { startEqual } from './servers.ts'
import { median } from './stats.ts'

const OTHERS = 100
/** CPU with a hundred users, at most so many times that without. */
const GOAL = 1.03

const names = Array.from({ length: OTHERS }, (_, i) => `user-${i}`)
const OPEN: Request = ['ACL', 'SETUSER', 'default', 'allkeys']

const VARIANTS: ReadonlyMap<string, readonly Request[]> = new Map([
  ['nobody else', [['ACL', 'DELUSER', ...names], OPEN]],
  [
    'a hundred others',
    [
      ...names.map((name): Request => ['ACL', 'SETUSER', name, 'on', '>secret', `~${name}:*`, '+@all', '-@dangerous']),
      OPEN,
    ],
  ],
  ['some keys only', [['ACL', 'SETUSER', 'default', 'resetkeys', '~counter:*', '~key:*']]],
])

export const usersBench: Bench = {
  name: 'users',
  about:
    'SET and GET with users: processor time of the server, as a multiple of that without any; each server against itself, medians of alternating runs.',
  run: async ({ makes, runs = 7, seconds = 1, pipelines = [1, 16], say }) => {
    const scope = createScope()
    try {
      const servers = new Map<Make, Running>()
      for (const make of makes) servers.set(make, await startEqual(scope, make))
      const rows: Row[] = []
      for (const pipeline of pipelines) {
        for (const line of LINES.filter(({ name }) => name === 'SET' || name === 'GET')) {
          const requests = prepareLine(line, pipeline)
          const samples = new Map<string, Sample[]>()
          for (let round = 0; round <= runs; round++) {
            for (const [make, server] of servers) {
              for (const [variant, setUp] of VARIANTS) {
                await sendAll(server, setUp)
                const sample = await measureLine(server, line, requests, round > 0 ? seconds : Infinity)
                const key = `${make} ${variant}`
                if (round > 0) samples.set(key, [...(samples.get(key) ?? []), sample])
              }
            }
          }
          const cpu = (make: Make, variant: string): number | undefined =>
            servers.has(make) ? median(samples.get(`${make} ${variant}`)!.map(({ cpuUs }) => cpuUs)) : undefined
          for (const variant of VARIANTS.keys()) {
            const row: Row = {
              figure: `${line.name}, pipeline ${pipeline}, ${variant}: CPU`,
              ...(variant === 'nobody else'
                ? { unit: 'µs/op', redis: cpu('redis', variant), vedette: cpu('vedette', variant) }
                : { unit: '× nobody else', redis: times('redis', variant), vedette: times('vedette', variant) }),
              goal: variant === 'a hundred others' ? { atMost: GOAL } : undefined,
            }
            rows.push(row)
            say(`${row.figure}: ${row.vedette?.toFixed(3)} ${row.unit}`)
          }
          function times(make: Make, variant: string): number | undefined {
            const with_ = cpu(make, variant)
            return with_ === undefined ? undefined : with_ / cpu(make, 'nobody else')!
          }
        }
      }
      return rows
    } finally {
      await scope.close()
    }
  },
}
