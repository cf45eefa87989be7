// A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager, on the address of the pods' bridge.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import type { Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'
import { type Api, connectApi } from './api.ts'
import { controlPlanePrograms } from './programs.ts'

export interface ControlPlane {
  readonly api: Api
  /** PEM by which pods know the API server. */
  readonly ca: string
  readonly kubeconfig: string
}

const TOKEN = 'admin-of-the-test'
const SLOW = { timeoutMs: 300_000, intervalMs: 250 }

/** Starts it; resolves when it is ready. */
export async function startControlPlane(scope: Scope, host: string): Promise<ControlPlane> {
  const programs = controlPlanePrograms()
  const folder = scope.tempDir()
  const at = (name: string): string => join(folder, name)
  const [clients, peers, port] = [await freePort(), await freePort(), await freePort()]
  mkdirSync(at('certs'))
  execFileSync('openssl', ['genrsa', '-out', at('sa.key'), '2048'], { stdio: 'pipe' })
  execFileSync('openssl', ['rsa', '-in', at('sa.key'), '-pubout', '-out', at('sa.pub')], { stdio: 'pipe' })
  writeFileSync(at('tokens.csv'), `${TOKEN},admin,1,"system:masters"\n`)
  writeFileSync(at('kubeconfig'), kubeconfigOf(host, port))

  const etcd = `http://127.0.0.1:${clients}`
  const peer = `http://127.0.0.1:${peers}`
  scope.spawn(programs.etcd, [
    ...['--data-dir', at('data'), '--listen-client-urls', etcd, '--advertise-client-urls', etcd],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
    '--unsafe-no-fsync',
  ])
  const server = scope.spawn(programs.apiServer, [
    ...[`--etcd-servers=${etcd}`, `--secure-port=${port}`, `--bind-address=${host}`, `--advertise-address=${host}`],
    ...[`--cert-dir=${at('certs')}`, '--service-account-issuer=https://kubernetes.default.svc'],
    ...[`--service-account-key-file=${at('sa.pub')}`, `--service-account-signing-key-file=${at('sa.key')}`],
    ...[
      '--service-cluster-ip-range=10.96.0.0/24',
      '--authorization-mode=RBAC',
      `--token-auth-file=${at('tokens.csv')}`,
    ],
    '--endpoint-reconciler-type=none',
  ])
  const api = connectApi(host, port, TOKEN)
  await eventually(
    `the API server is ready:\n${server.output().slice(-2000)}`,
    async () => {
      if (!server.isRunning()) throw new Error(server.output().slice(-2000))
      return (await api.call('GET', '/readyz')).status === 200
    },
    SLOW,
  )
  const config = at('kubeconfig')
  scope.spawn(programs.controllerManager, [
    ...[`--kubeconfig=${config}`, `--authentication-kubeconfig=${config}`, `--authorization-kubeconfig=${config}`],
    ...[`--service-account-private-key-file=${at('sa.key')}`, `--root-ca-file=${at('certs/apiserver.crt')}`],
    ...['--use-service-account-credentials=true', '--leader-elect=false', '--secure-port=0'],
  ])
  const account = '/api/v1/namespaces/default/serviceaccounts/default'
  await eventually('the controllers run', async () => (await api.call('GET', account)).status === 200, SLOW)
  const authority = '/api/v1/namespaces/default/configmaps/kube-root-ca.crt'
  const ca = await eventually(
    'the authority is published',
    async () => {
      const { body } = await api.call('GET', authority)
      return body.data?.['ca.crt'] as string | undefined
    },
    SLOW,
  )
  return { api, ca, kubeconfig: config }
}

const kubeconfigOf = (host: string, port: number): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `https://${host}:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: TOKEN } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
