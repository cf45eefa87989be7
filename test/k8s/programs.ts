// The control plane's programs: kube-apiserver and kube-controller-manager are built from their Go modules (7 minutes on two quiet
// processors), etcd comes out of Debian's package. They lie in a cache outside the repository.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vedette-k8s')
const KUBERNETES = 'v1.36.3'
/** Modules that live in the repository of Kubernetes: its go.mod replaces each by a folder that a module does not carry. */
const STAGING = [
  ...['api', 'apiextensions-apiserver', 'apimachinery', 'apiserver', 'cli-runtime', 'client-go', 'cloud-provider'],
  ...['cluster-bootstrap', 'code-generator', 'component-base', 'component-helpers', 'controller-manager', 'cri-api'],
  ...['cri-client', 'cri-streaming', 'csi-translation-lib', 'dynamic-resource-allocation', 'endpointslice'],
  ...['externaljwt', 'kms', 'kube-aggregator', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubectl'],
  ...['kubelet', 'metrics', 'mount-utils', 'pod-security-admission', 'sample-apiserver', 'sample-cli-plugin'],
  ...['sample-controller', 'streaming'],
]

export interface Programs {
  readonly etcd: string
  readonly apiServer: string
  readonly controllerManager: string
}

/** The programs; what is missing is built or fetched now. */
export function controlPlanePrograms(): Programs {
  mkdirSync(join(CACHE, 'build'), { recursive: true })
  return {
    etcd: etcdProgram(),
    apiServer: builtProgram('kube-apiserver'),
    controllerManager: builtProgram('kube-controller-manager'),
  }
}

function builtProgram(name: string): string {
  const program = join(CACHE, name)
  if (existsSync(program)) return program
  const cwd = join(CACHE, 'build')
  const version = KUBERNETES.replace('v1', 'v0')
  const replaced = STAGING.map((module) => `k8s.io/${module} => k8s.io/${module} ${version}`)
  const requires = `require k8s.io/kubernetes ${KUBERNETES}`
  if (!existsSync(join(cwd, 'go.mod')))
    writeFileSync(
      join(cwd, 'go.mod'),
      `module k8s\n\ngo 1.26.0\n\n${requires}\n\nreplace (\n${replaced.join('\n')}\n)\n`,
    )
  // Without a version kubectl cannot read that of the server.
  const stamp = { gitVersion: KUBERNETES, gitMajor: '1', gitMinor: KUBERNETES.split('.')[1]! }
  const flags = Object.entries(stamp).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`)
  const args = ['go', 'build', '-mod=mod', '-ldflags', `-s -w ${flags.join(' ')}`, '-o', `${program}.new`]
  execFileSync('nice', ['-n', '19', ...args, `k8s.io/kubernetes/cmd/${name}`], { cwd, stdio: 'inherit' })
  renameSync(`${program}.new`, program)
  return program
}

function etcdProgram(): string {
  const folder = join(CACHE, 'etcd')
  const program = join(folder, 'usr/bin/etcd')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  execFileSync('apt-get', ['download', 'etcd-server'], { cwd: folder, stdio: 'pipe' })
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  execFileSync('dpkg-deb', ['-x', archive!, '.'], { cwd: folder, stdio: 'pipe' })
  return program
}
