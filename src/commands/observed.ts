// What the server has observed of itself, as the commands SLOWLOG, LATENCY and MEMORY see it.

/** Bytes of memory. */
export interface MemoryFacts {
  readonly usedBytes: number
  readonly peakBytes: number
  readonly startupBytes: number
  /** Keys and values with their index. */
  readonly datasetBytes: number
  /** Reserved by the store, used or not. */
  readonly reservedBytes: number
  readonly rssBytes: number
  readonly systemBytes: number
  readonly maxBytes: number
  readonly policy: string
  readonly backlogBytes: number
  readonly replicaBufferBytes: number
  readonly clientBytes: number
  /** Flushed tables that are still being released. */
  readonly pendingTables: number
  /** Values that were released in slices. */
  readonly releasedValues: number
}

/** A slow command. */
export interface SlowEntry {
  readonly id: number
  /** Unix time in seconds. */
  readonly atSeconds: number
  readonly micros: number
  readonly argv: readonly Uint8Array[]
  readonly peer: string
  readonly clientName: string
}

/** The slow log. */
export interface SlowCommands {
  readonly length: number
  /** The newest entries, newest first. */
  newest(count: number): readonly SlowEntry[]
  reset(): void
}

/** One event that took long. */
export interface LatencySample {
  readonly atSeconds: number
  readonly ms: number
}

/** The latest event of a kind. */
export interface LatestEvent extends LatencySample {
  readonly event: string
  readonly maxMs: number
}

/** The latency monitor. */
export interface LatencyEvents {
  latest(): readonly LatestEvent[]
  history(event: string): readonly LatencySample[]
  /** Forgets these kinds of events, or all; how many it forgot. */
  reset(events: readonly string[]): number
  /** A drawing of the samples of a kind, oldest first; undefined if there are none. */
  graph(event: string, nowSeconds: number): string | undefined
  /** What was seen and what to do about it, for a person. `slowerThanMicros` is what the slow log is set to. */
  report(thresholdMs: number, slowerThanMicros: number): string
}
