// The simulator of how a quorum begins and is renewed: production's sentinel and Raft cores, sentinels that die before there is
// a group, partitions, and replacement without folders. VEDETTE_SIM_FORMATION_SEEDS sets how many, VEDETTE_SIM_SEED replays one.
import { describe, expect, it } from 'vitest'
import { runFormation } from './formation-run.ts'
import { attempt, pieces, seedsToRun } from './outcome.ts'

const REPLAY = 'npx vitest run --project pure test/sim/formation.test.ts'
const { seeds, traced } = seedsToRun(150, process.env.VEDETTE_SIM_FORMATION_SEEDS)
const seen: Record<string, number> = {}
const print = traced ? (line: string) => console.log(line) : undefined

describe('a quorum', () => {
  it.each(pieces(seeds, 50).map((piece) => ({ first: piece[0], last: piece.at(-1), piece })))(
    'is founded once, whoever is gone, and outlives the loss of every folder, seeds $first to $last',
    ({ piece }) => {
      const run = (seed: number): void => {
        for (const [name, count] of Object.entries(runFormation(seed, print))) seen[name] = (seen[name] ?? 0) + count
      }
      const failures = piece.flatMap((seed) => attempt(run, seed, REPLAY) ?? [])
      expect(failures.slice(0, 10).join('\n')).toBe('')
    },
  )

  it.skipIf(seeds.length < 100)('has been through enough to mean something', () => {
    console.log(`${seeds.length} seeds: ${JSON.stringify(seen)}`)
    const least = { groups: 0.99, partial: 0.1, died: 0.2, replaced: 1.5 }
    for (const [name, each] of Object.entries(least)) expect(seen[name]! / seeds.length).toBeGreaterThan(each)
  })
})
