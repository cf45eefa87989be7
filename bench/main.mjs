// `npm run bench [-- name… --runs N --only vedette|redis]`: compiles the benchmarks (TypeScript, they share the process
// harness of test/support) into bench/results/build and runs them.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const tsc = spawnSync(process.execPath, [`${here}../node_modules/typescript/bin/tsc`, '-p', `${here}tsconfig.json`], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
const { main } = await import('./results/build/bench/run.js')
process.exitCode = await main(process.argv.slice(2))
