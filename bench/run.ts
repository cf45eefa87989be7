// The benchmark's command line: which benchmarks, how many runs, whose programs; prints a Markdown table for each and one
// of all, and leaves the figures as JSON in bench/results.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isInstalled, ROOT, VEDETTE_NODE } from '../test/support/paths.ts'
import type { Make } from '../test/support/servers.ts'
import type { Bench } from './case.ts'
import { commandsBench, evalshaBench } from './commands.ts'
import { engineBench } from './engine.ts'
import { failoverBenches } from './failover.ts'
import { latencyBench } from './latency.ts'
import { manyGroupsBench } from './many-groups.ts'
import { memoryBench } from './memory.ts'
import { memoryTypesBench } from './memory-types.ts'
import { primitivesBench } from './primitives.ts'
import { quorumBenches } from './quorum.ts'
import { isReached, markdownTable, type Row, ratioOf } from './report.ts'
import { starvedBenches } from './starved.ts'
import { syncBench } from './sync.ts'
import { throughputBench } from './throughput.ts'
import { tlsBench } from './tls.ts'
import { usersBench } from './users.ts'

const BENCHES: readonly Bench[] = [
  throughputBench,
  tlsBench,
  syncBench,
  commandsBench,
  evalshaBench,
  usersBench,
  engineBench,
  memoryBench,
  memoryTypesBench,
  latencyBench,
  primitivesBench,
  ...quorumBenches,
  manyGroupsBench,
  ...failoverBenches,
  ...starvedBenches,
]

const USAGE = `usage: npm run bench [-- name… --runs N --only vedette|redis]
names: ${BENCHES.map(({ name }) => name).join(' ')} (all of them by default; a prefix will do)
commands, evalsha, engine, memory-types [--lines LPUSH,ZADD]: only lines that begin so
commands, evalsha, engine [--pipelines 1,16], commands, evalsha, latency, sync [--seconds N]: depths, length of a measurement`

/** Runs what the arguments name. Exit code 0; 2 on bad usage or when a program is missing. */
export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      only: { type: 'string' },
      lines: { type: 'string' },
      pipelines: { type: 'string' },
      seconds: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const runs = values.runs === undefined ? undefined : Number(values.runs)
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  const pipelines = values.pipelines?.split(',').map(Number)
  const lines = values.lines?.split(',')
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name.startsWith(name)))
  const isCount = (n: number | undefined): boolean => n === undefined || (Number.isInteger(n) && n > 0)
  const badNumber = ![runs, ...(pipelines ?? [])].every(isCount) || (seconds !== undefined && !(seconds > 0))
  if (values.help || unknown.length > 0 || badNumber || !['vedette', 'redis', undefined].includes(values.only)) {
    console.error(unknown.length > 0 ? `no benchmark ${unknown.join(', ')}\n${USAGE}` : USAGE)
    return values.help ? 0 : 2
  }
  const missing = ['redis-server', 'redis-sentinel', 'redis-benchmark'].filter((program) => !isInstalled(program))
  if (missing.length > 0) {
    console.error(`not installed: ${missing.join(', ')} (apt-get install redis-server redis-sentinel redis-tools)`)
    return 2
  }
  const makes: Make[] = values.only === undefined ? ['redis', 'vedette'] : [values.only as Make]
  const chosen = BENCHES.filter(
    ({ name }) => positionals.length === 0 || positionals.some((start) => name.startsWith(start)),
  )
  const rows: Row[] = []
  for (const bench of chosen) {
    const found = await bench.run({ makes, runs, lines, seconds, pipelines, say: (line) => console.error(line) })
    rows.push(...found)
    console.log(`\n${bench.about}\n\n${markdownTable(found)}\n`)
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Linux ${release()}, Node ${process.version}`
  if (chosen.length > 1) console.log(`\nAll figures (${machine}):\n\n${markdownTable(rows)}\n`)
  const folder = join(ROOT, 'bench/results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}.json`)
  const figures = rows.map((row) => ({ ...row, ratio: ratioOf(row), reached: isReached(row) }))
  writeFileSync(file, `${JSON.stringify({ machine, node: VEDETTE_NODE, figures }, null, 2)}\n`)
  console.error(`written: ${file}`)
  return 0
}
