// The simulator of the Raft core: thousands of short lives of a group, each a function of its seed, under lost, doubled,
// late and reordered messages, partitions (in one direction too), crashes with torn writes, frozen processes and clocks
// that run at different rates. VEDETTE_SIM_SEEDS sets how many, VEDETTE_SIM_SEED replays one with a trace.
import { describe, expect, it } from 'vitest'
import { attempt, pieces, seedsToRun } from './outcome.ts'
import { runRaft } from './raft-run.ts'

const REPLAY = 'npx vitest run --project pure test/sim/raft.test.ts'
const { seeds, traced } = seedsToRun(1700, process.env.VEDETTE_SIM_SEEDS)
const seen: Record<string, number> = {}
const print = traced ? (line: string) => console.log(line) : undefined

describe('raft', () => {
  it.each(pieces(seeds, 250).map((piece) => ({ first: piece[0], last: piece.at(-1), piece })))(
    'keeps its promises and gets on, seeds $first to $last',
    ({ piece }) => {
      const run = (seed: number): void => {
        for (const [name, count] of Object.entries(runRaft(seed, print))) seen[name] = (seen[name] ?? 0) + count
      }
      const failures = piece.flatMap((seed) => attempt(run, seed, REPLAY) ?? [])
      expect(failures.slice(0, 10).join('\n')).toBe('')
    },
  )

  it.skipIf(seeds.length < 500)('has been through enough to mean something', () => {
    console.log(`${seeds.length} seeds: ${JSON.stringify(seen)}`)
    const least = {
      leaders: 4,
      committed: 80,
      snapshotsInstalled: 0.25,
      entriesReplaced: 1,
      membershipsCommitted: 0.5,
      levelsCommitted: 0.5,
    }
    for (const [name, each] of Object.entries(least)) expect(seen[name]! / seeds.length).toBeGreaterThan(each)
  })
})
