// The life of a simulated process: it runs, is killed, runs again, and may be frozen in between. What it plans happens in
// the same life or never. While it is frozen nothing happens and everything waits; when it thaws all of that comes at once,
// in order, as for a process after SIGCONT. Its monotonic clock begins anew with each life and may run fast or slow.
import type { World } from './world.ts'

export interface Life {
  running(): boolean
  frozen(): boolean
  clockMs(): number
  /** World time until the own clock shows this. */
  untilClockMs(clockMs: number): number
  begin(): void
  end(): void
  freeze(forMs: number): void
  /** Something comes in: it is taken at once, or when the process thaws. */
  now(act: () => void): void
  /** Plans an act of this process. */
  later(delayMs: number, act: () => void): void
}

export function createLife(world: World, clockRate: number): Life {
  let number = 0
  let running = false
  let frozen = false
  let bornMs = 0
  let clockStartMs = 0
  let waiting: (() => void)[] = []
  const clockMs = (): number => clockStartMs + (world.nowMs() - bornMs) * clockRate
  const now = (act: () => void): void => {
    if (frozen) waiting.push(act)
    else if (running) act()
  }
  return {
    running: () => running,
    frozen: () => frozen,
    clockMs,
    untilClockMs: (atMs) => Math.max(0, (atMs - clockMs()) / clockRate),
    begin() {
      number++
      running = true
      frozen = false
      waiting = []
      bornMs = world.nowMs()
      clockStartMs = world.between(0, 1e6)
    },
    end() {
      number++
      running = false
      frozen = false
    },
    freeze(forMs) {
      if (!running || frozen) return
      frozen = true
      const mine = number
      world.after(forMs, () => {
        if (number !== mine) return
        frozen = false
        const work = waiting
        waiting = []
        for (const act of work) if (number === mine) now(act)
      })
    },
    now,
    later(delayMs, act) {
      const mine = number
      world.after(delayMs, () => number === mine && now(act))
    },
  }
}
