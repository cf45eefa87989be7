// The simulator of the Raft core: thousands of short lives of a group, each a function of its seed, under lost, doubled,
// late and reordered messages, partitions (in one direction too), crashes with torn writes, frozen processes and clocks
// that run at different rates. VEDETTE_SIM_SEEDS sets how many.
import { runRaft } from './raft-run.ts'
import { simulate } from './simulate.ts'

simulate({
  name: 'raft',
  promise: 'keeps its promises and gets on',
  file: 'test/sim/raft.test.ts',
  seeds: 5_500,
  variable: 'VEDETTE_SIM_SEEDS',
  run: runRaft,
  least: {
    leaders: 3,
    committed: 25,
    snapshotsInstalled: 0.1,
    entriesReplaced: 0.5,
    membershipsCommitted: 0.2,
    levelsCommitted: 0.4,
  },
})
