// `npm run test:reference [-- options]`: runs the suite of Redis 7.0.15 against Vedette, says which cases passed, and fails if one
// that is expected to pass (scripts/reference/expected.json) did not, in two tries: many cases measure time, and the machine may
// have other things to do. So the second try has the machine for itself. A file that hangs is ended, and the case is named after
// which it did. The list may only grow: --update adds what passes now. The last line says how many of the list passed.
//
//   --file <name>     only this file of the suite (may be given again), as unit/type/string
//   --server <path>   another server in place of Vedette, as /usr/bin/redis-server: says how many cases there are
//   --only <pattern>  only the cases of this name, or `/` and a pattern
//   --jobs <n>        files at a time (2)
//   --update          adds what passed to the expected passes, and writes docs/REFERENCE-SUITE.md
//   --count           with --server: keeps the number of cases of each file in the list
//   --commands        only the files about data types and commands: what CI runs
//   --minutes <n>     ends the run after so long (60): the machine is slow or busy; what there was no time for is told, and has not failed
//   --open            also runs the cases that wait for another piece of work
//   --tls             the suite's TLS mode, which is not judged (needs Debian's tcl-tls)
//   --verbose         shows the suite's own output
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { COMMANDS, LONG, OPEN_CASES, RUN, SKIPPED, SLOW_FIRST, UNSTEADY } from './reference/files.mjs'
import { makeCertificates, prepareFolder, runFile } from './reference/harness.mjs'
import { compare, eitherOf, referencePage, withPasses } from './reference/page.mjs'
import { sentinelSection } from './reference/sentinel-cases.mjs'
import { CACHE, fetchSource } from './reference/source.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const EXPECTED = join(root, 'scripts/reference/expected.json')
const PAGE = join(root, 'docs/REFERENCE-SUITE.md')
const FILE_MS_MAX = 400_000
const LONG_FILE_MS_MAX = 1_200_000
/** A case that takes longer hangs. */
const SILENT_MS_MAX = 300_000
const FIRST_PORT = 20_000
const PORTS_A_FILE = 700
const RANGES = 12

const { values: options } = parseArgs({
  options: {
    file: { type: 'string', multiple: true },
    server: { type: 'string' },
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '2' },
    update: { type: 'boolean', default: false },
    count: { type: 'boolean', default: false },
    commands: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '60' },
    open: { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})

const source = fetchSource()
const server =
  options.server === undefined ? [process.execPath, join(root, 'dist/cli/main.js'), 'server'] : [options.server]
const expected = JSON.parse(readFileSync(EXPECTED, 'utf8'))
const passes = (file) => expected[file]?.passes ?? []
const files = options.file ?? (options.commands ? COMMANDS : RUN)
const endsAtMs = Date.now() + Number(options.minutes) * 60_000
const isJudged = !options.tls && options.server === undefined && options.only === undefined
const certificates = options.tls ? makeCertificates(source, CACHE) : undefined
const results = new Map()
let queue = []
const logs = join(CACHE, 'logs')
mkdirSync(logs, { recursive: true })

/** Listens on a port of this machine; undefined if it is taken. */
async function listenOn(port) {
  const server = createServer()
  const free = await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  return free ? server : undefined
}

/** A range of ports that no other run has, in whatever checkout: who has a range listens on a port before it. */
async function claimPorts() {
  for (let slot = 0; slot < RANGES; slot++) {
    const basePort = FIRST_PORT + slot * PORTS_A_FILE
    // The suite's own port is the 32nd before its range, and it does not find out itself whether that is free.
    const [claim, own] = [await listenOn(basePort - 40), await listenOn(basePort - 32)]
    own?.close()
    if (claim !== undefined && own !== undefined) return { basePort, release: () => claim.close() }
    claim?.close()
  }
  throw new Error('all ranges of ports are taken by other runs of the suite')
}

/** The names of the cases of a file that are not run. */
function leftOut(file) {
  const open = options.open || options.count ? {} : OPEN_CASES[file]
  return [...Object.keys(SKIPPED[file] ?? {}), ...Object.keys(open ?? {})]
}

