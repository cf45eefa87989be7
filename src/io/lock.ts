// One process a data directory, also when containers or hosts share it: no PID is ever looked at.
//
// Who wants the lock puts a file of its own beside it, `<name>.<token>`, and then looks at the files of others: it holds the lock
// once it has seen none that belongs to a live process. A live process proves that it is one in two ways:
//   - it listens on a Unix socket in the directory, which the kernel closes with it. Who can reach it knows at once that it lives
//     (also when it is frozen), or, being refused, that it is dead: for processes of one kernel, in whatever container;
//   - it counts up in its file every second. Who comes from another kernel (another host on a network file system, or the same
//     one before it was started anew), or has no such sockets, watches the file for some seconds.
// Invariants:
//   - announce, then look: of two that come at the same time at least one sees the other. The one with the higher token goes away
//     and comes again; the lower one waits until it has. Who holds the lock says so in its file, and everybody else is refused.
//   - what is dead stays dead, so a dead file may be looked past, and removed, at any time.
// What does not hold: a holder on another host that is frozen, or cut off from the storage, for longer than the window is taken for
// dead. It notices at its next beat (`onLost`), and may have written in between.
import {
  close,
  closeSync,
  openSync,
  readdir,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  write,
  writeFileSync,
  writeSync,
} from 'node:fs'
import net from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomHex } from './entropy.ts'

const BEAT_MS = 1000
/** Without a beat for so long a holder that cannot be asked is dead. */
const WINDOW_MS = 5000
/** Between two looks at others that want the lock too; and how often to look. */
const LOOK_MS = 15
const LOOKS_MAX = 100
/** What fits into an address of a Unix socket, everywhere. */
const SOCKET_PATH_BYTES_MAX = 100
const BEAT_DIGITS = 12
/** How a file begins: its owner holds the lock, or wants it. */
const HOLDS = 'holds'
const WANTS = 'wants'

export interface DirectoryLock {
  /** Gives the directory free; harmless when repeated. */
  release(): void
}

export interface LockOptions {
  /** The beginning of the files' names: who takes the same one in the same directory excludes each other. */
  readonly name: string
  /** Another process took the lock, because this one did not run for long: it must not write any more. */
  readonly onLost: (reason: string) => void
  /** For tests. */
  readonly kernel?: string
  readonly beatMs?: number
  readonly windowMs?: number
}

/** Why a directory cannot be locked; the message is for the operator. */
export class LockedError extends Error {
  override readonly name = 'LockedError'
}

/** What a lock file says. */
interface Owner {
  readonly holds: boolean
  readonly kernel: string
  readonly hasSocket: boolean
  readonly pid: string
}

/** A file of ours that is beating. */
interface Announced {
  readonly token: string
  /** Says in the file that we hold the lock. */
  hold(): void
  /** Removes file and socket. */
  withdraw(): void
}

/** Takes the lock of the directory, which must exist. Rejects with LockedError, naming the holder, or the system's error. */
export async function lockDirectory(directory: string, options: LockOptions): Promise<DirectoryLock> {
  const { name, kernel = kernelIdentity() } = options
  const dead = new Set<string>() // tokens: dead for ever
  let mine = await announce(directory, kernel, options)
  try {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const rival = await findRival(directory, mine.token, dead, kernel, options)
      if (rival === undefined) {
        mine.hold()
        for (const token of dead) removeFiles(directory, name, token)
        return { release: mine.withdraw }
      }
      if (rival.owner?.holds === true) throw inUse(directory, name, rival.token, rival.owner)
      if (mine.token > rival.token) {
        mine.withdraw()
        await sleep(LOOK_MS)
        mine = await announce(directory, kernel, options)
      } else {
        await sleep(LOOK_MS)
      }
    }
    throw new LockedError(`${directory} is being locked by other processes (${name})`)
  } catch (error) {
    mine.withdraw()
    throw error
  }
}

function inUse(directory: string, name: string, token: string, owner: Owner): LockedError {
  return new LockedError(`${directory} is in use by process ${owner.pid} (${join(directory, `${name}.${token}`)})`)
}

/** A live process that holds or wants the lock, the lowest token first; undefined if there is none. Adds those that are dead. */
async function findRival(
  directory: string,
  own: string,
  dead: Set<string>,
  kernel: string,
  options: LockOptions,
): Promise<{ token: string; owner: Owner | undefined } | undefined> {
  for (const token of tokensIn(readdirSync(directory), options.name)) {
    if (token === own || dead.has(token)) continue
    const text = read(join(directory, `${options.name}.${token}`))
    if (text === undefined) continue // withdrawn
    if (await isAlive(directory, token, text, kernel, options)) return { token, owner: parse(text) }
    dead.add(token)
  }
  return undefined
}

/** The tokens of the lock's files, in order. */
function tokensIn(names: readonly string[], name: string): string[] {
  const tokens = names.map((one) => (one.startsWith(`${name}.`) ? one.slice(name.length + 1) : ''))
  return tokens.filter((token) => /^[0-9a-f]{32}$/.test(token)).sort()
}

