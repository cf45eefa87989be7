// Commands that wait for keys, with several connections, against redis-server and ours: the same bytes come back on each connection,
// in both protocols. In a script `a: …` is a command of connection a that is answered, `a> …` one that makes it wait, `a! gone` its end,
// and `.` takes time, for time-outs. Before each step all that came before is done.
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callOnce, encodeRequest, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'

const SCRIPTS: Readonly<Record<string, string>> = {
  'the one who waits longest is served first': `
    a> BLPOP l 0
    b> BRPOP l 0
    c> BLPOP l 0
    d: RPUSH l 1 2
    d: LLEN l
    d: LPUSH l x y
    d: LRANGE l 0 -1`,
  'a push is complete before anybody is served': `
    a> BLPOP l 0
    d: LPUSH l a b c
    d: LRANGE l 0 -1`,
  'several keys': `
    a> BLPOP x y z 0
    b> BLPOP z y 0
    d: RPUSH y 1
    d: RPUSH x 1
    d: RPUSH z 1
    d: EXISTS x y z`,
  'what a transaction makes ready is served after it': `
    a> BLPOP l 0
    b> BRPOP m 0
    d: MULTI
    d: RPUSH m 1
    d: RPUSH l 1 2
    d: DEL m
    d: LPUSH l 0
    d: RPUSH m 7
    d: EXEC
    d: LRANGE l 0 -1`,
  'a key that is gone again by the end of a transaction serves nobody': `
    a> BLPOP l 0
    d: MULTI
    d: RPUSH l 1
    d: DEL l
    d: EXEC
    d: RPUSH l 2`,
  'nobody waits in a transaction': `
    a: MULTI
    a: BLPOP l 0
    a: BLMOVE l m LEFT LEFT 0
    a: BRPOPLPUSH l m 0
    a: BLMPOP 0 1 l LEFT
    a: BZPOPMIN l 0
    a: BZMPOP 0 1 l MIN
    a: XREAD BLOCK 0 STREAMS l $
    a: XGROUP CREATE s g $ MKSTREAM
    a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    a: EXEC`,
  'keys that come about in other ways': `
    a> BLPOP l 0
    d: RPUSH other 1
    d: RENAME other l
    b> BLPOP l 0
    d: RPUSH other 2
    d: COPY other l
    d: DUMP other
    a> BLPOP m 0
    d: RESTORE m 0 "\\x12\\x01\\x02\\x09\\x09\\x00\\x00\\x00\\x01\\x00\\x32\\x01\\xff\\x0a\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
    d: RPUSH m 1
    b> BLPOP n 0
    e: SELECT 1
    e: RPUSH n 1
    e: MOVE n 0
    a> BLPOP n 0
    e: RPUSH n 5
    e: SWAPDB 0 1
    e: EXISTS n`,
  'another type': `
    a> BLPOP k 0
    b> BZPOPMIN k 0
    d: SET k x
    d: DEL k
    d: ZADD k 1 m
    d: RPUSH k 1
    d: EXISTS k`,
  moves: `
    a> BLMOVE s t LEFT RIGHT 0
    b> BRPOPLPUSH t u 0
    c> BLPOP u 0
    d: RPUSH s 1
    d: EXISTS s t u
    a> BLMOVE s t RIGHT LEFT 0
    d: SET t string
    d: RPUSH s 1 2
    d: LRANGE s 0 -1
    a> BLMOVE r r LEFT RIGHT 0
    d: RPUSH r 1 2 3
    d: LRANGE r 0 -1`,
  'circles end': `
    a> BRPOPLPUSH l m 0
    b> BRPOPLPUSH m l 0
    d: RPUSH l 1
    d: LRANGE l 0 -1
    d: LRANGE m 0 -1`,
  'several elements': `
    a> BLMPOP 0 2 l m LEFT COUNT 10
    b> BLMPOP 0 2 l m RIGHT
    d: RPUSH m 1 2 3
    d: RPUSH l 1 2 3
    d: LRANGE l 0 -1
    a: BLMPOP 0 1 l LEFT COUNT 2
    a: EXISTS l`,
  'sorted sets': `
    a> BZPOPMIN z y 0
    b> BZPOPMAX z 0
    c> BZMPOP 0 2 y z MAX COUNT 2
    d: ZADD z 0 f 1 a 2 b 3 c 4.5 d 5 e
    d: ZRANGE z 0 -1 WITHSCORES
    a: BZPOPMIN none z 0
    a: BZMPOP 0 1 z MIN
    a> BZPOPMIN u 0
    d: ZADD v 1 a
    d: ZUNIONSTORE u 1 v
    d: EXISTS u`,
  'news of a stream go to all who wait for them': `
    d: XADD s 1-1 f v
    a> XREAD BLOCK 0 STREAMS s $
    b> XREAD COUNT 1 BLOCK 0 STREAMS t s 0 1-1
    c> XREAD BLOCK 0 STREAMS s 5
    d: XADD s 2-1 f v
    d: MULTI
    d: XADD s 6-1 f v
    d: XADD s 7-1 f v
    d: EXEC
    a: XREAD BLOCK 0 STREAMS s 6
    a> XREAD BLOCK 0 STREAMS s s 7-1 7-1
    d: XADD s 8-1 f v`,
  'what is no news of a stream': `
    a> XREAD BLOCK 0 STREAMS s $
    d: MULTI
    d: XADD s 1-1 f v
    d: DEL s
    d: RPUSH s x
    d: EXEC
    d: DEL s
    d: XGROUP CREATE s g $ MKSTREAM
    d: FLUSHALL
    d: XADD other 1-1 f v
    d: RENAME other s`,
  'a group delivers to those who wait in order': `
    d: XGROUP CREATE s g $ MKSTREAM
    a> XREADGROUP GROUP g alice COUNT 1 BLOCK 0 STREAMS s >
    b> XREADGROUP GROUP g bob BLOCK 0 NOACK STREAMS s >
    c> XREAD BLOCK 0 STREAMS s $
    d: XADD s 1-1 f v
    d: XADD s 2-1 f v
    d: XPENDING s g
    d: XINFO GROUPS s
    a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s 0
    a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s 5
    a> XREADGROUP GROUP g alice COUNT 1 BLOCK 0 STREAMS s >
    d: MULTI
    d: XADD s 3-1 f v
    d: XADD s 4-1 f v
    d: EXEC
    d: XPENDING s g - + 10 nobody`,
  'those who wait for a group that goes hear of it': `
    d: XGROUP CREATE s g $ MKSTREAM
    d: XGROUP CREATE t g $ MKSTREAM
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s t > >
    b> XREAD BLOCK 0 STREAMS s $
    d: XGROUP DESTROY s g
    d: XGROUP CREATE s g $
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: DEL s
    d: XGROUP CREATE s g $ MKSTREAM
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: SET s x
    d: DEL s
    d: XGROUP CREATE s g $ MKSTREAM
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: MULTI
    d: DEL s
    d: SADD s x
    d: EXEC
    d: DEL s
    d: XGROUP CREATE s g $ MKSTREAM
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: MULTI
    d: DEL s
    d: XADD s 1-1 f v
    d: EXEC
    d: XGROUP CREATE s g $
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: FLUSHDB
    d: XGROUP CREATE s g $ MKSTREAM
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: SWAPDB 0 1
    d: XGROUP CREATE s g $ MKSTREAM
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: RENAME s moved
    d: XGROUP CREATE s g $ MKSTREAM
    d: XADD other 1-1 f v
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: RENAME other s
    d: XGROUP CREATE s g 0
    d: COPY s new
    d: XREADGROUP GROUP g alice STREAMS s >
    a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
    d: RENAME new s`,
  'time-outs of streams': `
    a> XREAD BLOCK 1200 STREAMS s $
    d: XGROUP CREATE s g $ MKSTREAM
    b> XREADGROUP GROUP g alice BLOCK 1200 STREAMS s >
    .
    d: XINFO CONSUMERS s g
    d: XADD s 1-1 f v
    a: XREAD BLOCK -1 STREAMS s $
    a: XREAD BLOCK x STREAMS s $
    a: XREAD BLOCK 1.5 STREAMS s $
    a: XREAD BLOCK
    a: XREAD BLOCK 1 STREAMS s 1-1
    a: XREAD BLOCK 0 STREAMS s 0
    a: SET k x
    a: XREAD BLOCK 0 STREAMS s k $ $
    a: XREADGROUP GROUP g alice BLOCK 0 STREAMS none >
    a: XREADGROUP GROUP none alice BLOCK 0 STREAMS s >`,
  'time-outs': `
    a> BLPOP l 1.2
    b> BLMOVE l m LEFT LEFT 1.2
    c> BZPOPMIN z 1.2
    e> BLMPOP 1.2 1 l LEFT
    .
    d: RPUSH l 1
    d: LLEN l
    a: BLPOP l 0.001
    a: BLPOP l -1
    a: BLPOP l x
    a: BLPOP l inf
    a: BLPOP l 1e300
    a: BLPOP l nan
    a: BLMPOP x 1 l LEFT
    a: BLMPOP 0 0 l LEFT
    a: BLMPOP 0 1 l UP
    a: BZMPOP 0 1 l MIN COUNT 0
    a: BLMOVE l m LEFT UP 0
    a: BLMOVE l m LEFT LEFT x`,
  'what follows a command that waits': `
    a> BLPOP l 0
    d: RPUSH l 1
    a: PING
    a> BLPOP l 1.2
    .
    a: PING`,
  'who is gone is not served': `
    a> BLPOP l 0
    b> BLPOP l 0
    c> BLPOP l 0
    a! gone
    b! gone
    d: RPUSH l 1 2
    d: LLEN l`,
}

