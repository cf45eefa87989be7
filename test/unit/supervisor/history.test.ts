// What is told of a failover: how long it took is what its phases took, not what the entries in the log say.
import { expect, it } from 'vitest'
import { type Account, NO_ACCOUNT } from '../../../src/sentinel/account.ts'
import type { FailoverRecord } from '../../../src/sentinel/topology.ts'
import { tookMs } from '../../../src/supervisor/history.ts'

const STARTED_MS = 1_000_000

/** A failover whose start was committed 45 ms after the primary had died, and its switch 43 ms later. */
const record = (account: Partial<Account>): FailoverRecord => ({
  epoch: 1,
  planned: false,
  reason: '',
  choice: '',
  from: { host: '10.0.0.1', port: 6379 },
  to: { host: '10.0.0.2', port: 6379 },
  outcome: 'done',
  ending: '',
  startedAtMs: STARTED_MS,
  switchedAtMs: STARTED_MS + 43,
  endedAtMs: STARTED_MS + 900,
  account: { ...NO_ACCOUNT, ...account },
})

it('lasts from the last sign of life until clients can write again', () => {
  const laps = [
    { phase: 'detect', ms: 21.4 },
    { phase: 'vote', ms: 8.6 },
    { phase: 'commit', ms: 15.1 },
    { phase: 'promote', ms: 33.2 },
    { phase: 'announce', ms: 9.7 },
    { phase: 'reconfigure', ms: 857 },
  ] as const
  expect(tookMs(record({ laps }))).toBe(88)
})

it('lasts at least as long as from the start to the switch, whatever laps were lost with a leader', () => {
  expect(tookMs(record({}))).toBe(43)
  expect(tookMs(record({ laps: [{ phase: 'announce', ms: 5 }] }))).toBe(43)
})

it('lasts until its end if it was given up', () => {
  expect(tookMs({ ...record({}), outcome: 'no-good-slave', to: undefined, switchedAtMs: undefined })).toBe(900)
})