async function announce(directory: string, kernel: string, options: LockOptions): Promise<Announced> {
  const { name, onLost, beatMs = BEAT_MS } = options
  const token = randomHex(32)
  const file = join(directory, `${name}.${token}`)
  const socket = await listen(directory, socketName(name, token))
  const head = `${kernel} ${socket === undefined ? '-' : 'socket'} ${process.pid}\n`
  let fd: number
  try {
    // It appears under its name with its content: one that is half written would look dead.
    writeFileSync(`${file}.tmp`, `${WANTS} ${head}${'0'.repeat(BEAT_DIGITS)}\n`, { flag: 'wx', mode: 0o644 })
    renameSync(`${file}.tmp`, file)
    fd = openSync(file, 'r+')
  } catch (error) {
    rmSync(`${file}.tmp`, { force: true })
    socket?.close()
    throw error
  }

  const beatAt = WANTS.length + 1 + head.length
  let holds = false
  let beats = 0
  let busy = false
  let over = false
  const end = (): void => {
    over = true
    clearInterval(timer)
    socket?.close()
    if (!busy) closeSync(fd)
  }
  /** Whether another process looked past our file: it is removed, and another one is there. */
  const isLost = (names: readonly string[]): boolean => {
    const tokens = tokensIn(names, name)
    return holds && tokens.length > 0 && !tokens.includes(token)
  }
  // Not synchronously: a disk that hangs must not stop the process.
  const beat = (): void => {
    if (busy) return
    busy = true
    const digits = Buffer.from(String(++beats % 10 ** BEAT_DIGITS).padStart(BEAT_DIGITS, '0'))
    readdir(directory, (_, names) => {
      if (!over && names !== undefined && isLost(names)) {
        end()
        onLost(`another process took ${join(directory, name)}, because this one did not run for too long`)
      }
      if (over) return close(fd, () => {})
      write(fd, digits, 0, digits.length, beatAt, () => {
        busy = false
        if (over) close(fd, () => {})
      })
    })
  }
  const timer = setInterval(beat, beatMs)
  timer.unref()

  return {
    token,
    hold() {
      writeSync(fd, HOLDS, 0)
      holds = true
    },
    withdraw() {
      if (over) return
      rmSync(file, { force: true })
      end()
    },
  }
}

const socketName = (name: string, token: string): string => `${name}.${token}.sock`

function removeFiles(directory: string, name: string, token: string): void {
  for (const one of [`${name}.${token}`, socketName(name, token)]) rmSync(join(directory, one), { force: true })
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string): Owner | undefined {
  const [, state, kernel, socket, pid] = /^(holds|wants) (\S+) (socket|-) (\d{1,10})\n\d+\n$/.exec(text) ?? []
  if (state === undefined) return undefined
  return { holds: state === HOLDS, kernel: kernel!, hasSocket: socket === 'socket', pid: pid! }
}

async function isAlive(
  directory: string,
  token: string,
  text: string,
  kernel: string,
  { name, windowMs = WINDOW_MS, beatMs = BEAT_MS }: LockOptions,
): Promise<boolean> {
  const owner = parse(text)
  if (owner?.hasSocket === true && owner.kernel === kernel) {
    const answer = await probe(directory, socketName(name, token))
    if (answer !== 'unknown') return answer === 'alive'
  }
  // Opened anew each time: only then a network file system is sure to show what another host wrote.
  const file = join(directory, `${name}.${token}`)
  for (let waitedMs = 0; waitedMs < windowMs; waitedMs += beatMs) {
    await sleep(beatMs)
    const now = read(file)
    if (now !== text) return now !== undefined
  }
  return false
}

/** Which kernel this process runs on. Containers on one host have the same; it is another one after each boot. */
function kernelIdentity(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return `host:${hostname().replace(/\s/g, '')}`
  }
}

/** Runs `use` with a path of the socket that is short enough for an address; undefined if there is none. */
function withSocketPath<T>(directory: string, name: string, use: (path: string, done: () => void) => T): T | undefined {
  const path = join(directory, name)
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return use(path, () => {})
  if (process.platform !== 'linux') return undefined
  const fd = openSync(directory, 'r')
  return use(`/proc/self/fd/${fd}/${name}`, () => close(fd, () => {}))
}

/** Listens on a socket in the directory; undefined where that cannot be (some network and shared file systems). */
async function listen(directory: string, name: string): Promise<{ close(): void } | undefined> {
  const server = net.createServer((socket) => socket.destroy())
  server.unref()
  return withSocketPath(
    directory,
    name,
    (path, done) =>
      new Promise((resolve) => {
        server.once('error', () => {
          done()
          resolve(undefined)
        })
        // Whoever may see the directory may ask.
        server.listen({ path, readableAll: true, writableAll: true }, () => {
          server.removeAllListeners('error')
          server.on('error', () => {})
          const end = (): void => {
            server.close(done)
            try {
              unlinkSync(join(directory, name))
            } catch {
              // It went with the server.
            }
          }
          resolve({ close: end })
        })
      }),
  )
}

/** Asks the kernel whether somebody listens. */
async function probe(directory: string, name: string): Promise<'alive' | 'dead' | 'unknown'> {
  const answer = withSocketPath(
    directory,
    name,
    (path, done) =>
      new Promise<'alive' | 'dead' | 'unknown'>((resolve) => {
        const socket = net.connect({ path })
        const answered = (what: 'alive' | 'dead' | 'unknown'): void => {
          socket.destroy()
          done()
          resolve(what)
        }
        socket.once('connect', () => answered('alive'))
        socket.once('error', ({ code }: NodeJS.ErrnoException) => {
          // EAGAIN: it listens, and does not accept: frozen.
          answered(code === 'ECONNREFUSED' ? 'dead' : code === 'EAGAIN' ? 'alive' : 'unknown')
        })
      }),
  )
  return (await answer) ?? 'unknown'
}
