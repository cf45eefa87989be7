// The simulator of `sync` mode: the whole quorum over replicas that lag, and no acknowledged write may ever be lost; replicas are forgotten
// meanwhile, in the worst moment. VEDETTE_SIM_SYNC_SEEDS sets how many.
import { runSync } from './sentinel-run.ts'
import { simulate } from './simulate.ts'

simulate({
  name: 'in sync mode',
  promise: 'every acknowledged write is in each later primary',
  file: 'test/sim/sync.test.ts',
  seeds: 1_200,
  variable: 'VEDETTE_SIM_SYNC_SEEDS',
  run: runSync,
  least: { failovers: 0.5, switches: 0.3, promotions: 0.3, acknowledged: 50, forgotten: 0.03 },
})
