// The sentinel's port over real sockets: texts and shapes of replies, order, authentication, subscriptions, bad input.
import net from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConfigStore } from '../../../src/config/store.ts'
import { TLS_OPTIONS } from '../../../src/config/tls-options.ts'
import { createTls } from '../../../src/io/tls/tls.ts'
import type { OperatorRequest, OperatorResult } from '../../../src/sentinel/peer-message.ts'
import { openPort, type RespPort } from '../../../src/supervisor/port.ts'
import type { Sentinel } from '../../../src/supervisor/sentinel.ts'
import { portHost, RUN_ID, sentinelStub, usersOf } from '../../support/sentinel-front.ts'

let port: RespPort
let answerAtOnce = false
let sentinel: Sentinel
let answers: { request: OperatorRequest; answer: (result: OperatorResult) => void }[]
const sockets: net.Socket[] = []

const open = (requirepass: string): Promise<RespPort> =>
  openPort({
    bind: ['127.0.0.1'],
    port: 0,
    unixsocket: '',
    unixsocketperm: 0,
    tlsPort: 0,
    tls: createTls(createConfigStore(TLS_OPTIONS).values, portHost(sentinel).log),
    maxClients: 5,
    protectedMode: () => false,
    users: usersOf(requirepass),
    onError: (message) => {
      throw new Error(message)
    },
    host: portHost(sentinel),
  })

beforeEach(async () => {
  answerAtOnce = false
  answers = []
  sentinel = sentinelStub((request, answer) =>
    answerAtOnce ? answer({ ok: true, text: 'OK' }) : void answers.push({ request, answer }),
  )
  port = await open('')
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  port.close()
})

async function connect(): Promise<{ socket: net.Socket; until(text: string): Promise<string>; closed: Promise<void> }> {
  const socket = net.connect(port.port, '127.0.0.1')
  sockets.push(socket)
  let received = ''
  let wake = (): void => {}
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1')
    wake()
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    socket,
    closed,
    async until(text) {
      while (!received.includes(text)) await new Promise<void>((resolve) => (wake = resolve))
      const end = received.indexOf(text) + text.length
      const taken = received.slice(0, end)
      received = received.slice(end)
      return taken
    },
  }
}

/** Sends inline commands, one a line, and reads until the mark that PING echoes at the end. */
async function ask(...lines: string[]): Promise<string> {
  const { socket, until } = await connect()
  socket.write([...lines, 'PING end-mark'].map((line) => `${line}\r\n`).join(''))
  const text = await until('$8\r\nend-mark\r\n')
  socket.destroy()
  return text.slice(0, -'$8\r\nend-mark\r\n'.length)
}

