// Programs that come as Go modules only. Each is built once, by the `go` of the PATH, into the cache outside the repository.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE } from './helm.ts'

interface GoTool {
  /** The package with the program, and the version of its module. */
  readonly from: string
  readonly version: string
  /** Lines of its own go.mod that builds of others do not take over. */
  readonly replace?: string
}

export const GO_TOOLS = {
  kubeconform: { from: 'github.com/yannh/kubeconform/cmd/kubeconform', version: 'v0.8.0' },
  'helm-unittest': {
    from: 'github.com/helm-unittest/helm-unittest/cmd/helm-unittest',
    version: 'v1.1.2',
    replace: 'github.com/vmware-labs/yaml-jsonpath v0.3.2 => github.com/helm-unittest/yaml-jsonpath v0.4.0',
  },
} as const satisfies Record<string, GoTool>

/** Whether there is a Go to build with. */
export const hasGo = (): boolean => spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0

/** The program; it is built now if it never was. */
export function goTool(name: keyof typeof GO_TOOLS): string {
  const { from, version, replace }: GoTool = GO_TOOLS[name]
  const program = join(CACHE, `${name}-${version}`)
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  const scratch = mkdtempSync(join(CACHE, 'go-'))
  const go = (...args: string[]): void => {
    execFileSync('go', args, { cwd: scratch, env: { ...process.env, GOFLAGS: '-mod=mod' }, stdio: 'pipe' })
  }
  try {
    writeFileSync(
      join(scratch, 'go.mod'),
      `module tool\n\ngo 1.26\n${replace === undefined ? '' : `replace ${replace}\n`}`,
    )
    go('get', '-tool', `${from}@${version}`)
    go('build', '-o', 'program', from)
    renameSync(join(scratch, 'program'), program)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return program
}
