// A small HTTP server for health checks, metrics and the like: exact paths, GET and HEAD, whole replies. Bounded in what a
// client can make it hold (headers, connections, time); request bodies are not read.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const HEADER_BYTES_MAX = 8 << 10
const CONNECTIONS_MAX = 256
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 5_000
const TEXT = 'text/plain; charset=utf-8'

export interface HttpRequest {
  /** Decoded path without the query. */
  readonly path: string
  readonly query: URLSearchParams
}

export interface HttpReply {
  /** Default 200. */
  readonly status?: number
  /** Content type, default text/plain in UTF-8. */
  readonly type?: string
  readonly body: string | Uint8Array
}

export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>

export interface HttpOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** Path → handler, as `/metrics`. */
  readonly routes: Readonly<Record<string, HttpHandler>>
  /** A handler threw; the client got 500 and no details. */
  readonly onError?: (error: unknown, path: string) => void
}

export interface HttpServer {
  readonly port: number
  /** Stops listening and closes the connections. */
  stop(): Promise<void>
}

/** Listens; rejects with an error that names the address when that is impossible. */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const routes = new Map(Object.entries(options.routes))
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    },
    (request, response) => {
      void answer(request, routes, options.onError).then((reply) => send(request, response, reply))
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) => {
      reject(new Error(`HTTP cannot listen on ${options.host}:${options.port}: ${message}`))
    })
    server.listen(options.port, options.host, resolve)
  })
  server.on('error', () => {}) // accept failures (EMFILE …): the listener goes on
  const { port } = server.address() as AddressInfo
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The same on the first of the ports that can be had. */
export async function startHttpOnFirst(
  ports: readonly number[],
  options: Omit<HttpOptions, 'port'>,
): Promise<HttpServer> {
  let failure: unknown
  for (const port of ports) {
    try {
      return await startHttp({ ...options, port })
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

interface Answer extends HttpReply {
  readonly headers?: Readonly<Record<string, string>>
}

async function answer(
  request: IncomingMessage,
  routes: ReadonlyMap<string, HttpHandler>,
  onError: HttpOptions['onError'],
): Promise<Answer> {
  const target = parse(request.url ?? '/')
  if (target === undefined) return { status: 400, body: 'bad request\n' }
  const handler = routes.get(target.path)
  if (handler === undefined) return { status: 404, body: 'not found\n' }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, body: 'method not allowed\n', headers: { allow: 'GET, HEAD' } }
  try {
    return await handler(target)
  } catch (error) {
    onError?.(error, target.path)
    return { status: 500, body: 'internal error\n' }
  }
}

function parse(url: string): HttpRequest | undefined {
  const mark = url.indexOf('?')
  try {
    const path = decodeURIComponent(mark < 0 ? url : url.slice(0, mark))
    return path.startsWith('/') ? { path, query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) } : undefined
  } catch {
    return undefined // malformed percent-encoding
  }
}

function send(request: IncomingMessage, response: ServerResponse, reply: Answer): void {
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
  // A request with a body is answered and its connection closed: reading it would be the only other way to find the next.
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  response.writeHead(reply.status ?? 200, {
    'content-type': reply.type ?? TEXT,
    'content-length': body.byteLength,
    'cache-control': 'no-store',
    ...(hasBody ? { connection: 'close' } : {}),
    ...reply.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
