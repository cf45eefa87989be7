// The replica's side of PSYNC2 as conversations: what the primary says, and what must come of it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createReplicaLink, type LinkAction, type LinkOptions, type Position } from '../../../src/replication/link.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const MARK = '0123456789abcdeffedcba98765432100a1b2c3d'

const options = (more: Partial<LinkOptions> = {}): LinkOptions => ({
  host: '127.0.0.1',
  port: 7000,
  listeningPort: 7001,
  announceIp: '',
  username: '',
  passwords: [],
  timeoutMs: 60_000,
  position: () => undefined,
  failover: () => false,
  ...more,
})

/** An action in short: sends as words, data as text. */
function brief(action: LinkAction): string {
  switch (action.kind) {
    case 'send': {
      const text = action.bytes.toString('latin1')
      return text === '\n'
        ? 'send newline'
        : `send ${text
            .split('\r\n')
            .filter((_, i) => i % 2 === 0 && i > 0)
            .join(' ')
            .trim()}`
    }
    case 'begin-load':
      return `begin-load ${action.position.id[0]}:${action.position.offset} ${action.rdbBytes}`
    case 'load':
    case 'stream':
      return `${action.kind} ${action.bytes.toString('latin1')}`
    case 'continue':
      return `continue ${action.id?.[0] ?? ''}`
    case 'log':
      return `log ${action.text}`
    default:
      return action.kind
  }
}
const briefs = (actions: readonly LinkAction[]): string[] => actions.map(brief)
const noLogs = (actions: readonly LinkAction[]): string[] => briefs(actions).filter((line) => !line.startsWith('log'))
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A link whose PSYNC was sent. */
function atPsync(position?: Position, heartbeat = '-ERR unknown') {
  const link = createReplicaLink(options({ position: () => position }))
  link.start(0)
  link.connected(1)
  link.received(bytes(`+PONG\r\n+OK\r\n+OK\r\n${heartbeat}\r\n`), 2)
  expect(link.state()).toBe('handshake')
  return link
}

describe('the handshake', () => {
  it('goes PING, AUTH, REPLCONF, PSYNC', () => {
    const link = createReplicaLink(options({ announceIp: '10.0.0.9', username: 'repl', passwords: ['secret'] }))
    expect(link.state()).toBe('connect')
    expect(briefs(link.start(0))).toEqual([
      'log Connecting to MASTER 127.0.0.1:7000',
      'open',
      'log MASTER <-> REPLICA sync started',
    ])
    expect(link.state()).toBe('connecting')
    expect(briefs(link.connected(1))).toEqual(['log Non blocking connect for SYNC fired the event.', 'send PING'])
    expect(briefs(link.received(bytes('-NOAUTH Authentication required.\r\n'), 2))).toEqual([
      'log Master replied to PING, replication can continue...',
      'send AUTH repl secret',
      'send REPLCONF listening-port 7001',
      'send REPLCONF ip-address 10.0.0.9',
      'send REPLCONF capa eof capa psync2',
      'send REPLCONF vedette-heartbeat 1000',
    ])
    expect(briefs(link.received(bytes('+OK\r\n+OK\r\n-ERR unknown\r\n+OK\r\n+OK'), 3))).toEqual([
      'log (Non critical) Master does not understand REPLCONF ip-address: -ERR unknown',
    ])
    expect(briefs(link.received(bytes('\r\n'), 3))).toEqual([
      'log Partial resynchronization not possible (no cached master)',
      'send PSYNC ? -1',
    ])
  })

  it('asks to go on where the data stand', () => {
    const link = createReplicaLink(options({ position: () => ({ id: A, offset: 41 }) }))
    link.start(0)
    link.connected(1)
    link.received(bytes('+PONG\r\n'), 2)
    expect(briefs(link.received(bytes('+OK\r\n+OK\r\n+OK\r\n'), 2))).toEqual([
      `log Trying a partial resynchronization (request ${A}:42).`,
      `send PSYNC ${A} 42`,
    ])
  })

  it.each([
    ['to PING', '-ERR max number of clients reached\r\n', 'Error reply to PING from master: '],
    ['to AUTH', '+PONG\r\n-WRONGPASS invalid\r\n', 'Unable to AUTH to MASTER: -WRONGPASS invalid'],
    ['with a line without end', 'x'.repeat(2000), 'Bad protocol from MASTER: a line is too long'],
  ])('gives up on a bad answer %s, and tries again later', (_, answer, log) => {
    const link = createReplicaLink(options({ passwords: ['secret'] }))
    link.start(0)
    link.connected(1)
    const lines = briefs(link.received(bytes(answer), 2))
    expect(lines.join('\n')).toContain(`log ${log}`)
    expect(lines.at(-1)).toBe('close')
    expect(link.state()).toBe('connect')
    expect(link.tick(0, 3)).toEqual([])
    expect(noLogs(link.tick(0, 200))).toEqual(['open'])
  })

  it.each([
    ['the first', '+OK\r\n-WRONGPASS invalid\r\n'],
    ['the second', '-WRONGPASS invalid\r\n+OK\r\n'],
  ])('goes on when %s of two passwords is right', (_, answers) => {
    const link = createReplicaLink(options({ passwords: ['new', 'old'] }))
    link.start(0)
    link.connected(1)
    const sent = noLogs(link.received(bytes('+PONG\r\n'), 2))
    expect(sent.slice(0, 2)).toEqual(['send AUTH new', 'send AUTH old'])
    const after = noLogs(link.received(bytes(`${answers}+OK\r\n+OK\r\n+OK\r\n`), 3))
    expect(after).toEqual(['send PSYNC ? -1'])
  })

  it('gives up when both of two passwords are wrong', () => {
    const link = createReplicaLink(options({ passwords: ['new', 'old'] }))
    link.start(0)
    link.connected(1)
    const after = briefs(link.received(bytes('+PONG\r\n-WRONGPASS a\r\n-WRONGPASS b\r\n'), 2))
    expect(after.at(-1)).toBe('close')
  })

  it('waits longer after every failure in a row, up to a second', () => {
    const link = createReplicaLink(options())
    let nowMs = 0
    link.start(0)
    const pauses: number[] = []
    for (let i = 0; i < 8; i++) {
      link.closed('connect ECONNREFUSED', nowMs)
      const failedMs = nowMs
      while (!noLogs(link.tick(0, nowMs)).includes('open')) nowMs++
      pauses.push(nowMs - failedMs)
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1000, 1000, 1000])
  })

  it('names a refused connection', () => {
    const link = createReplicaLink(options())
    link.start(0)
    expect(briefs(link.closed('Connection refused', 1))).toEqual([
      'log Error condition on socket for SYNC: Connection refused',
      'close',
    ])
  })
})

