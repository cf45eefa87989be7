// What the server has observed of itself, as the commands SLOWLOG, LATENCY and MEMORY see it.

/** What defragmentation has done. */
export interface DefragFacts {
  /** Percentage of a core that the pass under way takes; 0 if there is none. */
  readonly percent: number
  /** Keys looked at of which something was moved, and the others. */
  readonly keyHits: number
  readonly keyMisses: number
  readonly movedBlocks: number
  readonly movedBytes: number
  /** Milliseconds of work, of all passes, and milliseconds since the one under way began. */
  readonly totalMs: number
  readonly currentMs: number
}

/** Bytes of memory. */
export interface MemoryFacts {
  readonly usedBytes: number
  readonly peakBytes: number
  readonly startupBytes: number
  /** Keys and values with their index. */
  readonly datasetBytes: number
  /** Reserved by the store, used or not. */
  readonly reservedBytes: number
  /** Of these, in use: size classes and room included. */
  readonly blockBytes: number
  /** What the store has given back to the system since the start. */
  readonly returnedBytes: number
  readonly defrag: DefragFacts
  readonly rssBytes: number
  readonly systemBytes: number
  readonly maxBytes: number
  readonly policy: string
  readonly backlogBytes: number
  readonly replicaBufferBytes: number
  readonly clientBytes: number
  /** Of the append-only log, still to be written. */
  readonly logBufferBytes: number
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
