// What people see: status and table as text, changes as lines, and the terminal left as it was.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseQuorumStatus, type QuorumStatus } from '../../../src/cli/quorum-status.ts'
import { isHealthy, statusLines } from '../../../src/cli/status-view.ts'
import { coloured, columns, count, cut, plain, span, visibleLength } from '../../../src/cli/table.ts'
import { serverViewOf } from '../../../src/cli/up/observe.ts'
import { lineScreen, terminalScreen } from '../../../src/cli/up/screen.ts'
import { changes, lagBytes, type Moment, momentLines, primaryPort } from '../../../src/cli/up/view.ts'

const ESC = String.fromCharCode(27)
const SEQUENCES = new RegExp(`${ESC}\\[[?0-9]*[A-Za-z]|\\r|\\n|[^${ESC}\\r\\n]+`, 'g')

const json = {
  self: '127.0.0.1:26379',
  group: { id: 'g', members: [] },
  raft: { term: 7, role: 'leader' },
  sentinels: [
    { address: '127.0.0.1:26380', health: 'up', leader: false },
    { address: '127.0.0.1:26379', health: 'up', leader: true },
    { address: '127.0.0.1:26381', health: 'down', leader: false },
  ],
  masters: [
    {
      name: 'mymaster',
      quorum: 2,
      writeMode: 'lease',
      lease: 'held',
      epoch: 3,
      status: 'ok',
      primary: '127.0.0.1:6380',
      failover: null,
      servers: [
        {
          address: '127.0.0.1:6379',
          role: 'replica',
          health: 'up',
          link: 'down',
          offset: 1000,
          lagBytes: 234,
          priority: 100,
        },
        {
          address: '127.0.0.1:6380',
          role: 'primary',
          health: 'up',
          link: null,
          offset: 1234,
          lagBytes: 0,
          priority: 100,
        },
      ],
      lastFailover: {
        epoch: 3,
        reason: 'it was dead',
        from: 'a:1',
        to: 'b:2',
        planned: false,
        durationMs: 42,
        atMs: 1000,
        outcome: 'done',
      },
    },
  ],
}
const status = parseQuorumStatus(JSON.stringify(json))!

describe('the status', () => {
  it('is shown with the primary first and the age of the last failover', () => {
    expect(statusLines(status, plain, 13_000)).toEqual([
      'mymaster  ok  primary 127.0.0.1:6380  epoch 3  quorum 2  write-mode lease, lease held',
      '  SERVER          ROLE     HEALTH  LINK  OFFSET  LAG BYTES',
      '  127.0.0.1:6380  primary  up      -      1,234          0',
      '  127.0.0.1:6379  replica  up      down   1,000        234',
      '  last failover: a:1 → b:2 in 42 ms, 12 s ago: it was dead',
      '',
      'sentinels  term 7',
      '  127.0.0.1:26379  leader    up',
      '  127.0.0.1:26380  follower  up',
      '  127.0.0.1:26381  follower  down',
    ])
  })

  it('is healthy with a majority, a leader and a primary in every group, and not without', () => {
    const when = (change: (copy: typeof json) => void): QuorumStatus => {
      const copy = structuredClone(json)
      change(copy)
      return parseQuorumStatus(JSON.stringify(copy))!
    }
    expect(isHealthy(status)).toBe(true)
    expect(isHealthy(when((copy) => (copy.sentinels[0]!.health = 'down')))).toBe(false)
    expect(isHealthy(when((copy) => (copy.sentinels[1]!.leader = false)))).toBe(false)
    expect(isHealthy(when((copy) => (copy.masters[0]!.status = 'odown')))).toBe(false)
    expect(isHealthy(when((copy) => (copy.masters[0]!.servers[1]!.health = 'down')))).toBe(false)
    expect(isHealthy(when((copy) => (copy.masters = [])))).toBe(false)
  })

  it('shows no control characters of a sentinel', () => {
    const copy = structuredClone(json)
    copy.masters[0]!.name = `x${ESC}[2J\n`
    const lines = statusLines(parseQuorumStatus(JSON.stringify(copy))!, plain, 0)
    expect(lines[0]).toMatch(/^x\?\[2J\? {2}ok/)
  })

  it('survives any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('group', 'raft', 'sentinels', 'masters'), (value, key) => {
        for (const text of [
          JSON.stringify(value),
          JSON.stringify({ ...json, [key]: value }),
          JSON.stringify({ ...json, masters: [value] }),
        ]) {
          const parsed = parseQuorumStatus(text)
          if (parsed !== undefined)
            expect(statusLines(parsed, plain, 0).every((line) => typeof line === 'string')).toBe(true)
        }
      }),
    )
    expect(parseQuorumStatus('{')).toBeUndefined()
  })
})

