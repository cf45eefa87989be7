// What the console says of a group, in words.
import { describe, expect, it } from 'vitest'
import { healthOf, outlookText, span } from '../../../src/console/words.ts'
import type { LiveGroup, OutlookReport } from '../../../src/supervisor/status-report.ts'

const at = (port: number): string => `10.0.0.1:${port}`
const outlook: OutlookReport = {
  primary: at(1),
  winner: at(2),
  obstacles: [],
  candidates: [{ address: at(2), offset: 12_345, priority: 100, whyNot: null }],
}
const server = (port: number, more = {}) => ({
  address: at(port),
  role: port === 1 ? ('primary' as const) : ('replica' as const),
  health: 'up' as const,
  link: port === 1 ? null : ('up' as const),
  follows: port === 1 ? null : at(1),
  offset: 0,
  lagBytes: 0,
  priority: 100,
  runId: '',
  ...more,
})
const group: LiveGroup = {
  name: 'm',
  quorum: 2,
  epoch: 0,
  status: 'ok',
  primary: at(1),
  writeMode: 'lease',
  lease: 'held',
  deadEnd: null,
  pausedUntilMs: null,
  downVotes: [],
  failover: null,
  servers: [server(1), server(2)],
  lastFailover: null,
  outlook,
  historyEpoch: 0,
}

describe('the outlook', () => {
  it('names who would be promoted, and why', () => {
    expect(outlookText(outlook)).toBe(
      'If 10.0.0.1:1 died now, 10.0.0.1:2 would be promoted, because it is the only replica.',
    )
    const candidates = [...outlook.candidates, { address: at(3), offset: 1, priority: 100, whyNot: 'it is dead' }]
    expect(outlookText({ ...outlook, candidates })).toBe(
      'If 10.0.0.1:1 died now, 10.0.0.1:2 would be promoted, because it comes first of all that could (priority 100, offset 12,345). Not 10.0.0.1:3: it is dead.',
    )
  })

  it('says why no failover is possible', () => {
    const obstacles = ['no majority', 'it is paused']
    expect(outlookText({ ...outlook, obstacles })).toBe('No failover is possible: no majority; it is paused.')
  })
})

describe('the health of a group', () => {
  it.each<[string, Partial<LiveGroup>, ReturnType<typeof healthOf>]>([
    ['all is well', {}, 'ok'],
    ['the primary is down', { status: 'odown' }, 'down'],
    ['a replica is down', { servers: [server(1), server(2, { health: 'down' })] }, 'risk'],
    ['a replica has no link', { servers: [server(1), server(2, { link: 'down' })] }, 'risk'],
    ['nobody could take over', { outlook: { ...outlook, winner: null } }, 'risk'],
    ['something stands against it', { outlook: { ...outlook, obstacles: ['no majority'] } }, 'risk'],
    [
      'a failover goes on',
      {
        status: 'odown',
        failover: { epoch: 1, step: 'promote', reason: '', planned: false, candidate: null, startedAtMs: 0 },
      },
      'failover',
    ],
  ])('when %s', (_, change, health) => {
    expect(healthOf({ ...group, ...change })).toBe(health)
  })
})

it.each([
  [4.24, '4.2 ms'],
  [9.9, '9.9 ms'],
  [40.4, '40 ms'],
  [1_234, '1.2 s'],
  [59_000, '59 s'],
  [180_000, '3 min'],
  [7_200_000, '2 h'],
  [432_000_000, '5 d'],
])('%d ms are %s', (ms, text) => expect(span(ms)).toBe(text))
