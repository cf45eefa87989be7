// `npm run test:reference [-- options]`: runs the suite of Redis 7.0.15 against Vedette, says which cases passed, and fails if one
// that is expected to pass (scripts/reference/expected.json) did not. The list may only grow: --update adds what passes now.
//
//   --file <name>     only this file of the suite (may be given again), as unit/type/string
//   --server <path>   another server in place of Vedette, as /usr/bin/redis-server: says how many cases there are
//   --only <pattern>  only the cases of this name, or `/` and a pattern
//   --jobs <n>        files at a time (2)
//   --update          adds what passed to the expected passes, and writes docs/REFERENCE-SUITE.md
//   --count           with --server: keeps the number of cases of each file in the list
//   --verbose         shows the suite's own output
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { HANGS, RUN } from './reference/files.mjs'
import { prepareFolder, runFile } from './reference/harness.mjs'
import { compare, referencePage, withPasses } from './reference/page.mjs'
import { CACHE, fetchSource } from './reference/source.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const EXPECTED = join(root, 'scripts/reference/expected.json')
const PAGE = join(root, 'docs/REFERENCE-SUITE.md')
const FILE_MS_MAX = 400_000
const BASE_PORT = 20_000

const { values: options } = parseArgs({
  options: {
    file: { type: 'string', multiple: true },
    server: { type: 'string' },
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '2' },
    update: { type: 'boolean', default: false },
    count: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})

const source = fetchSource()
const server =
  options.server === undefined ? [process.execPath, join(root, 'dist/cli/main.js'), 'server'] : [options.server]
const expected = JSON.parse(readFileSync(EXPECTED, 'utf8'))
const files = options.file ?? RUN.filter((file) => !HANGS.has(file))
const results = new Map()
const queue = [...files]
const logs = join(CACHE, 'logs')
mkdirSync(logs, { recursive: true })

async function work(number) {
  // Two checkouts may run at a time: a folder and ports for each process.
  const folder = join(CACHE, `run-${process.pid}-${number}`)
  const flags = (options.only ?? []).flatMap((pattern) => ['--only', pattern])
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    prepareFolder(source, folder, server)
    const basePort = BASE_PORT + ((process.pid * 2 + number) % 12) * 700
    const onOutput = options.verbose ? (bytes) => process.stdout.write(bytes) : undefined
    const result = await runFile(folder, file, { basePort, timeoutMs: FILE_MS_MAX, flags, onOutput })
    results.set(file, result)
    writeFileSync(join(logs, `${file.replaceAll('/', '-')}.txt`), result.text)
    report(file, result)
  }
  rmSync(folder, { recursive: true, force: true })
}

function report(file, { passed, failed, skipped, done, seconds }) {
  const end = done ? '' : ', did not come to its end'
  console.log(
    `${file}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped, ${seconds} s${end}`,
  )
  for (const { name, why } of failed) console.log(`  failed: ${name}\n${why.map((line) => `      ${line}`).join('\n')}`)
}

await Promise.all(Array.from({ length: Number(options.jobs) }, (_, number) => work(number)))

const all = [...results.values()]
const sum = (of) => all.reduce((total, result) => total + of(result), 0)
console.log(`\nall: ${sum(({ passed }) => passed.length)} passed, ${sum(({ failed }) => failed.length)} failed`)
if (options.server === undefined) judge()
else if (options.count)
  for (const [file, { passed }] of results) expected[file] = { passes: [], ...expected[file], cases: passed.length }

if (options.update || options.count) {
  const sorted = Object.fromEntries(RUN.filter((file) => file in expected).map((file) => [file, expected[file]]))
  writeFileSync(EXPECTED, `${JSON.stringify(sorted, null, 2)}\n`)
  writeFileSync(PAGE, referencePage(sorted))
}

/** Compares with the expected passes; sets the exit code. */
function judge() {
  for (const [file, { passed }] of results) {
    const { lost, gained } = compare(options.only === undefined ? (expected[file]?.passes ?? []) : [], passed)
    for (const name of lost) console.log(`EXPECTED TO PASS: ${name} (${file})`)
    if (gained.length > 0 && options.only === undefined)
      console.log(`${file}: ${gained.length} pass that are not in the list; --update adds them`)
    if (lost.length > 0) process.exitCode = 1
    if (options.update) expected[file] = withPasses(expected[file], passed)
  }
}
