// CLIENT on a sentinel: the answers of redis-sentinel 7.0.15, byte for byte, as client libraries send them on connecting.
import { describe, expect, it } from 'vitest'
import { createTestFront } from '../../support/sentinel-front.ts'
import { connectWire, type TestWire } from '../../support/wire.ts'

const info = (...flags: string[]): string =>
  `%3\r\n$5\r\nflags\r\n~${flags.length}\r\n${flags.map((flag) => `$${flag.length}\r\n${flag}\r\n`).join('')}` +
  '$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n'

function ask(wire: TestWire, line: string): string {
  wire.send(line)
  return wire.output()
}

describe('CLIENT TRACKING on a sentinel', () => {
  it('is OK: it has no keys of which anybody would have to be told', () => {
    const wire = connectWire(createTestFront().clients)
    expect(ask(wire, 'HELLO 3')).toMatch(/\$4\r\nmode\r\n\$8\r\nsentinel\r\n\$7\r\nmodules\r\n\*0\r\n$/)
    for (const [line, reply] of [
      ['CLIENT TRACKING ON OPTIN', '+OK\r\n'],
      ['CLIENT TRACKINGINFO', `${info('on', 'optin')}*0\r\n`],
      ['CLIENT CACHING YES', '+OK\r\n'],
      ['CLIENT CACHING MAYBE', '-ERR syntax error\r\n'],
      ['CLIENT CACHING NO', '-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.\r\n'],
      ['CLIENT GETREDIR', ':0\r\n'],
      [
        'CLIENT TRACKING ON OPTOUT',
        "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.\r\n",
      ],
      ['CLIENT TRACKING OFF', '+OK\r\n'],
      ['CLIENT GETREDIR', ':-1\r\n'],
      [
        'CLIENT CACHING YES',
        '-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled\r\n',
      ],
      ['CLIENT TRACKING ON REDIRECT 99999', '-ERR The client ID you want redirect to does not exist\r\n'],
      [
        'CLIENT TRACKING ON BCAST PREFIX a PREFIX ab',
        "-ERR Prefix 'a' overlaps with another provided prefix 'ab'. Prefixes for a single client must not overlap.\r\n",
      ],
      ['CLIENT TRACKING ON PREFIX a', '-ERR PREFIX option requires BCAST mode to be enabled\r\n'],
      ['CLIENT TRACKING ON BCAST OPTIN', '-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n'],
      ['CLIENT TRACKING ON OPTIN OPTOUT', "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n"],
      ['CLIENT TRACKING ON BCAST PREFIX a PREFIX b', '+OK\r\n'],
      ['CLIENT TRACKINGINFO', `${info('on', 'bcast')}*2\r\n$1\r\na\r\n$1\r\nb\r\n`],
      ['CLIENT TRACKING ON FOO', '-ERR syntax error\r\n'],
      ['CLIENT TRACKING MAYBE', '-ERR syntax error\r\n'],
    ] as const)
      expect(ask(wire, line), line).toBe(reply)
  })

  it('remembers caching until a command that is not CLIENT', () => {
    const wire = connectWire(createTestFront().clients)
    ask(wire, 'HELLO 3')
    ask(wire, 'CLIENT TRACKING ON OPTIN')
    ask(wire, 'CLIENT CACHING YES')
    expect(ask(wire, 'CLIENT TRACKINGINFO')).toBe(`${info('on', 'optin', 'caching-yes')}*0\r\n`)
    ask(wire, 'PING')
    expect(ask(wire, 'CLIENT TRACKINGINFO')).toBe(`${info('on', 'optin')}*0\r\n`)
  })
})

describe('CLIENT of a sentinel', () => {
  it('pauses, and goes on at UNPAUSE', async () => {
    const { clients } = createTestFront()
    const [wire, other] = [connectWire(clients), connectWire(clients)]
    expect(ask(wire, 'CLIENT UNPAUSE')).toBe('+OK\r\n')
    expect(ask(wire, 'CLIENT PAUSE 100000 WRITE')).toBe('+OK\r\n')
    expect(ask(other, 'PING')).toBe('+PONG\r\n')
    expect(ask(wire, 'CLIENT UNPAUSE\r\nCLIENT PAUSE 60')).toBe('+OK\r\n+OK\r\n')
    expect(ask(other, 'PING')).toBe('')
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(other.output()).toBe('+PONG\r\n')
  })

  it('unblocks nobody', () => {
    const wire = connectWire(createTestFront().clients)
    expect(ask(wire, 'CLIENT UNBLOCK 7\r\nCLIENT UNBLOCK x')).toBe(
      ':0\r\n-ERR value is not an integer or out of range\r\n',
    )
  })

  it('is described with every field of redis-sentinel', () => {
    const wire = connectWire(createTestFront().clients)
    expect(
      ask(wire, 'CLIENT LIST')
        .replace(/^\$\d+\r\n/, '')
        .replace(/=\S*/g, ''),
    ).toBe(
      'id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp\n\r\n',
    )
  })
})
