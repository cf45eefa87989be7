// Runs one file of Redis's suite with a server of our choice, in a folder of its own whose entries are links to the source,
// and reads what the suite printed. A run is a process group: when it hangs, all of it is ended.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RANDOM } from './files.mjs'

const TOOLS = ['redis-cli', 'redis-benchmark', 'redis-check-rdb', 'redis-check-aof', 'redis-sentinel']
const BIN = '/usr/bin'

function linkAll(from, to, except) {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) if (!except.includes(name)) symlinkSync(join(from, name), join(to, name))
}

/** A folder in which the suite can run: the source, with `server` (a command and its first words) as src/redis-server. */
export function prepareFolder(source, folder, server, certificates) {
  rmSync(folder, { recursive: true, force: true })
  linkAll(source, folder, ['src', 'tests'])
  linkAll(join(source, 'tests'), join(folder, 'tests'), ['tmp'])
  mkdirSync(join(folder, 'tests', 'tmp'))
  if (certificates !== undefined) symlinkSync(certificates, join(folder, 'tests', 'tls'))
  linkAll(join(source, 'src'), join(folder, 'src'), ['redis-server', ...TOOLS])
  for (const tool of TOOLS) if (existsSync(join(BIN, tool))) symlinkSync(join(BIN, tool), join(folder, 'src', tool))
  const wrapper = join(folder, 'src', 'redis-server')
  const words = server.map((word) => `'${word}'`).join(' ')
  // The suite waits two minutes for a server that refuses its configuration: it is told when one ended before it said its PID.
  const watch = `log=$(readlink /proc/$$/fd/1)
[ -f "$log" ] && (while kill -0 $$ 2>/dev/null; do grep -qs " PID: $$" "$log" && exit; sleep 0.1; done
echo "ended at its start, PID: $$") 2>/dev/null &
`
  const refused = server.length > 1 ? watch : ''
  writeFileSync(wrapper, `#!/bin/bash\n${refused}exec -a "$0" ${words} "$@"\n`)
  chmodSync(wrapper, 0o755)
}

/** The folder of the certificates that the suite makes for its TLS mode, once. */
export function makeCertificates(source, cache) {
  const folder = join(cache, 'certificates')
  mkdirSync(folder, { recursive: true })
  const made = spawnSync('sh', [join(source, 'utils', 'gen-test-certs.sh')], { cwd: folder, stdio: 'ignore' })
  if (made.status !== 0) throw new Error('gen-test-certs.sh of the suite failed: is openssl installed?')
  return join(folder, 'tests', 'tls')
}

/** What changes from run to run in a name: seeds, ports, process IDs. */
const stableName = (name) => name.replace(/\b\d{5,}\b/g, 'N').trim()

/**
 * What the suite printed: the names that passed, those that failed with the first lines of why, those skipped, and whether
 * the file came to its end.
 */
export function parseOutput(text) {
  const passed = []
  const failed = []
  const skipped = []
  let open
  let done = false
  for (const line of text.split('\n')) {
    const [, kind, rest] = /^\[([a-z]+|\d+\/\d+ done)\]: (.*)$/.exec(line) ?? []
    if (kind !== undefined) open = undefined
    if (kind === 'ok') passed.push(stableName(rest.replace(/ \(\d+ ms\)$/, '')))
    else if (kind === 'err' || kind === 'exception') {
      open = { name: stableName(rest.replace(/ in tests\/\S+\.tcl$/, '')), why: [] }
      failed.push(open)
    } else if (kind === 'skip' || kind === 'ignore') skipped.push(stableName(rest))
    else if (kind?.endsWith('done')) done = true
    else if (/^TIMEOUT/.test(line)) failed.push({ name: `hangs after: ${passed.at(-1) ?? 'the start'}`, why: [line] })
    else if (/^\s*The End/.test(line)) break
    else if (open !== undefined && open.why.length < 12) open.why.push(line)
  }
  return { passed, failed, skipped, done }
}

/** Names without their numbers, each once. */
export const distinct = (names) => [...new Set(names.map((name) => name.replace(/\d+/g, 'N')))]

/** Process groups that run, so that none of them outlives this process. */
const groups = new Set()

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

process.on('exit', () => {
  for (const pid of groups) endGroup(pid)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

/**
 * Runs a Tcl program with all that it starts, for so long at most, and for so long at most without a word of it; gives back what
 * it printed, whether it was ended, and whether that was because it is `endsAtMs`, when all is to be over.
 */
export function runTcl(
  folder,
  words,
  { timeoutMs, silentMs = timeoutMs, endsAtMs = Number.POSITIVE_INFINITY, onOutput = () => {} },
) {
  return new Promise((resolve) => {
    const child = spawn('tclsh', words, {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TERM: 'dumb' },
    })
    let text = ''
    let timedOut = false
    let cut = false
    const end = () => {
      timedOut = true
      endGroup(child.pid)
    }
    const cutOff = () => {
      cut = true
      endGroup(child.pid)
    }
    const leftMs = Math.max(1, endsAtMs - Date.now())
    const timer = leftMs < timeoutMs ? setTimeout(cutOff, leftMs) : setTimeout(end, timeoutMs)
    const silence = setTimeout(end, silentMs)
    const take = (bytes) => {
      text += bytes
      silence.refresh()
      onOutput(bytes)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    groups.add(child.pid)
    child.on('close', () => {
      clearTimeout(timer)
      clearTimeout(silence)
      endGroup(child.pid)
      groups.delete(child.pid)
      resolve({ text, timedOut, cut })
    })
  })
}

/** Runs a file in a prepared folder. */
export async function runFile(folder, file, { basePort, flags = [], ...limits }) {
  const args = ['tests/test_helper.tcl', '--single', file, '--clients', '1', '--durable', '--baseport', `${basePort}`]
  const words = [...args, '--portcount', '700', '--timeout', `${Math.ceil(limits.timeoutMs / 1000)}`, ...flags]
  const startedMs = Date.now()
  const run = await runTcl(folder, words, limits)
  const text = run.timedOut ? `${run.text}\nTIMEOUT: nothing for too long, or too long in all\n` : run.text
  const result = parseOutput(text)
  const passed = RANDOM.has(file) ? distinct(result.passed) : result.passed
  return { ...result, passed, cut: run.cut, seconds: Math.round((Date.now() - startedMs) / 1000), text }
}
