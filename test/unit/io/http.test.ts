// The HTTP server against real requests: routing, methods, failures, and clients that misbehave.
import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { type HttpHandler, type HttpServer, startHttp } from '../../../src/io/http.ts'

const servers: HttpServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function serve(routes: Record<string, HttpHandler>, onError?: (error: unknown, path: string) => void) {
  const server = await startHttp({ host: '127.0.0.1', port: 0, routes, ...(onError === undefined ? {} : { onError }) })
  servers.push(server)
  return { port: server.port, url: `http://127.0.0.1:${server.port}` }
}

/** What comes back, as text, when raw bytes are sent. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let got = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text))
    socket.on('data', (bytes) => {
      got += bytes.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
  })

it('routes by exact path, with the query', async () => {
  const { url } = await serve({
    '/healthz': () => ({ body: 'ok\n' }),
    '/replica': async ({ query }) => ({
      status: 503,
      type: 'application/json',
      body: JSON.stringify(query.get('lag')),
    }),
  })
  const health = await fetch(`${url}/healthz`)
  expect([health.status, await health.text(), health.headers.get('content-type')]).toEqual([
    200,
    'ok\n',
    'text/plain; charset=utf-8',
  ])
  const replica = await fetch(`${url}/replica?lag=1%200&x`)
  expect([replica.status, await replica.json()]).toEqual([503, '1 0'])
  expect((await fetch(`${url}/healthz/`)).status).toBe(404)
  expect((await fetch(`${url}/toString`)).status).toBe(404)
})

it('answers HEAD without body, refuses other methods and their bodies', async () => {
  const { url } = await serve({ '/healthz': () => ({ body: 'ok\n' }) })
  const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
  expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '3'])
  const post = await fetch(`${url}/healthz`, { method: 'POST', body: 'x'.repeat(100_000) })
  expect([post.status, post.headers.get('allow'), post.headers.get('connection')]).toEqual([405, 'GET, HEAD', 'close'])
})

it('hides what went wrong in a handler from the client, and tells the owner', async () => {
  const errors: string[] = []
  const { url } = await serve(
    {
      '/sync': () => {
        throw new Error('secret 1')
      },
      '/async': () => Promise.reject(new Error('secret 2')),
    },
    (error, path) => void errors.push(`${path}: ${(error as Error).message}`),
  )
  for (const path of ['/sync', '/async']) {
    const reply = await fetch(url + path)
    expect([reply.status, await reply.text()]).toEqual([500, 'internal error\n'])
  }
  expect(errors).toEqual(['/sync: secret 1', '/async: secret 2'])
})

it('survives garbage, oversized headers and malformed paths', async () => {
  const { port, url } = await serve({ '/healthz': () => ({ body: 'ok\n' }) })
  expect(await raw(port, '\x00\xff\x00garbage\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  expect(await raw(port, `GET /healthz HTTP/1.1\r\nhost: x\r\na: ${'b'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 431/,
  )
  expect(await raw(port, 'GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  expect(await raw(port, 'GET http://x/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 400/,
  )
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

it('names the address when the port is taken', async () => {
  const { port } = await serve({})
  await expect(startHttp({ host: '127.0.0.1', port, routes: {} })).rejects.toThrow(`127.0.0.1:${port}`)
})

it('stops although a client keeps its connection', async () => {
  const server = await startHttp({ host: '127.0.0.1', port: 0, routes: { '/': () => ({ body: '' }) } })
  const idle = raw(server.port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await fetch(`http://127.0.0.1:${server.port}/`)
  await server.stop()
  expect(await idle).toMatch(/^HTTP\/1.1 200/)
})
