// How a simulator is run as tests: so many seeds in pieces, so that a long run shows where it is, and a last test that enough
// happened in them. VEDETTE_SIM_SEED replays one seed with a trace; VEDETTE_SIM_FIRST is the first seed of a longer search.
import { describe, expect, it } from 'vitest'
import { attempt, seedsToRun } from './outcome.ts'

export interface Simulation {
  /** What is simulated, and what must hold of it. */
  readonly name: string
  readonly promise: string
  /** The test file, from the root. */
  readonly file: string
  /** Seeds of an ordinary run, and the environment variable that says otherwise. */
  readonly seeds: number
  readonly variable: string
  run(seed: number, print?: (line: string) => void): object
  /** What must have happened, on average more than so often in each run. */
  readonly least: Readonly<Record<string, number>>
}

const PIECE = 50
/** From so many seeds on the averages mean something. */
const ENOUGH = 100

export function simulate({ name, promise, file, seeds: count, variable, run, least }: Simulation): void {
  const replay = `npx vitest run --project pure ${file}`
  const { seeds, traced } = seedsToRun(count, process.env[variable])
  const print = traced ? (line: string) => console.log(line) : undefined
  const seen: Record<string, number> = {}
  const tally = (seed: number): void => {
    for (const [what, times] of Object.entries(run(seed, print))) seen[what] = (seen[what] ?? 0) + times
  }
  const pieces = Array.from({ length: Math.ceil(seeds.length / PIECE) }, (_, i) =>
    seeds.slice(i * PIECE, (i + 1) * PIECE),
  )

  describe(name, () => {
    it.each(pieces.map((piece) => ({ first: piece[0], last: piece.at(-1), piece })))(
      `${promise}, seeds $first to $last`,
      ({ piece }) => {
        const failures = piece.flatMap((seed) => attempt(tally, seed, replay) ?? [])
        expect(failures.slice(0, 10).join('\n')).toBe('')
      },
    )

    it.skipIf(seeds.length < ENOUGH)('has been through enough to mean something', () => {
      console.log(`${seeds.length} seeds: ${JSON.stringify(seen)}`)
      for (const [what, each] of Object.entries(least)) expect(seen[what]! / seeds.length, what).toBeGreaterThan(each)
    })
  })
}
