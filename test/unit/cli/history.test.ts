// What `vedette history` and `vedette failover --dry-run` print, from reports and from garbage.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { historyLines, parseHistory } from '../../../src/cli/history-view.ts'
import { outlookLines, parseOutlook } from '../../../src/cli/outlook-view.ts'
import { plain } from '../../../src/cli/table.ts'
import type { HistoryReport, OutlookReport } from '../../../src/supervisor/status-report.ts'

const candidates = [
  { address: '10.0.0.1:6381', offset: 90, priority: 100, whyNot: 'it is 10 bytes behind' },
  { address: '10.0.0.1:6380', offset: 100, priority: 100, whyNot: null },
]
const done: HistoryReport = {
  group: 'mymaster',
  epoch: 4,
  kind: 'automatic',
  cause: 'dead',
  outcome: 'done',
  from: '10.0.0.1:6379',
  to: '10.0.0.1:6380',
  reason: '10.0.0.1:6379 is dead',
  choice: '10.0.0.1:6380 is chosen',
  ending: 'all follow',
  startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  switchedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 74),
  endedAtMs: Date.UTC(2026, 0, 2, 3, 4, 6),
  tookMs: 1_202,
  steps: [
    { phase: 'detect', ms: 1.5, text: 'It broke.' },
    { phase: 'commit', ms: 1_200, text: 'It is on disk.' },
  ],
  candidates,
  lostBytesMax: 1_234,
}
const history = (...reports: unknown[]): string =>
  historyLines(parseHistory(JSON.stringify(reports))!, plain).join('\n')

it('tells a failover with its phases, its candidates and its loss', () => {
  expect(history(done)).toMatchInlineSnapshot(`
    "2026-01-02 03:04:05Z  mymaster  10.0.0.1:6379 → 10.0.0.1:6380 in 1.2 s  automatic, epoch 4
      10.0.0.1:6379 is dead
      detect  1.5 ms  It broke.
      commit   1.2 s  It is on disk.
      REPLICA        PRIORITY  OFFSET
      10.0.0.1:6380       100     100  chosen
      10.0.0.1:6381       100      90  not chosen: it is 10 bytes behind
      at most 1,234 bytes were lost"
  `)
})

it('tells why one was given up, and nothing of a loss', () => {
  const text = history({ ...done, outcome: 'no-good-slave', to: null, ending: 'nobody answered' })
  expect(text).toContain('10.0.0.1:6379 stayed primary (no-good-slave)')
  expect(text).toContain('given up: nobody answered')
  expect(text).not.toContain('lost')
})

it('says so when there was none, or when the loss is not known', () => {
  expect(history()).toBe('No failover yet.')
  expect(history({ ...done, lostBytesMax: null })).toContain('how much was lost is not known')
  expect(history({ ...done, lostBytesMax: 0 })).toContain('nothing was lost')
})

it('says who would win, or what stands against a failover', () => {
  const outlook: OutlookReport = { primary: '10.0.0.1:6379', winner: '10.0.0.1:6380', obstacles: [], candidates }
  const lines = (one: OutlookReport): string =>
    outlookLines('mymaster', parseOutlook(JSON.stringify(one))!, plain).join('\n')
  expect(lines(outlook)).toMatchInlineSnapshot(`
    "If 10.0.0.1:6379 died now, 10.0.0.1:6380 would become the primary of mymaster.
      REPLICA        PRIORITY  OFFSET
      10.0.0.1:6380       100     100  chosen
      10.0.0.1:6381       100      90  not chosen: it is 10 bytes behind"
  `)
  expect(lines({ ...outlook, obstacles: ['it is paused', 'no majority'] })).toContain(
    'If 10.0.0.1:6379 died now, there would be no failover of mymaster: it is paused; no majority.',
  )
})

it('takes anything, and shows no control characters', () => {
  const noise = fc.oneof(
    fc.json(),
    fc
      .record({ ...Object.fromEntries(Object.keys(done).map((key) => [key, fc.anything()])) }, { requiredKeys: [] })
      .map((one) => JSON.stringify([one])),
  )
  fc.assert(
    fc.property(noise, (text) => {
      const parsed = parseHistory(text ?? '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
      if (parsed !== undefined) expect(historyLines(parsed, plain).join('')).not.toMatch(/[\u0000-\u001f\u007f]/)
      void parseOutlook(text ?? '')
    }),
  )
})
