// What a benchmark is, and what the command line gives it.
import type { Make } from '../test/support/servers.ts'
import type { Row } from './report.ts'

export interface BenchContext {
  /** Whose programs to measure, Redis's first. */
  makes: readonly Make[]
  /** Runs or rounds per figure in place of the benchmark's own number. */
  runs: number | undefined
  /** Beginnings of the names of lines, seconds for each measurement, depths of pipelines: for benchmarks that have these. */
  lines: readonly string[] | undefined
  seconds: number | undefined
  pipelines: readonly number[] | undefined
  /** A line of progress, on standard error. */
  say(line: string): void
}

export interface Bench {
  name: string
  /** What it measures and how, in a sentence or two; goes above its table. */
  about: string
  run(context: BenchContext): Promise<Row[]>
}
