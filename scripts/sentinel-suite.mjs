// `npm run test:sentinel [-- options]`: runs the Sentinel suite of Redis 7.0.15 against Vedette's sentinels, first over real
// redis-server instances or, with --servers vedette, over Vedette's. Fails if a case fails. Cases that cannot apply are named, with the
// reasons, in scripts/reference/sentinel-cases.mjs.
//
//   --servers <make>    redis (the default) or vedette
//   --sentinels <make>  redis: says how many cases there are, nothing left out
//   --file <name>       only files whose name contains this (may be given again), as 05-manual
//   --update            after a whole run: keeps the figures for docs/REFERENCE-SUITE.md, and writes that page
//   --verbose           shows the suite's own output
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { referencePage } from './reference/page.mjs'
import { parseSentinelOutput, prepareSentinelFolder, runSentinelSuite } from './reference/sentinel.mjs'
import { LEFT_OUT, RESULTS, sentinelSection } from './reference/sentinel-cases.mjs'
import { CACHE, fetchSource } from './reference/source.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const RUN_MS_MAX = 1_200_000

const { values: options } = parseArgs({
  options: {
    file: { type: 'string', multiple: true, default: [] },
    servers: { type: 'string', default: 'redis' },
    sentinels: { type: 'string', default: 'vedette' },
    update: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const vedette = (kind) => [process.execPath, join(root, 'dist/cli/main.js'), kind]
const folder = join(CACHE, `sentinel-${process.pid}`)
prepareSentinelFolder(fetchSource(), folder, {
  servers: options.servers === 'redis' ? ['/usr/bin/redis-server'] : vedette('server'),
  sentinels: options.sentinels === 'redis' ? ['/usr/bin/redis-sentinel'] : vedette('sentinel'),
  leftOut: options.sentinels === 'redis' ? [] : Object.keys(LEFT_OUT),
})
const onOutput = options.verbose ? (bytes) => process.stdout.write(bytes) : undefined
const cases = parseSentinelOutput(
  await runSentinelSuite(folder, { files: options.file, timeoutMs: RUN_MS_MAX, onOutput }),
)
const count = (state) => cases.filter((one) => one.state === state).length
for (const { file, name, why } of cases.filter(({ state }) => state === 'failed'))
  console.log(`failed: ${file}: ${name}\n  ${why}`)
console.log(
  `over ${options.servers} servers: ${count('ok')} passed, ${count('failed')} failed, ${count('skipped')} left out`,
)
if (count('failed') === 0 && count('ok') > 0) rmSync(folder, { recursive: true, force: true })
else {
  console.log(`logs: ${join(folder, 'tests/sentinel/tmp')}`)
  process.exitCode = 1
}

if (options.update) {
  const kept = JSON.parse(readFileSync(RESULTS, 'utf8'))
  const figures = { passed: count('ok'), failed: count('failed'), leftOut: count('skipped') }
  kept[options.servers] = { ...figures, date: new Date().toISOString().slice(0, 10) }
  writeFileSync(RESULTS, `${JSON.stringify(kept, null, 2)}\n`)
  const expected = JSON.parse(readFileSync(join(root, 'scripts/reference/expected.json'), 'utf8'))
  writeFileSync(join(root, 'docs/REFERENCE-SUITE.md'), referencePage(expected, sentinelSection()))
}
