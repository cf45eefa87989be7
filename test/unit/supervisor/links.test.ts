// The links to a server over real sockets, against a server that says what the test wants.
import net from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { REQUEST, RequestParser } from '../../../src/protocol/parser.ts'
import type { Input } from '../../../src/sentinel/effects.ts'
import { HELLO_CHANNEL, REDIS_HELLO_CHANNEL } from '../../../src/sentinel/hello.ts'
import { createLinks, type Links } from '../../../src/supervisor/links.ts'

let links: Links | undefined
let server: net.Server | undefined
const sockets = new Set<net.Socket>()

afterEach(() => {
  links?.stop()
  for (const socket of sockets) socket.destroy()
  server?.close()
})

/** Listens; `answer` gives the reply to each request. */
async function serve(answer: (words: string[]) => string): Promise<number> {
  server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const parser = new RequestParser({ bulkBytesMax: 1024, queryBytesMax: 65_536, authenticated: true })
    socket.on('data', (bytes: Buffer) => {
      parser.feed(bytes)
      while (parser.next() === REQUEST)
        socket.write(answer(Array.from({ length: parser.args.count }, (_, i) => parser.args.str(i))))
      parser.keep()
    })
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

const confirmed = [REDIS_HELLO_CHANNEL, HELLO_CHANNEL]
  .map((channel, i) => `*3\r\n$9\r\nsubscribe\r\n$${channel.length}\r\n${channel}\r\n:${i + 1}\r\n`)
  .join('')

it('subscribes again, on a new connection, after the server refused it', async () => {
  let tries = 0
  let heard: (input: Input) => void = () => {}
  const hello = new Promise<Input>((resolve) => {
    heard = resolve
  })
  const text = JSON.stringify({
    v: 1,
    runId: 'b'.repeat(40),
    peer: 'b',
    gossip: { host: '127.0.0.1', port: 2 },
    resp: { host: '127.0.0.1', port: 3 },
    view: [],
    watches: ['m'],
    epoch: 0,
  })
  const message = `*3\r\n$7\r\nmessage\r\n$${HELLO_CHANNEL.length}\r\n${HELLO_CHANNEL}\r\n$${text.length}\r\n${text}\r\n`
  const port = await serve(([name]) => {
    if (name !== 'SUBSCRIBE') return '+OK\r\n'
    tries += 1
    return tries === 1 ? '-NOAUTH Authentication required.\r\n' : confirmed + message
  })
  links = createLinks(
    {
      secure: () => undefined,
      feed: (input) => input.type === 'hello' && heard(input),
      onRedisHello: () => {},
      authOf: () => ({ username: '', passwords: [] }),
      nameOf: (_group, command) => command,
      clientName: 'test',
      onPing: () => {},
      onAuthError: () => {},
    },
    () => performance.now(),
  )
  links.connect({ group: 'm', host: '127.0.0.1', port })
  expect(await hello).toMatchObject({ hello: { peer: 'b' } })
  expect(tries).toBe(2)
})
