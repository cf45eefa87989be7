// The latency monitor: the longest of each second's events above `latency-monitor-threshold`, by kind, the last 160 of each.

import type { LatencyEvents, LatencySample, LatestEvent } from '../commands/observed.ts'

/** Kinds of events: a command; one that ought to be fast; a round of expiring keys. */
export type LatencyEvent = 'command' | 'fast-command' | 'expire-cycle'

const SAMPLES_MAX = 160

interface Series {
  readonly samples: LatencySample[]
  maxMs: number
}

/** The events of one server. */
export class LatencyMonitor implements LatencyEvents {
  private readonly series = new Map<string, Series>()

  /** Takes an event up. Of one second only the longest is kept. */
  add(event: LatencyEvent, ms: number, atSeconds: number): void {
    let series = this.series.get(event)
    if (series === undefined) {
      series = { samples: [], maxMs: 0 }
      this.series.set(event, series)
    }
    series.maxMs = Math.max(series.maxMs, ms)
    const last = series.samples.at(-1)
    if (last?.atSeconds === atSeconds) {
      if (ms > last.ms) series.samples[series.samples.length - 1] = { atSeconds, ms }
      return
    }
    series.samples.push({ atSeconds, ms })
    if (series.samples.length > SAMPLES_MAX) series.samples.shift()
  }

  latest(): LatestEvent[] {
    return [...this.series].map(([event, { samples, maxMs }]) => ({ event, ...samples.at(-1)!, maxMs }))
  }

  history(event: string): readonly LatencySample[] {
    return this.series.get(event.toLowerCase())?.samples ?? []
  }

  /** Forgets these kinds of events, or all; how many it forgot. */
  reset(events: readonly string[]): number {
    const names = events.length === 0 ? [...this.series.keys()] : events.map((event) => event.toLowerCase())
    return names.filter((name) => this.series.delete(name)).length
  }

  /** A drawing of the samples of a kind, oldest first; undefined if there are none. */
  graph(event: string, nowSeconds: number): string | undefined {
    const series = this.series.get(event.toLowerCase())
    if (series === undefined) return undefined
    const { samples } = series
    const high = Math.max(...samples.map(({ ms }) => ms))
    const low = Math.min(...samples.map(({ ms }) => ms))
    const head = `${event.toLowerCase()} - high ${high} ms, low ${low} ms (all time high ${series.maxMs} ms)`
    return [head, '-'.repeat(80), ...drawing(samples, low, high), '', ...ages(samples, nowSeconds)].join('\n')
  }

  /** What was seen and what to do about it, for a person. `slowerThanMicros` is what the slow log is set to. */
  report(thresholdMs: number, slowerThanMicros: number): string {
    if (thresholdMs === 0) {
      return 'The latency monitor is off: switch it on with CONFIG SET latency-monitor-threshold <milliseconds>, and ask again.\n'
    }
    if (this.series.size === 0) return 'No latency spike was observed so far.\n'
    const lines = [...this.series].map(([event, { samples, maxMs }], i) => {
      const average = samples.reduce((sum, { ms }) => sum + ms, 0) / samples.length
      const deviation = samples.reduce((sum, { ms }) => sum + Math.abs(ms - average), 0) / samples.length
      const period = (samples.at(-1)!.atSeconds - samples[0]!.atSeconds) / samples.length
      return (
        `${i + 1}. ${event}: ${samples.length} latency spikes (average ${Math.round(average)}ms, mean deviation ` +
        `${Math.round(deviation)}ms, period ${period.toFixed(2)} sec). Worst all time event ${maxMs}ms.`
      )
    })
    return `Latency spikes were observed:\n\n${[...lines, '', ...this.advice(thresholdMs, slowerThanMicros)].join('\n')}\n`
  }

  private advice(thresholdMs: number, slowerThanMicros: number): string[] {
    const advice: string[] = []
    if (this.series.has('command')) {
      if (slowerThanMicros < 0 || slowerThanMicros > thresholdMs * 1000) {
        advice.push(`- Let the slow log see them: CONFIG SET slowlog-log-slower-than ${thresholdMs * 1000}.`)
      }
      advice.push('- Ask SLOWLOG GET which commands take long. Commands on many elements stop everybody else.')
    }
    if (this.series.has('fast-command')) {
      advice.push(
        '- Commands that do little took long: the machine is short of processor time, or another process takes it.',
      )
    }
    if (this.series.has('expire-cycle'))
      advice.push('- Many or large keys expire at the same time: spread their times.')
    return advice
  }
}

const ROWS = 4
const MARKS = ['_', 'o', '#'] as const

/** One column a sample; its height is its place between low and high. */
function drawing(samples: readonly LatencySample[], low: number, high: number): string[] {
  const heights = samples.map(({ ms }) => (high === low ? 1 : ((ms - low) / (high - low)) * (ROWS * MARKS.length - 1)))
  return Array.from({ length: ROWS }, (_, row) => {
    const floor = (ROWS - 1 - row) * MARKS.length
    return heights.map((height) => (height < floor ? ' ' : MARKS[Math.min(2, Math.floor(height - floor))]!)).join('')
  })
}

/** How long ago each sample was, written downwards. */
function ages(samples: readonly LatencySample[], nowSeconds: number): string[] {
  const texts = samples.map(({ atSeconds }) => ageText(Math.max(0, nowSeconds - atSeconds)))
  const length = Math.max(...texts.map((text) => text.length))
  return Array.from({ length }, (_, row) => texts.map((text) => text[row] ?? ' ').join(''))
}

function ageText(seconds: number): string {
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
