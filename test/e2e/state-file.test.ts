// The state file of a process that is killed while it writes, and of one that runs out of room: what was saved is there.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStateFile } from '../../src/io/state/file.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'

const IO = join(dirname(VEDETTE_MAIN), '../io')
const PROGRAM = join(import.meta.dirname, '../support/state-writer.mjs')

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vedette-state-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Runs the writer, by a shell with a limit on the size of files when one is given; `stop` is asked at each output. */
async function write(limitKb: number | undefined, stop: (lines: number) => boolean): Promise<string[]> {
  const limit = limitKb === undefined ? '' : `ulimit -f ${limitKb};`
  const child = spawn('bash', ['-c', `${limit} exec "$0" "$@"`, VEDETTE_NODE, PROGRAM, IO, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString()
    if (stop(output.split('\n').length)) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return output.split('\n').filter((line) => line !== '')
}

/** Opens the state and returns how many entries it holds, each as it was written. */
function entriesIn(): number {
  const store = openStateFile(directory)
  for (const [at, { index, data }] of store.state.entries.entries()) {
    expect(index).toBe(at + 1)
    expect(Buffer.from(data)).toEqual(Buffer.alloc(700, `${index} `))
  }
  store.close()
  return store.state.entries.length
}

it('keeps everything that was saved before a SIGKILL', async () => {
  const lines = await write(undefined, (count) => count > 200)
  expect(lines.length).toBeGreaterThanOrEqual(200)
  const saved = Number(lines.at(-1))
  expect([saved, saved + 1]).toContain(entriesIn())
  expect(readdirSync(directory)).toEqual(['state.log'])
})

it('says so when there is no room, and keeps everything that was saved before', async () => {
  const lines = await write(64, () => false)
  expect(lines.at(-1)).toMatch(/^StateFileError io cannot use .*state\.log: /)
  const saved = lines.length - 1
  expect(saved).toBeGreaterThan(50)
  // The last frame is torn, or was written whole and only its sync was refused.
  expect([saved, saved + 1]).toContain(entriesIn())
})

it('refuses to start where there is no room, and leaves what is there as it was', async () => {
  await write(64, () => false)
  const before = entriesIn()
  expect((await write(8, () => false)).at(-1)).toMatch(/^StateFileError io cannot use .*state\.log/)
  expect(readdirSync(directory)).toEqual(['state.log'])
  expect(entriesIn()).toBe(before)
})