/** A connection that keeps all that it receives. */
class Line {
  readonly socket: Socket
  received = ''
  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1')
    })
  }
}

function words(line: string): string[] {
  return line.split(' ').map((word) => {
    if (!word.startsWith('"')) return word
    return word.slice(1, -1).replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  })
}

async function blockedClients(port: number): Promise<number> {
  return Number((await info(port, 'clients')).blocked_clients)
}

/** Plays a script; what each connection received, step by step. */
async function play(script: string, port: number, protocol: number): Promise<string[]> {
  const lines = new Map<string, Line>()
  const transcript: string[] = []
  const line = async (name: string): Promise<Line> => {
    const known = lines.get(name)
    if (known !== undefined) return known
    const made = new Line(port)
    lines.set(name, made)
    made.socket.write(encodeRequest(['HELLO', String(protocol)]))
    await eventually('an answer to HELLO', () => /modules\r\n\*0\r\n$/.test(made.received))
    made.received = ''
    return made
  }
  try {
    for (const step of script.trim().split('\n')) {
      const [, name, kind, command] = /^\s*(\w+)([:>!]) (.*)$/.exec(step) ?? []
      if (name === undefined) await sleep(1800)
      else {
        const from = await line(name)
        const before = from.received.length
        const blocked = await blockedClients(port)
        if (kind === '!') {
          from.socket.destroy()
          await eventually(`${step} is noticed`, async () => (await blockedClients(port)) === blocked - 1)
          continue
        }
        from.socket.write(encodeRequest(words(command!).map((word) => Buffer.from(word, 'latin1'))))
        if (kind === ':') await eventually(`an answer to ${step}`, () => from.received.length > before)
        else await eventually(`${step} waits`, async () => (await blockedClients(port)) === blocked + 1)
      }
      // Who is served by this step has its reply by then.
      await sleep(15)
      transcript.push(step.trim())
      for (const [each, { received }] of lines)
        if (received !== '') transcript.push(`  ${each} ${JSON.stringify(received)}`)
      for (const each of lines.values()) each.received = ''
    }
  } finally {
    for (const { socket } of lines.values()) socket.destroy()
  }
  return transcript
}

