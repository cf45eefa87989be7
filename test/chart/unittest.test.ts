// The chart's own tests (charts/vedette/tests, for helm-unittest), where there is a Go to build that program with.
import { expect, it } from 'vitest'
import { CHART } from '../support/chart.ts'
import { goTool, hasGo } from '../support/go-tools.ts'
import { run } from '../support/helm.ts'

it.runIf(hasGo())('helm unittest passes', { timeout: 600_000 }, () => {
  const { ok, stdout, stderr } = run(goTool('helm-unittest'), ['--strict', CHART])
  expect(ok, stdout + stderr).toBe(true)
  expect(stdout).toMatch(/Tests: +\d+ passed, \d+ total/)
})