describe('replies', () => {
  it.each([
    ['SENTINEL GET-MASTER-ADDR-BY-NAME mymaster', '*2\r\n$9\r\n127.0.0.1\r\n$1\r\n1\r\n'],
    ['SENTINEL GET-MASTER-ADDR-BY-NAME nope', '*-1\r\n'],
    ['SENTINEL MASTER nope', '-ERR No such master with that name\r\n'],
    ['SENTINEL nope', "-ERR unknown subcommand 'nope'. Try SENTINEL HELP.\r\n"],
    ['SENTINEL', "-ERR wrong number of arguments for 'sentinel' command\r\n"],
    ['SENTINEL MASTER', "-ERR wrong number of arguments for 'sentinel|master' command\r\n"],
    ['GET a', "-ERR unknown command 'GET', with args beginning with: 'a' \r\n"],
    ['PUBLISH foo bar', '-ERR Only HELLO messages are accepted by Sentinel instances.\r\n'],
    ['SENTINEL MYID', `$40\r\n${RUN_ID}\r\n`],
    ['SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *', '*3\r\n:0\r\n$1\r\n*\r\n:0\r\n'],
    ['SENTINEL SET mymaster quorum 0', "-ERR Invalid argument '0' for SENTINEL SET 'quorum'\r\n"],
    ['SENTINEL SET mymaster foo 0', "-ERR Unknown option or number of arguments for SENTINEL SET 'foo'\r\n"],
    ['SENTINEL MONITOR x 127.0.0.1 6379 0', '-ERR Quorum must be 1 or greater.\r\n'],
    ['SENTINEL MONITOR x 127.0.0.1 99999 1', '-ERR Invalid port number.\r\n'],
    ['SENTINEL MONITOR x no.such.host 6379 1', '-ERR Invalid IP address or hostname specified\r\n'],
    ['SENTINEL RESET nothing*', ':0\r\n'],
    [
      'SENTINEL SET mymaster parallel-syncs 2 notification-script /no/such/file',
      '-ERR Notification script seems non existing or non executable\r\n',
    ],
    [
      `SENTINEL SET mymaster client-reconfig-script ${import.meta.filename}`,
      '-ERR Client reconfiguration script seems non existing or non executable\r\n',
    ],
    ['ROLE', '*2\r\n$8\r\nsentinel\r\n*1\r\n$8\r\nmymaster\r\n'],
    ['CLIENT GETNAME', '$-1\r\n'],
    ['CLIENT KILL USER nobody', "-ERR No such user 'nobody'\r\n"],
    ['CLIENT KILL TYPE foo', "-ERR Unknown client type 'foo'\r\n"],
    ['CLIENT KILL TYPE replica', ':0\r\n'],
    ['CLIENT KILL ID abc', '-ERR client-id should be greater than 0\r\n'],
    ['CLIENT KILL ID 0', '-ERR client-id should be greater than 0\r\n'],
    ['CLIENT KILL ID 99999', ':0\r\n'],
    ['CLIENT KILL SKIPME maybe', '-ERR syntax error\r\n'],
    ['CLIENT KILL TYPE pubsub SKIPME', '-ERR syntax error\r\n'],
    ['CLIENT KILL foo bar', '-ERR syntax error\r\n'],
    ['CLIENT KILL 127.0.0.1:1', '-ERR No such client\r\n'],
    ['COMMAND COUNT', ':17\r\n'],
  ])('%s', async (line, reply) => {
    expect(await ask(line)).toBe(reply)
  })

  it('of SENTINEL MASTERS have the fields of Redis 7.0.15 in its order', async () => {
    const words = (await ask('SENTINEL MASTERS')).split('\r\n').filter((line) => !/^[*$]/.test(line))
    const names = words.filter((_, i) => i % 2 === 0 && words[i] !== '')
    expect(names).toEqual(
      'name ip port runid flags link-pending-commands link-refcount last-ping-sent last-ok-ping-reply last-ping-reply down-after-milliseconds info-refresh role-reported role-reported-time config-epoch num-slaves num-other-sentinels quorum failover-timeout parallel-syncs'.split(
        ' ',
      ),
    )
  })

  it('say NOQUORUM, and why, while there is no group', async () => {
    expect(await ask('SENTINEL CKQUORUM mymaster')).toMatch(/^-NOQUORUM 1 usable Sentinels\. .*have not formed a group/)
  })

  it('are the same when a request comes byte by byte', async () => {
    const { socket, until } = await connect()
    socket.setNoDelay(true)
    for (const byte of '*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n') {
      socket.write(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await until('hi\r\n')).toBe('$2\r\nhi\r\n')
  })

  it('come in order when one of them has to wait for a decision', async () => {
    const { socket, until } = await connect()
    socket.write('PING one\r\nSENTINEL FAILOVER mymaster\r\nPING two\r\n')
    await until('one\r\n')
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(answers[0]!.request).toEqual({ kind: 'failover', group: 'mymaster' })
    answers[0]!.answer({ ok: false, text: 'NOGOODSLAVE No suitable replica to promote' })
    expect(await until('two\r\n')).toBe('-NOGOODSLAVE No suitable replica to promote\r\n$3\r\ntwo\r\n')
  })

  it('take a script that can be run, or none', async () => {
    answerAtOnce = true
    expect(
      await ask(
        `SENTINEL SET mymaster notification-script ${process.execPath}`,
        'SENTINEL SET mymaster notification-script ""',
      ),
    ).toBe('+OK\r\n+OK\r\n')
  })

  it('do not come to a client that left while its request was decided', async () => {
    const { socket, closed } = await connect()
    socket.write('SENTINEL FAILOVER mymaster\r\n')
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
    await closed
    while (port.clients.size > 0) await new Promise((resolve) => setImmediate(resolve))
    answers[0]!.answer({ ok: true, text: 'OK' })
    expect(await ask()).toBe('')
  })
})

describe('CLIENT REPLY', () => {
  it('SKIP also holds for an answer that comes later', async () => {
    const { socket, until } = await connect()
    socket.write('PING one\r\nCLIENT REPLY SKIP\r\nSENTINEL FAILOVER mymaster\r\nPING two\r\n')
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve))
    answers[0]!.answer({ ok: true, text: 'OK' })
    expect(await until('two\r\n')).toBe('$3\r\none\r\n$3\r\ntwo\r\n')
  })

  it('SKIP also holds for an answer that comes at once', async () => {
    answerAtOnce = true
    const { socket, until } = await connect()
    socket.write('PING one\r\nCLIENT REPLY SKIP\r\nSENTINEL FAILOVER mymaster\r\nPING two\r\n')
    expect(await until('two\r\n')).toBe('$3\r\none\r\n$3\r\ntwo\r\n')
  })
})

describe('CLIENT KILL', () => {
  it('by user and type spares the caller and who is of another type', async () => {
    const [subscriber, other] = [await connect(), await connect()]
    subscriber.socket.write('SUBSCRIBE a\r\n')
    other.socket.write('PING\r\n')
    await subscriber.until(':1\r\n')
    await other.until('PONG\r\n')
    expect(await ask('CLIENT KILL USER nobody TYPE pubsub', 'CLIENT KILL USER default TYPE pubsub')).toBe(
      "-ERR No such user 'nobody'\r\n:1\r\n",
    )
    await subscriber.closed
    other.socket.write('PING still\r\n')
    await other.until('still\r\n')
  })
})

