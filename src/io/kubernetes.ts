// The little of the Kubernetes API that Vedette uses, over node:https with the pod's service account: read an object, apply one.
// Bounded in time and size; the token is read anew for every request, because the kubelet rotates it.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'

/** Where the API is, and who asks. */
export interface KubernetesAccess {
  readonly host: string
  readonly port: number
  readonly namespace: string
  /** PEM of the authority that signed the server's certificate. */
  readonly ca: Buffer
  readonly token: () => string
}

/** What the API answered. */
export interface KubernetesReply {
  readonly status: number
  readonly body: unknown
}

export interface KubernetesApi {
  readonly namespace: string
  /** An object; rejects when the API cannot be reached. */
  get(path: string): Promise<KubernetesReply>
  /** Server-side apply, taking over the fields that others had set. */
  apply(path: string, manager: string, object: object): Promise<KubernetesReply>
  close(): void
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const TIMEOUT_MS = 2_000
const BODY_BYTES_MAX = 1 << 20

/** The access that a pod has; undefined outside of Kubernetes. `folder` has token, ca.crt and namespace. */
export function accessOfPod(
  env: Readonly<Record<string, string | undefined>>,
  folder = env.VEDETTE_KUBERNETES_ACCOUNT ?? ACCOUNT,
): KubernetesAccess | undefined {
  const host = env.KUBERNETES_SERVICE_HOST
  if (host === undefined || host === '') return undefined
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim()
  return {
    host,
    port: Number(env.KUBERNETES_SERVICE_PORT ?? 443),
    namespace: read('namespace'),
    ca: readFileSync(join(folder, 'ca.crt')),
    token: () => read('token'),
  }
}

/** A client of the API. */
export function connectKubernetes(access: KubernetesAccess): KubernetesApi {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca: access.ca })

  const call = (method: string, path: string, type: string, body: string): Promise<KubernetesReply> =>
    new Promise((resolve, reject) => {
      const { host, port } = access
      const headers = {
        authorization: `Bearer ${access.token()}`,
        accept: 'application/json',
        ...(body === '' ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
      }
      const sent = request({ host, port, method, path, headers, agent, timeout: TIMEOUT_MS }, (reply) => {
        const chunks: Buffer[] = []
        let bytes = 0
        reply.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > BODY_BYTES_MAX) sent.destroy(new Error(`the answer to ${method} ${path} is too long`))
          else chunks.push(chunk)
        })
        reply.on('error', reject)
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: parsed(Buffer.concat(chunks)) }))
      })
      sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path} within ${TIMEOUT_MS} ms`)))
      sent.on('error', reject)
      sent.end(body)
    })

  return {
    namespace: access.namespace,
    get: (path) => call('GET', path, '', ''),
    apply: (path, manager, object) =>
      // JSON is YAML, and apply takes nothing else by that name.
      call(
        'PATCH',
        `${path}?fieldManager=${manager}&force=true`,
        'application/apply-patch+yaml',
        JSON.stringify(object),
      ),
    close: () => agent.destroy(),
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
