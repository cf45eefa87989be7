// The simulator of how a quorum begins and is renewed: production's sentinel and Raft cores, sentinels that die before there is
// a group, partitions, and replacement without folders. VEDETTE_SIM_FORMATION_SEEDS sets how many.
import { runFormation } from './formation-run.ts'
import { simulate } from './simulate.ts'

simulate({
  name: 'a quorum',
  promise: 'is founded once, whoever is gone, and outlives the loss of every folder',
  file: 'test/sim/formation.test.ts',
  seeds: 170,
  variable: 'VEDETTE_SIM_FORMATION_SEEDS',
  run: runFormation,
  least: { groups: 0.99, partial: 0.1, died: 0.2, replaced: 1.5 },
})