describe('a closed connection', () => {
  const stubborn = async (): Promise<net.Socket> => {
    const socket = net.connect({ port: port.port, host: '127.0.0.1', allowHalfOpen: true })
    sockets.push(socket)
    socket.on('error', () => {})
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    return socket
  }

  it('is gone although the peer keeps its side open and goes on sending', async () => {
    const socket = await stubborn()
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.write('QUIT\r\n')
    while (port.clients.size === 0) await new Promise((resolve) => setImmediate(resolve))
    const timer = setInterval(() => socket.write('x'.repeat(1000)), 10)
    while (port.clients.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await closed
    clearInterval(timer)
  })

  it('that was refused is gone too, and more of them at once', async () => {
    for (let i = 0; i < 5; i++) {
      const { socket, until } = await connect()
      socket.write('PING\r\n')
      await until('+PONG\r\n')
    }
    const refused = await Promise.all(Array.from({ length: 80 }, stubborn))
    const ends = refused.map((socket) => {
      // Towards a peer that closes nothing only a write finds out that the other side is gone.
      const timer = setInterval(() => socket.write('x'), 10)
      return new Promise<void>((resolve) =>
        socket.once('close', () => {
          clearInterval(timer)
          resolve()
        }),
      )
    })
    await Promise.all(ends)
  })
})

describe('authentication', () => {
  it('is asked for, and needs the right password', async () => {
    port.close()
    port = await open('secret')
    expect(await ask('ROLE', 'AUTH wrong', 'AUTH nobody secret', 'AUTH secret', 'SENTINEL MYID')).toBe(
      '-NOAUTH Authentication required.\r\n' +
        '-WRONGPASS invalid username-password pair or user is disabled.\r\n'.repeat(2) +
        `+OK\r\n$40\r\n${RUN_ID}\r\n`,
    )
  })

  it('may come with HELLO', async () => {
    port.close()
    port = await open('secret')
    expect(await ask('HELLO 3', 'HELLO 3 AUTH default secret')).toMatch(
      /^-NOAUTH HELLO must be called .*\r\n%6\r\n\$6\r\nserver\r\n/s,
    )
  })
})

describe('subscriptions', () => {
  it('deliver events by name and by pattern, and restrict what a RESP2 client may do', async () => {
    const { socket, until } = await connect()
    socket.write('SUBSCRIBE +switch-master\r\nPSUBSCRIBE +s*\r\nROLE\r\nPING\r\n')
    const text = await until('$4\r\npong\r\n$0\r\n\r\n')
    expect(text).toContain('*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n')
    expect(text).toContain("-ERR Can't execute 'role'")
    expect(port.publish('+switch-master', 'm 1 2 3 4')).toBe(2)
    expect(await until('*4\r\n$8\r\npmessage\r\n$3\r\n+s*\r\n$14\r\n+switch-master\r\n$9\r\nm 1 2 3 4\r\n')).toContain(
      '*3\r\n$7\r\nmessage\r\n',
    )
    expect(port.publish('-odown', 'x')).toBe(0)
  })

  it('of a RESP3 client are pushes', async () => {
    const { socket, until } = await connect()
    socket.write('HELLO 3\r\nSUBSCRIBE a\r\nPING still\r\n')
    expect(await until('still\r\n')).toContain('>3\r\n$9\r\nsubscribe\r\n')
    port.publish('a', 'b')
    expect(await until('$1\r\nb\r\n')).toBe('>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n')
  })

  it('of one client are bounded', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => `c${i}`).join(' ')
    expect(await ask(`SUBSCRIBE ${many}`)).toContain('-ERR too many subscriptions')
  })
})

describe('bad input', () => {
  it('gets an error that names it, and the connection closes', async () => {
    const { socket, until, closed } = await connect()
    socket.write('*1\r\n$99999999999\r\n')
    expect(await until('\r\n')).toMatch(/^-ERR Protocol error: invalid bulk length/)
    await closed
  })

  it('of any kind leaves the port alive', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string().map((text) => Buffer.from(`${text}\r\n`)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (pieces) => {
        const { socket } = await connect()
        for (const piece of pieces) socket.write(piece)
        socket.end()
        socket.destroy()
      }),
      { numRuns: 150 },
    )
    while (port.clients.size > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await ask('CLIENT GETNAME')).toBe('$-1\r\n')
  })

  it('of too many clients is refused', async () => {
    for (let i = 0; i < 5; i++) {
      const { socket, until } = await connect()
      socket.write('PING\r\n')
      await until('+PONG\r\n')
    }
    const { until, closed } = await connect()
    expect(await until('\r\n')).toBe('-ERR max number of clients reached\r\n')
    await closed
  })
})
