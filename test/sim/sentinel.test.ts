// The simulator of the whole quorum: production's sentinel and Raft cores supervise model servers under crashes, freezes,
// partitions and switchovers. VEDETTE_SIM_SENTINEL_SEEDS sets how many.
import { runSentinels } from './sentinel-run.ts'
import { simulate } from './simulate.ts'

simulate({
  name: 'the quorum',
  promise: 'promotes once, announces what is committed, and heals',
  file: 'test/sim/sentinel.test.ts',
  seeds: 1_250,
  variable: 'VEDETTE_SIM_SENTINEL_SEEDS',
  run: runSentinels,
  least: { formed: 2.5, failovers: 0.7, switches: 0.5, switchovers: 0.2, aborts: 0.05, promotions: 0.5, leased: 50 },
})
