// How often a key is used, in the 21 bits of an entry's access clock, for the LFU policies of eviction. Bits 0–7 are a counter that
// grows ever more rarely (a use counts with a probability that falls as the counter rises) and falls with time; bits 8–20 are
// the minute in which it was last looked at, which wraps after five days: what nobody used for longer falls a little less.

import type { Random } from '../lib/prng.ts'
import { CLOCK_MASK } from '../store/entry.ts'

/** The options of the same names. */
export interface FrequencySettings {
  readonly 'lfu-log-factor': number
  readonly 'lfu-decay-time': number
}

export const FREQUENCY_MAX = 255
/** Of a new key: so that it is not the first to go. */
const FREQUENCY_AT_FIRST = 5
const MINUTE_SHIFT = 8
const MINUTE_MASK = CLOCK_MASK >>> MINUTE_SHIFT

/** Reads and writes frequencies. */
export class Frequencies {
  private readonly random: Random
  private readonly settings: FrequencySettings
  private minute = 0

  constructor(random: Random, settings: FrequencySettings) {
    this.random = random
    this.settings = settings
  }

  /** Sets the time; returns the clock of an entry that is new. */
  setTime(nowMs: number): number {
    this.minute = Math.floor(nowMs / 60_000) & MINUTE_MASK
    return this.clockOf(FREQUENCY_AT_FIRST)
  }

  /** The clock of an entry that has this frequency now. */
  clockOf(frequency: number): number {
    return (this.minute << MINUTE_SHIFT) | frequency
  }

  /** The frequency now. */
  of(clock: number): number {
    const decayMinutes = this.settings['lfu-decay-time']
    const frequency = clock & FREQUENCY_MAX
    if (decayMinutes === 0) return frequency
    const minutes = (this.minute - (clock >>> MINUTE_SHIFT)) & MINUTE_MASK
    return Math.max(0, frequency - Math.floor(minutes / decayMinutes))
  }

  /** The clock after one more use. */
  used(clock: number): number {
    const frequency = this.of(clock)
    if (frequency === FREQUENCY_MAX) return this.clockOf(FREQUENCY_MAX)
    const above = Math.max(0, frequency - FREQUENCY_AT_FIRST)
    const counts = this.random.unit() * (above * this.settings['lfu-log-factor'] + 1) < 1
    return this.clockOf(counts ? frequency + 1 : frequency)
  }
}
