// Scripts: started with their arguments and no shell, repeated on exit code 1, given up on others, bounded in number.
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createScripts, type Scripts } from '../../../src/supervisor/scripts.ts'

let directory: string
let scripts: Scripts
let failures: string[]
let aheadMs = 0
let scriptRunMs = 60_000
let events: string[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vedette-scripts-'))
  failures = []
  aheadMs = 0
  scriptRunMs = 60_000
  events = []
  scripts = createScripts({
    nowMs: () => performance.now() + aheadMs,
    directory,
    timing: () => ({ scriptRunMs, scriptRetryMs: 30_000 }),
    onEvent: (name, payload) => events.push(`${name} ${payload}`),
    onFailure: (message) => failures.push(message),
  })
})
afterEach(() => {
  scripts.stop()
  rmSync(directory, { recursive: true, force: true })
})

function script(text: string): string {
  const path = join(directory, 'script')
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

it('gives arguments as they are', async () => {
  const path = script(`printf '%s|' "$@" > ${directory}/out`)
  scripts.run(path, ['+odown', 'master m $(touch x) ; 1'])
  await until(() => scripts.jobs.length === 0)
  expect(readFileSync(join(directory, 'out'), 'utf8')).toBe('+odown|master m $(touch x) ; 1|')
  expect(failures).toEqual([])
})

it('repeats one that ends with 1, later', async () => {
  const path = script(`echo x >> ${directory}/out; [ $(wc -l < ${directory}/out) -gt 1 ] || exit 1`)
  scripts.run(path, [])
  await until(() => scripts.jobs[0]?.tries === 1 && scripts.running === 0)
  aheadMs = 30_001
  scripts.run(script('exit 0'), [])
  await until(() => scripts.jobs.every(({ tries }) => tries !== 1 || scripts.running > 0) || scripts.jobs.length === 0)
  expect(failures).toEqual([])
})

it('gives up one that ends with 2, or is not there, and says so', async () => {
  scripts.run(script('exit 2'), [])
  scripts.run(join(directory, 'missing'), [])
  await until(() => scripts.jobs.length === 0)
  expect(failures).toHaveLength(2)
})

it('runs at most 16 and keeps at most 256', () => {
  const path = script('sleep 10')
  for (let i = 0; i < 400; i++) scripts.run(path, [String(i)])
  expect([scripts.running, scripts.jobs.length]).toEqual([16, 256])
  expect(scripts.jobs.at(-1)!.args).toEqual(['399'])
})

it('runs in the directory, which paths are relative to', async () => {
  script('pwd > out')
  scripts.run('script', [])
  await until(() => scripts.jobs.length === 0)
  expect(readFileSync(join(directory, 'out'), 'utf8').trim()).toBe(realpathSync(directory))
})

it('tells of each run as Redis Sentinel does', async () => {
  scripts.run(script('exit 3'), [])
  const { pid } = scripts.jobs[0]!
  await until(() => scripts.jobs.length === 0)
  const path = join(directory, 'script')
  expect(events).toEqual([`+script-child ${pid}`, `-script-child ${pid} 3 0`, `-script-error ${path} 0 3`])
})

it('kills one that takes too long, and tells of that', async () => {
  scriptRunMs = 50
  scripts.run(script('exec sleep 60'), [])
  const { pid } = scripts.jobs[0]!
  await until(() => scripts.running === 0)
  const path = join(directory, 'script')
  expect(events.slice(1)).toEqual([`-script-timeout ${path} ${pid}`, `-script-child ${pid} 0 9`])
  expect(scripts.jobs[0]).toMatchObject({ tries: 1, startedMs: undefined })
})