describe('a full sync', () => {
  it('loads an RDB of known length, acknowledges it at once, and goes on with the stream', () => {
    const link = atPsync()
    expect(link.received(bytes('\n\n'), 3)).toEqual([])
    expect(briefs(link.received(bytes(`+FULLRESYNC ${A} 100\r\n`), 4))).toEqual([
      `log Full resync from master: ${A}:100`,
    ])
    expect(link.state()).toBe('sync')
    expect(noLogs(link.received(bytes('\n\n$10\r\n01234'), 5))).toEqual(['begin-load a:100 10', 'load 01234'])
    expect(link.transfer()).toEqual({ totalBytes: 10, readBytes: 5 })
    expect(noLogs(link.received(bytes('56789*1\r\n'), 6))).toEqual([
      'load 56789',
      'end-load',
      // A primary holds the stream of a diskless sync back until then: a second of writes that only it has.
      'send REPLCONF ACK 100',
      'stream *1\r\n',
    ])
    expect(link.state()).toBe('connected')
    expect(briefs(link.applied(100))).toEqual([])
    expect(briefs(link.applied(104))).toEqual(['send REPLCONF ACK 104'])
  })

  it('finds the mark of a diskless one wherever it is cut', () => {
    const rdb = 'REDIS0010 0123456789 and more 0123'
    const whole = `+FULLRESYNC ${A} 7\r\n\n$EOF:${MARK}\r\n${rdb}${MARK}STREAM`
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 10 }), (cuts) => {
        const link = atPsync()
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length]
        const actions = at.slice(1).flatMap((end, i) => link.received(bytes(whole.slice(at[i], end)), 5))
        const text = (kind: 'load' | 'stream'): string =>
          actions.map((a) => (a.kind === kind ? a.bytes.toString('latin1') : '')).join('')
        expect(text('load')).toBe(rdb)
        expect(text('stream')).toBe('STREAM')
        const kinds = actions.map((a) => a.kind)
        expect(kinds.indexOf('begin-load')).toBeLessThan(kinds.indexOf('load'))
        expect(kinds.lastIndexOf('load')).toBeLessThan(kinds.indexOf('end-load'))
      }),
    )
  })

  it('says that it lives while it loads', () => {
    const link = atPsync()
    link.received(bytes(`+FULLRESYNC ${A} 7\r\n$100\r\nabc`), 5)
    expect(briefs(link.tick(0, 2000))).toEqual(['send newline'])
    expect(briefs(link.tick(0, 2500))).toEqual([])
    expect(briefs(link.tick(0, 3000))).toEqual(['send newline'])
  })

  it.each([
    ["-NOMASTERLINK Can't SYNC while not connected with my master\r\n", 'Master is currently unable to PSYNC'],
    ['-LOADING Redis is loading the dataset in memory\r\n', 'Master is currently unable to PSYNC'],
    ['-ERR unknown command\r\n', 'Master does not support PSYNC or is in error state (reply: -ERR unknown command)'],
    ['+FULLRESYNC abc 5\r\n', 'Master replied with wrong +FULLRESYNC syntax.'],
    ['+CONTINUE\r\n', 'Unexpected reply to PSYNC from master: +CONTINUE'],
    [`+FULLRESYNC ${A} 7\r\n-ERR no fork\r\n`, 'MASTER aborted replication with an error: ERR no fork'],
    [`+FULLRESYNC ${A} 7\r\nHTTP/1.1 400\r\n`, "Bad protocol from MASTER, the first byte is not '$'"],
    [`+FULLRESYNC ${A} 7\r\n$-1\r\n`, "Bad protocol from MASTER, the first byte is not '$'"],
  ])('gives up on %j', (answer, log) => {
    const link = atPsync()
    const lines = briefs(link.received(bytes(answer), 3))
    expect(lines.join('\n')).toContain(log)
    expect(lines.at(-1)).toBe('close')
    expect(link.state()).toBe('connect')
  })
})

