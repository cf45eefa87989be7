// One process a data directory: a lock file that names its holder. Node has no flock, so the lock of a process that died
// stays behind and is taken over, once it is certain that the holder is gone.
// Invariant: two live processes of one machine (one PID namespace) never both hold the lock. A process is told from a later
// one with the same PID by its start time and the boot's identity, where /proc has them.
import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomHex } from '../entropy.ts'
import { StateFileError } from './store.ts'

const LOCK_NAME = 'lock'
const ATTEMPTS_MAX = 5

export interface DirectoryLock {
  /** Gives the directory free; harmless when repeated. */
  release(): void
}

interface Holder {
  pid: number
  /** Start of the process in clock ticks since boot, '' where unknown. */
  started: string
  /** Identity of the boot, '' where unknown. */
  boot: string
}

/** Takes the lock of the directory, which must exist. Throws StateFileError 'locked', naming the holder, or 'io'. */
export function lockDirectory(directory: string): DirectoryLock {
  const file = join(directory, LOCK_NAME)
  const mine = `${process.pid} ${startOf(process.pid)} ${bootId()}\n`
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (create(file, mine)) return { release: () => release(file, mine) }
    const text = read(file)
    if (text === undefined) continue // released in between
    const holder = parse(text)
    // A strange file: it is not ours, for a lock appears with its content.
    if (holder !== undefined && isAlive(holder))
      throw new StateFileError('locked', file, `${directory} is in use by process ${holder.pid} (${file})`)
    takeAway(file, text)
  }
  throw new StateFileError('locked', file, `${directory} is being locked by other processes (${file})`)
}

/** The file appears under its name with its content, or not at all: one that is empty for a moment would look like a dead holder's. */
function create(file: string, content: string): boolean {
  const temporary = `${file}.${process.pid}.${randomHex(8)}`
  try {
    writeFileSync(temporary, content, { flag: 'wx', mode: 0o600 })
    linkSync(temporary, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string): Holder | undefined {
  const [, pid, started, boot] = /^(\d{1,10}) (\d*) ([0-9a-f-]*)\n$/.exec(text) ?? []
  return pid === undefined ? undefined : { pid: Number(pid), started: started!, boot: boot! }
}

/**
 * Removes a dead holder's lock. Of several that try, one moves the file; if what it moved is not the dead holder's
 * any more, another was faster and gets its lock back.
 */
function takeAway(file: string, stale: string): void {
  const aside = `${file}.${process.pid}.${randomHex(8)}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    if (readFileSync(aside, 'latin1') !== stale) linkSync(aside, file)
  } finally {
    unlinkSync(aside)
  }
}

function release(file: string, mine: string): void {
  if (read(file) === mine) unlinkSync(file)
}

function isAlive(holder: Holder): boolean {
  const boot = bootId()
  if (boot !== '' && holder.boot !== '' && boot !== holder.boot) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it lives, as another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const started = startOf(holder.pid)
  return started === '' || holder.started === '' || started === holder.started
}

/** Field 22 of /proc/PID/stat; field 2, the name, is in brackets and may hold anything. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}