describe('commands that wait for keys', () => {
  let scope: Scope
  let redis: Running
  let ours: Running
  beforeEach(async () => {
    scope = createScope()
    const args = ['--enable-debug-command', 'local']
    redis = await startServer(scope, { make: 'redis', args })
    ours = await startServer(scope, { make: 'vedette', args })
  })
  afterEach(() => scope.close())

  it.each([2, 3])('are answered as by redis-server, in RESP%i', async (protocol) => {
    for (const [name, script] of Object.entries(SCRIPTS)) {
      const played = await Promise.all([redis, ours].map(({ port }) => play(script, port, protocol)))
      expect({ name, transcript: played[1] }).toEqual({ name, transcript: played[0] })
      for (const { port } of [redis, ours]) await callOnce(port, 'FLUSHALL')
    }
  })

  it('end by CLIENT UNBLOCK, and when the server becomes a replica', async () => {
    const ends: string[][] = []
    for (const { port } of [redis, ours]) {
      const received: string[] = []
      for (const reason of [[], ['TIMEOUT'], ['ERROR'], ['role']]) {
        const waiting = new Line(port)
        waiting.socket.write(encodeRequest(['CLIENT', 'ID']))
        await eventually('an ID', () => /^:\d+\r\n$/.test(waiting.received))
        const id = waiting.received.trim().slice(1)
        waiting.received = ''
        waiting.socket.write(encodeRequest(['BLPOP', 'l', '0']))
        await eventually('it waits', async () => (await blockedClients(port)) === 1)
        if (reason[0] === 'role') await callOnce(port, 'REPLICAOF', '127.0.0.1', '1')
        else expect(await callOnce(port, 'CLIENT', 'UNBLOCK', id, ...reason)).toBe(1)
        await eventually('an answer', () => waiting.received !== '')
        received.push(waiting.received)
        if (reason[0] === 'role')
          await eventually('the end of the connection', () => waiting.socket.closed || waiting.socket.readableEnded)
        waiting.socket.destroy()
      }
      await eventually('nobody waits', async () => (await blockedClients(port)) === 0)
      ends.push(received)
    }
    expect(ends[1]).toEqual(ends[0])
  })
})