describe('a partial sync', () => {
  it('goes on at once', () => {
    const link = atPsync({ id: A, offset: 41 })
    expect(briefs(link.received(bytes('+CONTINUE\r\n*1\r\n$4\r\nPING\r\n'), 3))).toEqual([
      'log Successful partial resynchronization with master.',
      'log MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.',
      'continue ',
      'stream *1\r\n$4\r\nPING\r\n',
    ])
    expect(link.state()).toBe('connected')
  })

  it('takes over the ID of a promoted primary', () => {
    const link = atPsync({ id: A, offset: 41 })
    const lines = briefs(link.received(bytes(`+CONTINUE ${B}\r\n`), 3))
    expect(lines).toContain(`log Master replication ID changed to ${B}`)
    expect(lines).toContain('continue b')
  })
})

describe('a connected link', () => {
  const connected = () => {
    const link = atPsync({ id: A, offset: 41 })
    link.received(bytes('+CONTINUE\r\n'), 1000)
    return link
  }

  it('acknowledges what is applied once, again every second, and on demand', () => {
    const link = connected()
    expect(briefs(link.applied(50))).toEqual(['send REPLCONF ACK 50'])
    expect(link.applied(50)).toEqual([])
    expect(link.tick(50, 1500)).toEqual([])
    expect(briefs(link.tick(50, 2100))).toEqual(['send REPLCONF ACK 50'])
    expect(briefs(link.acknowledge(50))).toEqual(['send REPLCONF ACK 50'])
  })

  it('hands on the stream as it comes', () => {
    expect(briefs(connected().received(bytes('*1\r\n$4\r'), 2000))).toEqual(['stream *1\r\n$4\r'])
  })

  it('gives up when nothing comes for repl-timeout', () => {
    const link = connected()
    expect(noLogs(link.tick(41, 61_000))).toEqual(['send REPLCONF ACK 41'])
    expect(briefs(link.tick(41, 61_001))).toEqual([
      'log MASTER timeout: no data nor PING received...',
      'close',
      'log Caching the disconnected master state.',
    ])
    expect(link.downSinceMs()).toBe(61_001)
  })

  it('connects again after a loss, and forgets half a line', () => {
    const link = connected()
    expect(link.downSinceMs()).toBe(-1)
    expect(briefs(link.closed('', 5000))[0]).toBe('log Connection with master lost.')
    expect(link.received(bytes('late'), 5001)).toEqual([])
    expect(noLogs(link.tick(41, 5050))).toEqual(['open'])
    expect(noLogs(link.connected(5051))).toEqual(['send PING'])
    expect(noLogs(link.received(bytes('+PONG\r\n'), 5052)).length).toBe(3)
  })

  it('is given up after five heartbeats of silence, if they were promised, in which we ran ourselves', () => {
    for (const [heartbeat, whenMs] of [
      ['+OK', 6100],
      ['-ERR unknown', 61_100],
    ] as const) {
      const link = atPsync({ id: A, offset: 41 }, heartbeat)
      link.received(bytes('+CONTINUE\r\n'), 1000)
      let nowMs = 1000
      for (; link.state() === 'connected'; link.tick(41, nowMs)) nowMs += 100
      expect(nowMs).toBe(whenMs)
    }
    const frozen = atPsync({ id: A, offset: 41 }, '+OK')
    frozen.received(bytes('+CONTINUE\r\n'), 1000)
    frozen.tick(41, 1100)
    frozen.tick(41, 9100) // we stood still: what came meanwhile was not read yet
    expect(frozen.state()).toBe('connected')
    frozen.received(bytes('*1\r\n'), 9101)
    for (let nowMs = 9200; nowMs < 14_000; nowMs += 100) frozen.tick(41, nowMs)
    expect(frozen.state()).toBe('connected')
  })

  it('that cannot be made is tried again after five seconds, not after repl-timeout', () => {
    const link = createReplicaLink(options())
    link.start(0)
    expect(link.tick(0, 5000)).toEqual([])
    expect(briefs(link.tick(0, 5001))).toEqual(['log Timeout connecting to the MASTER...', 'close'])
  })

  it('waits longer each time that what came could not be used, until it can be used for a minute', () => {
    const link = createReplicaLink(options({ position: () => undefined }))
    let nowMs = 0
    link.start(0)
    const attempt = (): number => {
      link.connected(nowMs)
      link.received(bytes('+PONG\r\n+OK\r\n+OK\r\n+OK\r\n'), nowMs)
      link.received(bytes(`+FULLRESYNC ${A} 1\r\n$1\r\nx*1\r\n`), nowMs)
      link.failed('an unknown command', nowMs)
      const failedMs = nowMs
      while (!noLogs(link.tick(0, nowMs)).includes('open')) nowMs += 10
      return nowMs - failedMs
    }
    const pauses = Array.from({ length: 12 }, attempt)
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
    link.connected(nowMs)
    link.received(bytes(`+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+FULLRESYNC ${A} 1\r\n$1\r\nx`), nowMs)
    for (let i = 0; i < 61; i++) {
      nowMs += 1000
      link.received(bytes('*1\r\n'), nowMs)
      link.tick(0, nowMs)
    }
    link.failed('an unknown command', nowMs)
    const failedMs = nowMs
    while (!noLogs(link.tick(0, nowMs)).includes('open')) nowMs += 10
    expect(nowMs - failedMs).toBe(50)
  })

  it('starts anew when its owner cannot go on', () => {
    const link = connected()
    expect(briefs(link.failed('Protocol error from master', 9000)).slice(0, 2)).toEqual([
      'log Protocol error from master',
      'close',
    ])
    expect(link.failed('again', 9000)).toEqual([])
  })

  it('survives whatever a primary says, at any cut', () => {
    const said = fc.oneof(
      fc.constantFrom(
        '+PONG\r\n',
        '+OK\r\n',
        '\n',
        `+FULLRESYNC ${A} 1\r\n`,
        '$5\r\n',
        `$EOF:${MARK}\r\n`,
        MARK,
        '+CONTINUE\r\n',
      ),
      fc.uint8Array({ maxLength: 50 }).map((b) => Buffer.from(b).toString('latin1')),
    )
    fc.assert(
      fc.property(fc.array(said, { maxLength: 20 }), (lines) => {
        const link = createReplicaLink(options())
        link.start(0)
        link.connected(0)
        for (const line of lines) {
          for (const action of link.received(bytes(line), 1)) brief(action)
          link.tick(0, 1)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('PSYNC with FAILOVER', () => {
  const position = { id: A, offset: 41 }
  const handshake = '+PONG\r\n+OK\r\n+OK\r\n-ERR unknown\r\n'
  function asked() {
    let wanted = true
    const link = createReplicaLink(options({ position: () => position, failover: () => wanted }))
    const handshakeAt = (nowMs: number): string[] => {
      link.connected(nowMs)
      return noLogs(link.received(bytes(handshake), nowMs))
    }
    link.start(0)
    expect(handshakeAt(1).at(-1)).toBe(`send PSYNC ${A} 42 FAILOVER`)
    const stop = (): void => {
      wanted = false
    }
    return { link, handshakeAt, stop }
  }
  const answers = (actions: readonly LinkAction[]): boolean[] =>
    actions.flatMap((action) => (action.kind === 'failover-answered' ? [action.accepted] : []))

  it.each([
    [`+CONTINUE ${B}`, [true]],
    [`+FULLRESYNC ${B} 7`, [true]],
    ['-NOMASTERLINK no', [false]],
    ['-LOADING yes', [false]],
    ["-NOPERM this user has no permissions to run the 'psync' command", [false]],
    ["-ERR PSYNC FAILOVER can't be sent to a master.", [false]],
    ['', []],
  ])('tells what became of it: %s', (line, told) => {
    expect(answers(asked().link.received(bytes(`${line}\r\n`), 2))).toEqual(told)
  })

  it('takes who is primary already for accepted, if an answer was lost: it is primary because of us', () => {
    const { link, handshakeAt, stop } = asked()
    expect(answers(link.closed('end', 2))).toEqual([])
    link.tick(41, 1000)
    expect(handshakeAt(1001).at(-1)).toBe(`send PSYNC ${A} 42 FAILOVER`)
    expect(answers(link.received(bytes("-ERR PSYNC FAILOVER can't be sent to a master.\r\n"), 1002))).toEqual([true])
    stop()
    link.tick(41, 3000)
    expect(handshakeAt(3001).at(-1)).toBe(`send PSYNC ${A} 42`)
  })
})
