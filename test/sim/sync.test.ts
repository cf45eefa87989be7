// The simulator of `sync` mode: the whole quorum over replicas that lag, and no acknowledged write may ever be lost; replicas are forgotten
// meanwhile, in the worst moment. VEDETTE_SIM_SYNC_SEEDS sets how many, VEDETTE_SIM_SEED replays one with a trace.
import { describe, expect, it } from 'vitest'
import { attempt, pieces, seedsToRun } from './outcome.ts'
import { runSync } from './sentinel-run.ts'

const REPLAY = 'npx vitest run --project pure test/sim/sync.test.ts'
const { seeds, traced } = seedsToRun(400, process.env.VEDETTE_SIM_SYNC_SEEDS)
const seen: Record<string, number> = {}
const print = traced ? (line: string) => console.log(line) : undefined

describe('in sync mode', () => {
  it.each(pieces(seeds, 50).map((piece) => ({ first: piece[0], last: piece.at(-1), piece })))(
    'every acknowledged write is in each later primary, seeds $first to $last',
    ({ piece }) => {
      const run = (seed: number): void => {
        for (const [name, count] of Object.entries(runSync(seed, print))) seen[name] = (seen[name] ?? 0) + count
      }
      const failures = piece.flatMap((seed) => attempt(run, seed, REPLAY) ?? [])
      expect(failures.slice(0, 10).join('\n')).toBe('')
    },
  )

  it.skipIf(seeds.length < 100)('has been through enough to mean something', () => {
    console.log(`${seeds.length} seeds: ${JSON.stringify(seen)}`)
    const least = { failovers: 1, switches: 0.8, promotions: 0.8, acknowledged: 100, forgotten: 0.1 }
    for (const [name, each] of Object.entries(least)) expect(seen[name]! / seeds.length).toBeGreaterThan(each)
  })
})
