// The RESP client against small scripted servers on loopback: order, pushes, AUTH, bounds, and the reason of every end.
import { createServer, type Server, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type CloseReason,
  ConnectionClosedError,
  connectResp,
  encodeCommand,
  type RespClient,
  type RespClientOptions,
  TooManyOutstandingError,
} from '../../../src/io/resp-client.ts'
import { createReplyParser, type Reply, ReplyError } from '../../../src/protocol/reply-parser.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A server that answers each command (an array of strings) with what `handler` writes. */
async function serve(handler: (args: string[], socket: Socket) => void, onSocket?: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const parser = createReplyParser()
    socket.on('data', (bytes) => {
      for (const { value } of parser.feed(bytes)) handler(value as string[], socket)
    })
    onSocket?.(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, server, sockets }
}

function client(
  port: number,
  options: Partial<RespClientOptions> = {},
): { it: RespClient; closed: Promise<CloseReason> } {
  let onClose!: (reason: CloseReason) => void
  const closed = new Promise<CloseReason>((resolve) => {
    onClose = resolve
  })
  const it = connectResp({ host: '127.0.0.1', port, onClose, ...options })
  cleanups.push(() => it.close())
  return { it, closed }
}

async function freePort(): Promise<number> {
  const { port, server } = await serve(() => {})
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('commands', () => {
  it('answers pipelined commands in order, binary safe, errors as values', async () => {
    const { port } = await serve((args, socket) => {
      socket.write(args[0] === 'FAIL' ? '-ERR no\r\n' : `$${Buffer.byteLength(args[1]!)}\r\n${args[1]}\r\n`)
    })
    const { it: link } = client(port)
    const replies = await Promise.all([
      link.command(['ECHO', 'a\r\nb']),
      link.command(['FAIL']),
      link.command(['ECHO', new Uint8Array([0x7a])]),
      link.command(['ECHO', 'é']),
    ])
    expect(replies).toEqual(['a\r\nb', new ReplyError('ERR no'), 'z', 'é'])
    expect(link.outstanding).toBe(0)
    expect(link.connected).toBe(true)
    expect(link.localAddress).toBe('127.0.0.1')
  })

  it('sends AUTH, then HELLO, and tells a refused password without closing', async () => {
    const seen: string[][] = []
    const { port } = await serve((args, socket) => {
      seen.push(args)
      socket.write(args[0] === 'AUTH' ? '-WRONGPASS invalid\r\n' : '+OK\r\n')
    })
    const errors: ReplyError[] = []
    const options = { username: 'u', password: 'p', resp: 3 as const, onAuthError: (e: ReplyError) => errors.push(e) }
    const { it: link } = client(port, options)
    expect(await link.command(['PING'])).toBe('OK')
    expect(seen).toEqual([['AUTH', 'u', 'p'], ['HELLO', '3'], ['PING']])
    expect(errors.map(({ code }) => code)).toEqual(['WRONGPASS'])
  })

  it('sends all passwords that may be right, and complains only if none is', async () => {
    const { port } = await serve((args, socket) => {
      socket.write(args[0] === 'AUTH' && args[1] !== 'old' ? '-WRONGPASS invalid\r\n' : '+OK\r\n')
    })
    const errors: ReplyError[] = []
    const onAuthError = (error: ReplyError): void => void errors.push(error)
    expect(await client(port, { password: ['new', 'old'], onAuthError }).it.command(['PING'])).toBe('OK')
    expect(errors).toEqual([])
    expect(await client(port, { password: ['new', 'newer'], onAuthError }).it.command(['PING'])).toBe('OK')
    expect(errors.map(({ code }) => code)).toEqual(['WRONGPASS'])
  })

  it('refuses more commands than may wait', async () => {
    const { port } = await serve(() => {})
    const { it: link } = client(port, { outstandingMax: 2 })
    void link.command(['A'])
    void link.command(['B'])
    await expect(link.command(['C'])).rejects.toBeInstanceOf(TooManyOutstandingError)
    expect(link.outstanding).toBe(2)
    expect(link.waitingSinceMs).toBeGreaterThan(0)
  })

  it('keeps the order of thousands of commands', async () => {
    const { port } = await serve((args, socket) => void socket.write(`:${args[1]}\r\n`))
    const { it: link } = client(port, { outstandingMax: 5_000 })
    const replies = await Promise.all(Array.from({ length: 5_000 }, (_, i) => link.command(['N', String(i)])))
    expect(replies).toEqual(Array.from({ length: 5_000 }, (_, i) => i))
  })

  it('encodes lengths in bytes', () => {
    expect(encodeCommand(['SET', 'é', new Uint8Array([0, 255])])).toEqual(
      Buffer.concat([Buffer.from('*3\r\n$3\r\nSET\r\n$2\r\né\r\n$2\r\n'), Buffer.from([0, 255, 13, 10])]),
    )
  })
})

describe('pub/sub', () => {
  it.each(['RESP2', 'RESP3'])('parts messages from replies (%s)', async (protocol) => {
    const mark = protocol === 'RESP2' ? '*' : '>'
    const { port } = await serve((args, socket) => {
      if (args[0] === 'PING')
        return void socket.write(protocol === 'RESP2' ? '*2\r\n$4\r\npong\r\n$0\r\n\r\n' : '+PONG\r\n')
      args.slice(1).forEach((channel, i) => {
        socket.write(`${mark}3\r\n$9\r\nsubscribe\r\n$1\r\n${channel}\r\n:${i + 1}\r\n`)
        socket.write(`${mark}3\r\n$7\r\nmessage\r\n$1\r\n${channel}\r\n$2\r\nhi\r\n`)
      })
    })
    const pushes: Reply[][] = []
    const { it: link } = client(port, { onPush: (items) => pushes.push(items) })
    const [subscribed, pong] = await Promise.all([link.command(['SUBSCRIBE', 'a', 'b']), link.command(['PING'])])
    expect(subscribed).toEqual(['subscribe', 'b', 2])
    expect(pong).toEqual(protocol === 'RESP2' ? ['pong', ''] : 'PONG')
    expect(pushes).toEqual([
      ['subscribe', 'a', 1],
      ['message', 'a', 'hi'],
      ['subscribe', 'b', 2],
      ['message', 'b', 'hi'],
    ])
  })

  it('answers a refused subscription with the error', async () => {
    const { port } = await serve((_, socket) => void socket.write('-NOAUTH no\r\n'))
    const { it: link } = client(port)
    expect(await link.command(['SUBSCRIBE', 'a'])).toEqual(new ReplyError('NOAUTH no'))
  })
})

describe('the end of a connection', () => {
  it('is refused where nobody listens', async () => {
    const { it: link, closed } = client(await freePort())
    const command = link.command(['PING'])
    expect(await closed).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED', connected: false })
    await expect(command).rejects.toBeInstanceOf(ConnectionClosedError)
    await expect(link.command(['PING'])).rejects.toMatchObject({ reason: { kind: 'refused' } })
  })

  it('is ended when the server closes in order, and rejects what waits', async () => {
    const { port } = await serve((_, socket) => void socket.end())
    const { it: link, closed } = client(port)
    await expect(link.command(['PING'])).rejects.toMatchObject({ reason: { kind: 'ended', connected: true } })
    expect((await closed).kind).toBe('ended')
  })

  it('is reset when the server breaks it off', async () => {
    const { port } = await serve((_, socket) => void socket.resetAndDestroy())
    const { it: link, closed } = client(port)
    void link.command(['PING'])
    expect(await closed).toMatchObject({ kind: 'reset', code: 'ECONNRESET', connected: true })
  })

  it('is a time-out when no reply comes', async () => {
    const { port } = await serve(() => {})
    const { it: link, closed } = client(port, { replyTimeoutMs: 30 })
    void link.command(['PING'])
    expect(await closed).toMatchObject({ kind: 'timeout', connected: true })
  })

  it('is a time-out when no connection comes about', async () => {
    // A listener that never accepts, its backlog full: the kernel then leaves further SYNs unanswered.
    const code = `const { parentPort } = require('node:worker_threads')
      const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        parentPort.postMessage(server.address().port)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      })`
    const worker = new Worker(code, { eval: true })
    cleanups.push(() => void worker.terminate())
    const port = await new Promise<number>((resolve) => worker.once('message', resolve))
    for (let i = 0; i < 3; i++) client(port)
    const { closed } = client(port, { connectTimeoutMs: 100 })
    expect(await closed).toMatchObject({ kind: 'timeout', connected: false })
  })

  it('is protocol when the server does not speak RESP or speaks unasked', async () => {
    const garbage = await serve(
      () => {},
      (socket) => void socket.write('HTTP/1.1 400\r\n\r\n'),
    )
    expect(await client(garbage.port).closed).toMatchObject({ kind: 'protocol' })
    const full = await serve(
      () => {},
      (socket) => void socket.write('-ERR max number of clients reached\r\n'),
    )
    expect(await client(full.port).closed).toMatchObject({
      kind: 'protocol',
      message: 'ERR max number of clients reached',
    })
  })

  it('is closed by us, once', async () => {
    const { port } = await serve(() => {})
    let times = 0
    const { it: link } = client(port, { onClose: () => times++ })
    const command = link.command(['PING'])
    link.close()
    link.close()
    expect(times).toBe(0)
    await expect(command).rejects.toMatchObject({ reason: { kind: 'closed' } })
    expect(times).toBe(1)
    expect(link.closed?.kind).toBe('closed')
  })

  it('is failed at a port that is none', async () => {
    expect(await client(70_000).closed).toMatchObject({ kind: 'failed', connected: false })
  })
})
