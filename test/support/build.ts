// Global set-up of the process tests: builds dist/ when a source file is newer, so that no test runs an old program.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './paths.ts'

export default function buildIfStale(): void {
  if (process.env.VEDETTE_MAIN !== undefined) return
  const done = spawnSync(process.execPath, [join(ROOT, 'scripts/ensure.mjs')], { stdio: 'inherit', cwd: ROOT })
  if (done.status !== 0) throw new Error(`scripts/ensure.mjs ended with ${done.status}: nothing to test`)
}
