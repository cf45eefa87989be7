// A small HTTP server for health checks, metrics and the like: exact paths, whole replies to GET and HEAD, streams of events, and
// POST where somebody takes it. Bounded in what a client can make it hold (headers, connections, time, the body of a POST);
// other bodies are not read.
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { EventStream } from './event-stream.ts'
import type { HttpGuard } from './http-guard.ts'
import { HANDSHAKE_MS, type Tls } from './tls/tls.ts'

const HEADER_BYTES_MAX = 8 << 10
const CONNECTIONS_MAX = 256
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 5_000
const BODY_BYTES_MAX = 4 << 10
const TEXT = 'text/plain; charset=utf-8'

export interface HttpRequest {
  /** Decoded path without the query. */
  readonly path: string
  readonly query: URLSearchParams
}

export interface PostRequest extends HttpRequest {
  /** A header by its name in lower case. */
  header(name: string): string | undefined
  readonly body: string
}

export interface HttpReply {
  /** Default 200. */
  readonly status?: number
  /** Content type, default text/plain in UTF-8. */
  readonly type?: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>

export type PostHandler = (request: PostRequest) => HttpReply | Promise<HttpReply>

export interface HttpOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** Path → handler, as `/metrics`. */
  readonly routes: Readonly<Record<string, HttpHandler>>
  /** Paths that take a POST. */
  readonly posts?: Readonly<Record<string, PostHandler>>
  /** Paths that are streams of events. */
  readonly streams?: Readonly<Record<string, EventStream>>
  /** Asked before anything is read, but for the `open` paths; a POST is its handler's to guard. */
  readonly guard?: HttpGuard | undefined
  readonly open?: readonly string[]
  /** HTTPS, with these credentials. */
  readonly tls?: Tls | undefined
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
  const routes: Routes = {
    gets: new Map(Object.entries(options.routes)),
    posts: new Map(Object.entries(options.posts ?? {})),
    streams: new Map(Object.entries(options.streams ?? {})),
  }
  const { guard, open = [] } = options
  const refusal = ({ method, url = '/', headers, socket }: IncomingMessage): HttpReply | undefined => {
    if (guard === undefined || method === 'POST' || open.includes(parse(url)?.path ?? '')) return undefined
    return REFUSALS[guard(headers.authorization, socket.remoteAddress ?? '')]
  }
  const server = createListener(options.tls, (request, response) => {
    const refused = refusal(request)
    if (refused !== undefined) return send(request, response, refused)
    if (opensStream(request, response, routes)) return
    void answer(request, routes, options.onError).then((reply) => send(request, response, reply))
  })
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

const LIMITS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 1_000,
  noDelay: true,
}

/** What the guard's verdicts are answered with. */
const REFUSALS: Readonly<Record<ReturnType<HttpGuard>, HttpReply | undefined>> = {
  right: undefined,
  wrong: {
    status: 401,
    body: 'a password is needed\n',
    headers: { 'www-authenticate': 'Basic realm="vedette", charset="UTF-8"' },
  },
  'too many': { status: 429, body: 'too many wrong passwords: try again in a minute\n' },
}

/** Of HTTPS with the credentials that are in force, also when these change. Nobody is asked for a certificate. */
function createListener(tls: Tls | undefined, onRequest: RequestListener): Server {
  if (tls === undefined) return createServer(LIMITS, onRequest)
  const credentials = () => ({ ...tls.accepting(), requestCert: false })
  const server = createSecureServer({ ...LIMITS, ...credentials(), handshakeTimeout: HANDSHAKE_MS }, onRequest)
  tls.onChange(() => server.setSecureContext(credentials()))
  return server
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

interface Routes {
  readonly gets: ReadonlyMap<string, HttpHandler>
  readonly posts: ReadonlyMap<string, PostHandler>
  readonly streams: ReadonlyMap<string, EventStream>
}

/** True when the request became a reader of a stream: that has its response from now on. */
function opensStream(request: IncomingMessage, response: ServerResponse, { streams }: Routes): boolean {
  const stream = streams.get(parse(request.url ?? '/')?.path ?? '')
  return stream !== undefined && request.method === 'GET' && stream.open(response)
}

async function answer(request: IncomingMessage, routes: Routes, onError: HttpOptions['onError']): Promise<HttpReply> {
  const target = parse(request.url ?? '/')
  if (target === undefined) return { status: 400, body: 'bad request\n' }
  const { path } = target
  if (routes.streams.has(path) && request.method === 'GET') return { status: 503, body: 'too many readers\n' }
  const get = routes.gets.get(path)
  const post = routes.posts.get(path)
  const allow = [...(get === undefined ? [] : ['GET, HEAD']), ...(post === undefined ? [] : ['POST'])].join(', ')
  if (allow === '') return { status: 404, body: 'not found\n' }
  try {
    if (get !== undefined && (request.method === 'GET' || request.method === 'HEAD')) return await get(target)
    if (post !== undefined && request.method === 'POST') return await answerPost(request, target, post)
    return { status: 405, body: 'method not allowed\n', headers: { allow } }
  } catch (error) {
    onError?.(error, path)
    return { status: 500, body: 'internal error\n' }
  }
}

async function answerPost(request: IncomingMessage, target: HttpRequest, handler: PostHandler): Promise<HttpReply> {
  const body = await bodyOf(request)
  if (body === undefined) return { status: 413, body: 'too long\n' }
  const header = (name: string): string | undefined => request.headers[name]?.toString()
  return handler({ ...target, header, body })
}

/** The body as text; undefined when it is too long or does not come to its end. */
function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let length = 0
    request.on('data', (piece: Buffer) => {
      length += piece.length
      if (length <= BODY_BYTES_MAX) pieces.push(piece)
      else resolve(undefined)
    })
    request.on('end', () => resolve(Buffer.concat(pieces).toString('utf8')))
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
  })
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

function send(request: IncomingMessage, response: ServerResponse, reply: HttpReply): void {
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