describe('small formats', () => {
  it('group digits and choose units', () => {
    expect([count(0), count(1234567), count(undefined)]).toEqual(['0', '1,234,567', '-'])
    expect([span(40), span(1234), span(15_000), span(120_000), span(7_200_000), span(undefined)]).toEqual([
      '40 ms',
      '1.2 s',
      '15 s',
      '2 min',
      '2 h',
      '-',
    ])
  })

  it('cut and align what is visible, whatever is coloured', () => {
    const cell = fc
      .tuple(fc.string({ maxLength: 9 }), fc.boolean())
      .map(([text, red]) => (red ? coloured('red', text) : text))
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 40 }),
        (rows, width) => {
          for (const line of columns(rows)) expect(visibleLength(cut(line, width))).toBeLessThanOrEqual(width)
        },
      ),
    )
    expect(
      columns(
        [
          ['a', 'bb'],
          ['ccc', 'd'],
        ],
        new Set([1]),
      ),
    ).toEqual(['a    bb', 'ccc   d'])
  })
})

describe('the moments of up', () => {
  const server = (i: number, role: 'primary' | 'replica', offset: number, linkUp = true) => ({
    name: `server-${i}`,
    port: 6378 + i,
    pid: 100 + i,
    process: 'running' as const,
    view: { role, offset, linkUp, primaryPort: undefined },
  })
  const sentinel = { name: 'sentinel-1', port: 26379, pid: 200, process: 'running' as const, status }
  const moment: Moment = { servers: [server(1, 'replica', 1000), server(2, 'primary', 1234)], sentinels: [sentinel] }

  it('are a table', () => {
    expect(primaryPort(moment)).toBe(6380)
    expect(lagBytes(moment.servers[0]!, moment)).toBe(234)
    expect(momentLines(moment, plain, 13_000)).toEqual([
      '',
      '             PORT  PID  ROLE     OFFSET  LAG  HEALTH',
      'server-1     6379  101  replica   1,000  234  ok',
      'server-2     6380  102  primary   1,234    -  ok',
      'sentinel-1  26379  200  leader   term 7       ok',
      'last failover: a:1 → b:2 in 42 ms, 12 s ago: it was dead',
    ])
  })

  it('differ by lines that say what happened, each once', () => {
    expect(changes(undefined, moment)).toEqual([
      'server-1 (6379) is replica',
      'server-2 (6380) is primary',
      'sentinel-1 (26379) leads, term 7',
    ])
    expect(changes(moment, moment)).toEqual([])
    const dead: Moment = {
      ...moment,
      servers: [server(1, 'replica', 1000, false), { ...moment.servers[1]!, process: 'dead', view: undefined }],
    }
    expect(changes(moment, dead)).toEqual(['server-1 (6379): link down'])
    const mute: Moment = { ...moment, sentinels: [{ ...sentinel, status: undefined }] }
    expect(changes(moment, mute)).toEqual(['sentinel-1 (26379): no answer'])
    expect(changes(mute, moment)).toEqual([
      'sentinel-1 (26379): ok',
      'sentinel-1 (26379) leads, term 7',
      expect.stringMatching(/^failover: a:1 → b:2/),
    ])
  })

  it('read INFO of either role, and nothing from other text', () => {
    expect(serverViewOf('# Replication\r\nrole:master\r\nmaster_repl_offset:5\r\n')).toEqual({
      role: 'primary',
      offset: 5,
      linkUp: false,
      primaryPort: undefined,
    })
    expect(
      serverViewOf(
        'role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:up\r\nslave_repl_offset:4\r\n',
      ),
    ).toEqual({ role: 'replica', offset: 4, linkUp: true, primaryPort: 6379 })
    expect(serverViewOf('-LOADING')).toBeUndefined()
  })
})

describe('a screen', () => {
  /** What a terminal of the given height shows after the text: understands what terminalScreen sends. */
  function terminal(text: string): string[] {
    const lines = ['']
    let row = 0
    for (const [part] of text.matchAll(SEQUENCES)) {
      if (part.endsWith('A') && part.startsWith('\x1b')) row -= Number(part.slice(2, -1))
      else if (part === '\x1b[J') lines.splice(row, lines.length, '')
      else if (part === '\n') lines[++row] ??= ''
      else if (!part.startsWith('\x1b') && part !== '\r') lines[row] = (lines[row] ?? '') + part
    }
    return lines
  }

  it('keeps the table below the lines, on a terminal', () => {
    let text = ''
    const screen = terminalScreen((part) => (text += part), { columns: 10, rows: 6 })
    screen.say('one')
    screen.draw(['t1', 't2'])
    screen.say('two')
    screen.draw(['t3', 't4 is long, longer', 't5', 't6', 't7'])
    expect(terminal(text)).toEqual(['one', 'two', 't3', 't4 is lon…', 't5', 't6', ''])
    screen.draw([])
    screen.say('end')
    screen.close()
    expect(terminal(text)).toEqual(['one', 'two', 'end', ''])
    expect(text.endsWith('\x1b[?25h')).toBe(true)
  })

  it('is lines with the time elsewhere', () => {
    let text = ''
    const screen = lineScreen(
      (part) => (text += part),
      () => new Date(2026, 0, 2, 3, 4, 5).getTime(),
    )
    screen.draw(['table'])
    screen.say('one')
    screen.close()
    expect(text).toBe('02 Jan 2026 03:04:05.000  one\n')
  })
})
