// The alerts in the hands of Debian's promtool: the rules are well formed, and each fires when it should and only then.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const cwd = fileURLToPath(new URL('../..', import.meta.url))

it.each([
  ['check', 'alerts/vedette.rules.yml'],
  ['test', 'alerts/tests/vedette.test.yml'],
])('promtool %s rules %s', (verb, file) => {
  const { status, stdout, stderr } = spawnSync('promtool', [verb, 'rules', file], { cwd, encoding: 'utf8' })
  expect(`${stdout}${stderr}`).toContain('SUCCESS')
  expect(status).toBe(0)
})
