import { defineConfig } from 'vitest/config'

// Unit, scenario and simulator tests run in parallel; the files under test/e2e and test/compat start real processes,
// so they run one after the other, on a machine that may have only two cores.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/*.test.ts', 'test/unit/**/*.test.ts', 'test/scenario/**/*.test.ts', 'test/sim/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'processes',
          include: ['test/e2e/**/*.test.ts', 'test/compat/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
