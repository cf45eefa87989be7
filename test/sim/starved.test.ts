// The quorum lives through starvation: nodes that run 100 ms of every 450, and worse. VEDETTE_SIM_SEED replays one seed.
import { describe, expect, it } from 'vitest'
import { attempt, seedsToRun } from './outcome.ts'
import { runStarvedFailover } from './starved-failover.ts'
import { runStarved, type StarvedTally } from './starved-run.ts'

const REPLAY = 'npx vitest run --project pure test/sim/starved.test.ts'
const { seeds, traced } = seedsToRun(30, process.env.VEDETTE_SIM_SEEDS)
const print = traced ? (line: string) => console.log(line) : undefined

describe.each([
  { runMs: 100, periodMs: 450 },
  { runMs: 50, periodMs: 250 },
  { runMs: 30, periodMs: 600 },
])('running $runMs ms of every $periodMs', ({ runMs, periodMs }) => {
  it('a group has a leader, keeps it, replaces it when it dies, and becomes quick again', () => {
    const tallies: StarvedTally[] = []
    const run = (seed: number): void => void tallies.push(runStarved(seed, runMs, periodMs, print))
    expect(seeds.flatMap((seed) => attempt(run, seed, REPLAY) ?? []).join('\n')).toBe('')
    const sum = (of: (tally: StarvedTally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0)
    expect(sum((tally) => tally.extraTerms)).toBeLessThanOrEqual(seeds.length / 10)
    expect(sum((tally) => tally.led) / sum((tally) => tally.moments)).toBeGreaterThan(0.95)
  })

  it('sentinels replace a dead primary', () => {
    const times: number[] = []
    const run = (seed: number): void => void times.push(runStarvedFailover(seed, runMs, periodMs, print))
    expect(seeds.flatMap((seed) => attempt(run, seed, REPLAY) ?? []).join('\n')).toBe('')
    // Redis Sentinel takes four seconds of 100 ms out of 450.
    expect(times.reduce((sum, ms) => sum + ms, 0) / times.length).toBeLessThan(4_000)
  })
})
