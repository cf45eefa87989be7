// Keeps what the store holds close to what is in use: gives back slabs without a block, always, and with `activedefrag` empties sparse ones
// first, in slices between commands, for the share of a core that the options give it. When and how hard is Redis's rule: by how much
// memory is free in pieces, as a percentage of what is in use.

import type { DefragFacts } from '../commands/observed.ts'
import type { ServerOptions } from '../config/server-options.ts'
import { monotonicMs } from '../io/clock.ts'
import { type DefragCounts, Defragmentation, slabsToEmpty } from '../keyspace/defragmentation.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { ArenaFullError } from '../store/arena.ts'

/** A slice ends when it took this long, or soon after. */
const SLICE_MS = 0.4
/** What is moved between two looks at the clock. */
const STEP_BYTES = 16 * 1024
/** How often it is looked whether there is something to do. */
const CHECK_MS = 1000
/** While the keyspace has to stay where it is (a snapshot, a script that is busy). */
const HELD_UP_MS = 50
/** Slabs that are found empty go one at a time, with so much time between them: the system takes a millisecond for each. */
const RETURN_EVERY_MS = 20
/** A pass that gave nothing back is not repeated at once: each time twice as late, up to this. */
const IN_VAIN_MS_MAX = 60_000

/** The parts that this needs. */
export interface DefragParts {
  readonly keyspace: Keyspace
  readonly options: Pick<
    ServerOptions,
    | 'activedefrag'
    | 'active-defrag-cycle-min'
    | 'active-defrag-cycle-max'
    | 'active-defrag-ignore-bytes'
    | 'active-defrag-threshold-lower'
    | 'active-defrag-threshold-upper'
  >
  /** Whether values may move now. */
  mayMove(): boolean
}

/** The part that defragments. */
export interface Defrag {
  readonly facts: DefragFacts
  /** CONFIG RESETSTAT. */
  reset(): void
  /** MEMORY PURGE: gives back at once what is empty. */
  purge(): void
  start(): void
  stop(): void
}

/** Defragmentation of a keyspace. */
export function createDefrag({ keyspace, options, mayMove }: DefragParts): Defrag {
  const counts: DefragCounts = { keyHits: 0, keyMisses: 0 }
  let timer: NodeJS.Timeout | undefined
  let pass: Defragmentation | undefined
  /** The pass is through, and what it emptied goes. */
  let returning = false
  let percent = 0
  let passStartMs = 0
  let totalMs = 0
  let returnedBefore = 0
  let notBeforeMs = 0
  let pauseMs = CHECK_MS

  /** Waste as Redis defines it, and what share of a core it is worth: 0 below the thresholds. */
  const effort = (): number => {
    const { usedBytes, reservedBytes } = keyspace.arena
    const free = reservedBytes - usedBytes
    const wasted = usedBytes === 0 ? 0 : (free * 100) / usedBytes
    const lower = options['active-defrag-threshold-lower']
    const upper = options['active-defrag-threshold-upper']
    if (free < options['active-defrag-ignore-bytes'] || wasted < lower) return 0
    const [min, max] = [options['active-defrag-cycle-min'], options['active-defrag-cycle-max']]
    const share = upper > lower ? Math.min(1, (wasted - lower) / (upper - lower)) : 1
    return Math.max(min, Math.round(min + (max - min) * share))
  }

  const after = (ms: number, work: () => void): void => {
    timer = setTimeout(work, ms)
    timer.unref()
  }

  const check = (): void => {
    if (pass === undefined && keyspace.arena.trim(1) > 0) return after(RETURN_EVERY_MS, check)
    const now = monotonicMs()
    percent = options.activedefrag && now >= notBeforeMs && mayMove() ? effort() : 0
    const slabs = percent === 0 ? [] : slabsToEmpty(keyspace.arena.slabFills())
    if (slabs.length === 0) {
      percent = 0
      return after(CHECK_MS, check)
    }
    passStartMs = now
    returnedBefore = keyspace.arena.returnedBytes
    pass = new Defragmentation(keyspace, slabs, counts)
    slice()
  }

  const slice = (): void => {
    if (!options.activedefrag) return endPass()
    if (!mayMove()) return after(HELD_UP_MS, slice)
    // What is deleted meanwhile is worth more effort; less waste is what the pass is for.
    percent = Math.max(percent, effort())
    const start = monotonicMs()
    let more = !returning
    try {
      while (more && monotonicMs() - start < SLICE_MS) more = pass!.step(STEP_BYTES)
    } catch (error) {
      if (!(error instanceof ArenaFullError)) throw error
      more = false
    }
    if (!more) {
      returning = pass!.dropOne()
      if (!returning) return endPass()
    }
    const tookMs = monotonicMs() - start
    totalMs += tookMs
    after(Math.max(1, (tookMs * 100) / percent - tookMs, returning ? RETURN_EVERY_MS : 0), slice)
  }

  const endPass = (): void => {
    pass!.end()
    pass = undefined
    returning = false
    percent = 0
    pauseMs = keyspace.arena.returnedBytes > returnedBefore ? CHECK_MS : Math.min(IN_VAIN_MS_MAX, pauseMs * 2)
    notBeforeMs = monotonicMs() + pauseMs
    after(CHECK_MS, check)
  }

  return {
    get facts() {
      const { movedBlocks, movedBytes } = keyspace.arena
      const currentMs = pass === undefined ? 0 : monotonicMs() - passStartMs
      return { ...counts, percent, movedBlocks, movedBytes, totalMs, currentMs }
    },
    reset() {
      counts.keyHits = counts.keyMisses = keyspace.arena.movedBlocks = totalMs = 0
    },
    purge() {
      keyspace.arena.trim()
    },
    start() {
      after(CHECK_MS, check)
    },
    stop() {
      clearTimeout(timer)
    },
  }
}
