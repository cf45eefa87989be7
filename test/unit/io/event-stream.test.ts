// Streams of events against real requests: the greeting, what follows, the limit, and a reader that does not read.
import { connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createEventStream, type EventStream, READERS_MAX, type ServerEvent } from '../../../src/io/event-stream.ts'
import { type HttpServer, startHttp } from '../../../src/io/http.ts'
import { eventually } from '../../support/wait.ts'

let server: HttpServer | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server?.stop()
})

const greeting: ServerEvent = { name: 'hello', data: '"you"' }
const readers: boolean[] = []

async function serve(greet: () => readonly ServerEvent[] = () => [greeting]): Promise<EventStream> {
  readers.length = 0
  const stream = createEventStream({ greet, onReaders: (any) => readers.push(any) })
  server = await startHttp({ host: '127.0.0.1', port: 0, routes: {}, streams: { '/events': stream } })
  return stream
}

/** A reader, and what it has got. */
function read(method = 'GET'): { readonly socket: Socket; got(): string } {
  let got = ''
  const socket = connect({ port: server!.port, host: '127.0.0.1' }, () =>
    socket.write(`${method} /events HTTP/1.1\r\nhost: x\r\n\r\n`),
  )
  sockets.push(socket)
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    got += bytes.toString()
  })
  return { socket, got: () => got }
}

it('greets each reader with the whole picture, and sends what follows to all', async () => {
  const stream = await serve()
  const [a, b] = [read(), read()]
  await eventually('both are greeted', async () =>
    [a, b].every(({ got }) => got().includes('event: hello\ndata: "you"')),
  )
  expect(a.got()).toContain('content-type: text/event-stream')
  stream.send([{ name: 'news', data: '1' }])
  await eventually('both are told', async () => [a, b].every(({ got }) => got().includes('event: news\ndata: 1\n\n')))
  a.socket.destroy()
  b.socket.destroy()
  await eventually('they have left', async () => stream.readers === 0)
  expect(readers).toEqual([true, false])
})

it('refuses one reader too many, and anything but GET', async () => {
  const stream = await serve()
  for (let i = 0; i < READERS_MAX; i++) read()
  await eventually('all read', async () => stream.readers === READERS_MAX)
  const [late, posted] = [read(), read('POST')]
  await eventually('both are answered', async () => late.got() !== '' && posted.got() !== '')
  expect(late.got()).toContain('HTTP/1.1 503')
  expect(posted.got()).toContain('HTTP/1.1 404')
  expect(stream.readers).toBe(READERS_MAX)
})

it('drops a reader that does not keep up, whatever its greeting was, and no other', async () => {
  const stream = await serve(() => [{ name: 'hello', data: 'x'.repeat(8 << 20) }])
  const [slow, quick] = [read(), read()]
  slow.socket.pause()
  await eventually('both read', async () => stream.readers === 2 && quick.got().length > 8 << 20)
  for (let i = 0; i < 40 && stream.readers === 2; i++) {
    stream.send([{ name: 'news', data: 'y'.repeat(64 << 10) }])
    await new Promise((resolve) => setImmediate(resolve))
  }
  await eventually('the slow one is gone', async () => stream.readers === 1)
  stream.send([{ name: 'last', data: 'z' }])
  await eventually('the other one hears on', async () => quick.got().slice(-99).includes('event: last\ndata: z\n\n'))
})
