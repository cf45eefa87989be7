// Compiles src/ to dist/ and makes the command executable. The old output goes first, so that a deleted source file
// leaves nothing behind.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${root}dist`, { recursive: true, force: true })
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.json`], {
  stdio: 'inherit',
  cwd: root,
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
chmodSync(`${root}dist/cli/main.js`, 0o755)
