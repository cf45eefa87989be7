// Brings a checkout to a state in which `npm start` and `npm test` can run: installs the dependencies of the lock file
// when they are missing or older than it, and builds when a source file is newer than the build. Does nothing otherwise.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const mtimeMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

function newestMs(dir) {
  return readdirSync(dir, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(dir, entry.name)
    return Math.max(newest, mtimeMs(path), entry.isDirectory() ? newestMs(path) : 0)
  }, 0)
}

function run(command, args) {
  const done = spawnSync(command, args, { stdio: 'inherit', cwd: root })
  if (done.status !== 0) process.exit(done.status ?? 1)
}

const installed = mtimeMs(join(root, 'node_modules/.package-lock.json'))
if (installed < mtimeMs(join(root, 'package-lock.json'))) {
  // In a shell, because npm is a .cmd file on some systems; dev dependencies are what builds and tests.
  run('npm', ['ci', '--include=dev', '--no-fund', '--no-audit'])
}
const built = mtimeMs(join(root, 'dist/cli/main.js'))
const sources = Math.max(newestMs(join(root, 'src')), mtimeMs(join(root, 'tsconfig.json')))
if (built < sources) run(process.execPath, [join(root, 'scripts/build.mjs')])
