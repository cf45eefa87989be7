// Servers at the same offset of the same history hold the same data, whatever happened to them: production's engine and replication over
// simulated wires. VEDETTE_SIM_REPLICATION_SEEDS sets how many seeds, VEDETTE_SIM_SEED replays one.
import { describe, expect, it } from 'vitest'
import { attempt, pieces, seedsToRun } from './outcome.ts'
import { type ReplicationTally, runReplication } from './replication-run.ts'

const REPLAY = 'npx vitest run --project pure test/sim/replication.test.ts'
const { seeds, traced } = seedsToRun(8, process.env.VEDETTE_SIM_REPLICATION_SEEDS)
const seen: ReplicationTally = { compared: 0, promotions: 0, restarts: 0, full: 0, partial: 0 }
const print = traced ? (line: string) => console.log(line) : undefined

describe('replication', () => {
  it.each(pieces(seeds, 4).map((piece) => ({ first: piece[0], last: piece.at(-1), piece })))(
    'gives equal data at equal offsets, seeds $first to $last',
    ({ piece }) => {
      const run = (seed: number): void => {
        const tally = runReplication(seed, print)
        for (const field of Object.keys(seen) as (keyof ReplicationTally)[]) seen[field] += tally[field]
      }
      expect(piece.flatMap((seed) => attempt(run, seed, REPLAY) ?? []).join('\n')).toBe('')
    },
  )

  it.skipIf(seeds.length < 8)('has been through enough to mean something', () => {
    console.log(`${seeds.length} seeds: ${JSON.stringify(seen)}`)
    const least: ReplicationTally = { compared: 80, promotions: 1, restarts: 2, full: 3, partial: 1 }
    for (const field of Object.keys(least) as (keyof ReplicationTally)[])
      expect(seen[field] / seeds.length, field).toBeGreaterThan(least[field])
  })
})
