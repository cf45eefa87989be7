// The lock of a directory: who holds it, who takes it over, and that of several only one does. Other hosts are played by another
// identity of the kernel; a holder that ended without a word by one that is cut off from its beats. Real processes that are
// killed: test/e2e/lock.test.ts.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DirectoryLock, LockedError, lockDirectory } from '../../../src/io/lock.ts'

let root: string
const held: DirectoryLock[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vedette-lock-'))
})
afterEach(() => {
  for (const lock of held.splice(0)) lock.release()
  rmSync(root, { recursive: true, force: true })
})

const FAST = { beatMs: 20, windowMs: 120 }

async function lock(
  options: { kernel?: string; directory?: string; name?: string; lost?: string[]; beatMs?: number } = {},
) {
  const { directory = root, name = '.lock', lost = [], ...rest } = options
  const taken = await lockDirectory(directory, { name, onLost: (reason) => lost.push(reason), ...FAST, ...rest })
  held.push(taken)
  return taken
}

const files = (): string[] => readdirSync(root).filter((name) => /\.[0-9a-f]{32}$/.test(name))
const TOKEN = 'a'.repeat(32)

describe('one process', () => {
  it('holds it until it gives it free', async () => {
    const first = await lock()
    await expect(lock()).rejects.toThrow(LockedError)
    await expect(lock()).rejects.toThrow(`process ${process.pid}`)
    first.release()
    first.release()
    const second = await lock()
    await expect(lock()).rejects.toThrow(LockedError)
    second.release()
    expect(readdirSync(root)).toEqual([])
  })

  it('holds it under one name; another name is another lock', async () => {
    await lock({ name: '.a.lock' })
    await lock({ name: '.b.lock' })
    await expect(lock({ name: '.a.lock' })).rejects.toThrow(LockedError)
  })

  it('holds it in a directory whose path is too long for a socket', async () => {
    const directory = join(root, 'long'.repeat(30))
    mkdirSync(directory)
    const first = await lock({ directory })
    await expect(lock({ directory })).rejects.toThrow(LockedError)
    first.release()
    await lock({ directory })
  })

  it('is refused what the system refuses', async () => {
    await expect(lock({ directory: join(root, 'nosuch') })).rejects.toThrow('ENOENT')
  })
})

describe('another host', () => {
  it('sees the beats of a holder', async () => {
    await lock({ kernel: 'host-a' })
    await expect(lock({ kernel: 'host-b' })).rejects.toThrow(LockedError)
  })

  it('takes over when they stop, and the former holder notices', async () => {
    const lost: string[] = []
    // One that beats so seldom is silent for a whole window behind each beat, as if it were frozen.
    await lock({ kernel: 'host-a', lost, beatMs: 2000 })
    const file = join(root, files()[0]!)
    const before = readFileSync(file, 'latin1')
    await expect.poll(() => readFileSync(file, 'latin1'), { timeout: 10_000, interval: 5 }).not.toBe(before)
    const second = await lock({ kernel: 'host-b' })
    // The former one has nothing to give free any more.
    await expect.poll(() => lost, { timeout: 10_000 }).toHaveLength(1)
    expect(lost[0]).toContain('another process took')
    for (const former of held) if (former !== second) former.release()
    expect(files()).toHaveLength(1)
    await expect(lock({ kernel: 'host-b' })).rejects.toThrow(LockedError)
  })

  it('takes at once what was given free', async () => {
    const first = await lock({ kernel: 'host-a' })
    first.release()
    await lock({ kernel: 'host-b' })
  })
})

describe('a lock that nobody holds', () => {
  it.each([
    ['of another boot', 'holds former-boot socket 1\n000000000007\n'],
    ['of this boot whose socket is gone', 'holds KERNEL socket 1\n000000000007\n'],
    ['without a socket', 'wants KERNEL - 1\n000000000007\n'],
    ['that is no lock', 'garbage'],
    ['that is empty', ''],
  ])('%s is taken over after the window', async (_, content) => {
    writeFileSync(join(root, `.lock.${TOKEN}`), content)
    writeFileSync(join(root, `.lock.${TOKEN}.sock`), '')
    await lock({ kernel: 'KERNEL' })
    expect(files()).toHaveLength(1)
    expect(readdirSync(root).join()).not.toContain(TOKEN)
  })

  it('goes to exactly one of several that find it, over and over', async () => {
    for (let round = 0; round < 15; round++) {
      writeFileSync(join(root, `.lock.${TOKEN}`), 'holds former-boot - 1\n000000000007\n')
      const want = () => lockDirectory(root, { name: '.lock', onLost: () => {}, beatMs: 2, windowMs: 8 })
      const results = await Promise.allSettled(Array.from({ length: 5 }, want))
      const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      expect(winners).toHaveLength(1)
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(LockedError)
      }
      await expect(lockDirectory(root, { name: '.lock', onLost: () => {}, ...FAST })).rejects.toThrow(LockedError)
      winners[0]!.release()
      expect(readdirSync(root)).toEqual([])
    }
  })

  it('is not taken from one that wants it and was first: the later one waits, and then is refused', async () => {
    const [first, second] = await Promise.allSettled([lock(), lock()])
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected'])
  })
})
