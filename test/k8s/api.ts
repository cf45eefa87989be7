// The Kubernetes API as the kubelet and the tests use it, with an administrator's token.
import { Agent, request } from 'node:https'

// biome-ignore lint/suspicious/noExplicitAny: the shape of an object is Kubernetes's, and what is asked of it stands at each place
export type Anything = any

export interface Reply {
  readonly status: number
  readonly body: Anything
}

export interface Api {
  readonly host: string
  readonly port: number
  readonly token: string
  call(method: string, path: string, body?: object, type?: string): Promise<Reply>
  /** Calls back with each change under that path, and begins anew when the stream ends. Gives back what ends it. */
  watch(path: string, changed: (object: Anything, kind: string) => void): () => void
}

export const STRATEGIC = 'application/strategic-merge-patch+json'
const AGAIN_MS = 200

export function connectApi(host: string, port: number, token: string): Api {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  const headers = { authorization: `Bearer ${token}` }

  const call = (method: string, path: string, body?: object, type = 'application/json'): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body)
      // Node gives a DELETE no length of its own, and its body would be read as the next request.
      const typed = {
        ...headers,
        ...(text !== '' && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
      }
      const sent = request({ host, port, method, path, agent, headers: typed, timeout: 5_000 }, (answer) => {
        let answered = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          answered += part
        })
        answer.on('end', () => {
          const isJson = answer.headers['content-type']?.includes('json') === true
          resolve({ status: answer.statusCode ?? 0, body: isJson ? JSON.parse(answered) : answered })
        })
        answer.on('error', reject)
      })
      sent.on('error', reject)
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)))
      sent.end(text)
    })

  const watch = (path: string, changed: (object: Anything, kind: string) => void): (() => void) => {
    let stopped = false
    let current: ReturnType<typeof request> | undefined
    const begin = (): void => {
      if (stopped) return
      let rest = ''
      const again = (): void => void setTimeout(begin, AGAIN_MS)
      current = request({ host, port, path: `${path}?watch=1`, rejectUnauthorized: false, headers }, (answer) => {
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          const lines = (rest + part).split('\n')
          rest = lines.pop()!
          for (const line of lines) {
            const { type, object } = JSON.parse(line) as { type: string; object: Anything }
            changed(object, type)
          }
        })
        answer.on('close', again)
      })
      current.on('error', again)
      current.end()
    }
    begin()
    return () => {
      stopped = true
      current?.destroy()
    }
  }
  return { host, port, token, call, watch }
}