async function work(number) {
  const { basePort, release } = await claimPorts()
  const folder = join(CACHE, `run-${process.pid}-${number}`)
  const mode = options.tls ? ['--tls'] : []
  const only = (options.only ?? []).flatMap((pattern) => ['--only', pattern])
  for (let file = queue.shift(); file !== undefined && Date.now() < endsAtMs; file = queue.shift()) {
    const flags = [...mode, ...only, ...leftOut(file).flatMap((name) => ['--skiptest', name])]
    prepareFolder(source, folder, server, certificates)
    const onOutput = options.verbose ? (bytes) => process.stdout.write(bytes) : undefined
    const result = await runFile(folder, file, {
      basePort,
      timeoutMs: LONG.has(file) ? LONG_FILE_MS_MAX : FILE_MS_MAX,
      endsAtMs,
      silentMs: SILENT_MS_MAX,
      flags,
      onOutput,
    })
    writeFileSync(join(logs, `${file.replaceAll('/', '-')}.txt`), result.text)
    report(file, result)
    if (result.cut) break
    results.set(file, result)
  }
  rmSync(folder, { recursive: true, force: true })
  release()
}

function report(file, { passed, failed, skipped, done, seconds }) {
  const end = done ? '' : ', did not come to its end'
  console.log(
    `${file}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped, ${seconds} s${end}`,
  )
  for (const { name, why } of failed) console.log(`  failed: ${name}\n${why.map((line) => `      ${line}`).join('\n')}`)
}

/** Runs these files, so many at a time, those that take long first. */
async function runAll(names, jobs) {
  const rank = (file) => (SLOW_FIRST.includes(file) ? SLOW_FIRST.indexOf(file) : SLOW_FIRST.length)
  queue = names.toSorted((a, b) => rank(a) - rank(b))
  await Promise.all(Array.from({ length: jobs }, (_, number) => work(number)))
}

const lostOf = (file) => compare(passes(file), results.get(file).passed).lost

await runAll(files, Number(options.jobs))
const again = isJudged ? [...results.keys()].filter((file) => lostOf(file).length > 0) : []
if (again.length > 0) {
  console.log(`\nonce more: ${again.map((file) => `${file} (${lostOf(file).join('; ')})`).join(', ')}`)
  const first = new Map(results)
  await runAll(again, 1)
  for (const file of again) results.get(file).passed = eitherOf(first.get(file).passed, results.get(file).passed)
}

const missed = files.filter((file) => !results.has(file))
if (missed.length > 0) console.log(`\nno time was left for: ${missed.join(', ')}`)
const all = [...results.values()]
const sum = (of) => all.reduce((total, result) => total + of(result), 0)
console.log(`\nall: ${sum(({ passed }) => passed.length)} passed, ${sum(({ failed }) => failed.length)} failed`)
if (options.count)
  for (const [file, { passed }] of results) expected[file] = { passes: [], ...expected[file], cases: passed.length }
if (options.update) for (const [file, { passed }] of results) expected[file] = withPasses(expected[file], passed)
if (isJudged) judge()

if (options.update || options.count) {
  const sorted = Object.fromEntries(RUN.filter((file) => file in expected).map((file) => [file, expected[file]]))
  writeFileSync(EXPECTED, `${JSON.stringify(sorted, null, 2)}\n`)
  writeFileSync(PAGE, referencePage(sorted, sentinelSection()))
}

/** Compares with the expected passes; sets the exit code. */
function judge() {
  let listed = 0
  let missing = 0
  for (const [file, { passed }] of results) {
    const { lost: notPassed, gained } = compare(passes(file), passed)
    const unsteady = UNSTEADY[file] ?? {}
    const lost = notPassed.filter((name) => !(name in unsteady))
    for (const name of lost) console.log(`EXPECTED TO PASS: ${name} (${file})`)
    for (const name of notPassed) if (name in unsteady) console.log(`unsteady, did not pass: ${name} (${file})`)
    if (gained.length > 0) console.log(`${file}: ${gained.length} pass that are not in the list; --update adds them`)
    listed += passes(file).length
    missing += lost.length
  }
  if (missing > 0) process.exitCode = 1
  console.log(`of those expected to pass: ${listed - missing} passed, ${missing} failed`)
}
