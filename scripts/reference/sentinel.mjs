// Runs Redis's Sentinel suite (tests/sentinel of its source) with sentinels and servers of our choice, in a folder of its own whose
// entries are links to the source. The suite goes to the next file at a case that fails, so cases that cannot apply are left
// out one by one. A run is a process group: what it leaves behind is ended with it.
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTcl } from './harness.mjs'

function linkAll(from, to, except = []) {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) if (!except.includes(name)) symlinkSync(join(from, name), join(to, name))
}

/** A program that is `command`, a list of words, with the arguments that it is given. */
function wrapper(path, command) {
  writeFileSync(path, `#!/bin/bash\nexec -a "$0" ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`)
  chmodSync(path, 0o755)
}

/**
 * What stands in the place of tests/instances.tcl: the original, and around each case of the suite a word about how it ended.
 * `leftOut` are the names of cases that are not run, as patterns in which `*` stands for anything.
 */
function instances(source, leftOut) {
  return `source ${join(source, 'tests', 'instances.tcl')}
set ::left_out {${leftOut.map((name) => `{${name.replace(/[[\]\\?]/g, '\\$&')}}`).join(' ')}}
# Where neither the other suite nor the system takes ports.
set ::sentinel_base_port 29000
set ::redis_base_port 32000
# A machine that is shared takes longer to start a process than the suite allows.
rename server_is_up server_is_up_soon
proc server_is_up {host port tries} { server_is_up_soon $host $port [expr {$tries * 6}] }
rename test run_case
proc test {descr code} {
    foreach pattern $::left_out {
        if {[string match $pattern $descr]} {
            puts "@@ skipped $descr"
            return
        }
    }
    set ended [catch {uplevel 1 [list run_case $descr $code]} result options]
    puts "\\n@@ [expr {$ended == 0 ? "ok" : "failed"}] $descr"
    flush stdout
    dict incr options -level
    return -options $options $result
}
`
}

/** A folder in which the suite can run. `servers` and `sentinels` are commands, as lists of words. */
export function prepareSentinelFolder(source, folder, { servers, sentinels, leftOut }) {
  rmSync(folder, { recursive: true, force: true })
  linkAll(source, folder, ['src', 'tests'])
  linkAll(join(source, 'tests'), join(folder, 'tests'), ['instances.tcl', 'sentinel'])
  linkAll(join(source, 'tests', 'sentinel'), join(folder, 'tests', 'sentinel'), ['tmp'])
  mkdirSync(join(folder, 'tests', 'sentinel', 'tmp'))
  writeFileSync(join(folder, 'tests', 'instances.tcl'), instances(source, leftOut))
  mkdirSync(join(folder, 'src'))
  wrapper(join(folder, 'src', 'redis-server'), servers)
  wrapper(join(folder, 'src', 'redis-sentinel'), sentinels)
  symlinkSync('/usr/bin/redis-cli', join(folder, 'src', 'redis-cli'))
}

/** Addresses and other numbers in a name change from run to run. */
const stableName = (name) => name.replace(/127\.0\.0\.1:\d+|localhost:\d+/, 'ADDRESS').trim()

/** The cases in the order in which they were run: { file, name, state: 'ok' | 'failed' | 'skipped', why }. */
export function parseSentinelOutput(text) {
  const cases = []
  let file = ''
  let said = []
  for (const line of text.split('\n')) {
    const [, opened] = /Testing unit: (\S+?)\.tcl/.exec(line) ?? []
    const [, state, name] = /^@@ (ok|failed|skipped) (.*)$/.exec(line) ?? []
    if (opened !== undefined) file = opened
    if (state !== undefined) {
      cases.push({ file, name: stableName(name), state, why: state === 'failed' ? said.slice(-4).join(' ') : '' })
      said = []
    } else if (line.trim() !== '') said.push(line.trim())
    // An error that is none of an assertion is told after the case.
    const last = cases.at(-1)
    if (/^FAILED: caught an error/.test(line) && last?.state === 'failed') last.why += ` ${line}`
  }
  return cases
}

/** Runs the suite, or the files whose names contain one of `files`; gives back what it printed. */
export async function runSentinelSuite(folder, { files, timeoutMs, onOutput }) {
  const single = files.flatMap((file) => ['--single', file])
  const words = ['tests/sentinel/run.tcl', '--dont-clean', ...single]
  return (await runTcl(folder, words, { timeoutMs, onOutput })).text
}
