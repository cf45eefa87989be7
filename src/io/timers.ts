// The event loop of Node as the facade knows it.
import type { Timers } from '../facade/wire.ts'

/** The longest time that Node can wait at once; a longer one is waited for in pieces. */
const DELAY_MS_MAX = 2 ** 31 - 1

/** The event loop of this process. No timer of it keeps the process alive. */
export const eventLoop: Timers = {
  endOfTurn: (run) => void setImmediate(run),
  soon: (run) => queueMicrotask(run),
  after(ms, run) {
    let timer: NodeJS.Timeout
    const wait = (leftMs: number): void => {
      const pieceMs = Math.min(Math.max(0, leftMs), DELAY_MS_MAX)
      timer = setTimeout(() => (leftMs > pieceMs ? wait(leftMs - pieceMs) : run()), pieceMs).unref()
    }
    wait(ms)
    return () => clearTimeout(timer)
  },
}
