// The simulator of the whole quorum: production's sentinel and Raft cores supervise model servers under crashes, freezes,
// partitions and switchovers. VEDETTE_SIM_SENTINEL_SEEDS sets how many, VEDETTE_SIM_SEED replays one with a trace.
import { describe, expect, it } from 'vitest'
import { attempt, pieces, seedsToRun } from './outcome.ts'
import { runSentinels } from './sentinel-run.ts'

const REPLAY = 'npx vitest run --project pure test/sim/sentinel.test.ts'
const { seeds, traced } = seedsToRun(600, process.env.VEDETTE_SIM_SENTINEL_SEEDS)
const seen: Record<string, number> = {}
const print = traced ? (line: string) => console.log(line) : undefined

describe('the quorum', () => {
  it.each(pieces(seeds, 50).map((piece) => ({ first: piece[0], last: piece.at(-1), piece })))(
    'promotes once, announces what is committed, and heals, seeds $first to $last',
    ({ piece }) => {
      const run = (seed: number): void => {
        for (const [name, count] of Object.entries(runSentinels(seed, print))) seen[name] = (seen[name] ?? 0) + count
      }
      const failures = piece.flatMap((seed) => attempt(run, seed, REPLAY) ?? [])
      expect(failures.slice(0, 10).join('\n')).toBe('')
    },
  )

  it('takes a fresh look at a candidate whom an earlier leader chose, while this one was choosing another: seed 673', () => {
    expect(attempt((seed) => void runSentinels(seed), 673, REPLAY)).toBeUndefined()
  })

  it.skipIf(seeds.length < 100)('has been through enough to mean something', () => {
    console.log(`${seeds.length} seeds: ${JSON.stringify(seen)}`)
    const least = { formed: 2.5, failovers: 2, switches: 1, switchovers: 0.3, aborts: 0.05, promotions: 1, leased: 100 }
    for (const [name, each] of Object.entries(least)) expect(seen[name]! / seeds.length).toBeGreaterThan(each)
  })
})
