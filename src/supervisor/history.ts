// The history of failovers as it is shown: what was replicated of each (sentinel/account.ts), with one sentence for every step. The
// console, `vedette history` and GET /history all show this.
import { type Account, PHASES, type Phase, phaseMs } from '../sentinel/account.ts'
import { addressKey } from '../sentinel/address.ts'
import type { CoreState } from '../sentinel/state.ts'
import type { FailoverRecord } from '../sentinel/topology.ts'
import type { HistoryReport, StepReport } from './status-report.ts'

/** The failovers of a group, or of all, newest first. */
export function historyOf(core: CoreState, name?: string): HistoryReport[] {
  const groups = [...core.topology.groups.values()].filter((group) => name === undefined || group.name === name)
  return groups
    .flatMap((group) => group.history.map((record) => reportOf(group.name, record)))
    .sort((a, b) => b.epoch - a.epoch)
}

/** What kind of failover it was. */
export const kindOf = ({ planned, account }: FailoverRecord): HistoryReport['kind'] =>
  planned ? 'switchover' : account.cause === 'operator' ? 'forced' : 'automatic'

/** The phases after which clients can write again. */
const UNTIL_WRITABLE = PHASES.filter((phase) => phase !== 'reconfigure')

/**
 * From the last sign of life of the old primary (of one that works: from the order) until the new one was announced, or until it
 * was given up, ms. The entries' own times begin with the commit of the start; they count where laps are missing, as after a
 * change of leaders.
 */
export function tookMs({ account, startedAtMs, switchedAtMs, endedAtMs }: FailoverRecord): number {
  const inPhases = UNTIL_WRITABLE.reduce((sum, phase) => sum + phaseMs(account, phase), 0)
  return Math.max(Math.round(inPhases), (switchedAtMs ?? endedAtMs) - startedAtMs)
}

function reportOf(group: string, record: FailoverRecord): HistoryReport {
  const { epoch, outcome, from, to, reason, choice, ending, startedAtMs, switchedAtMs, endedAtMs, account } = record
  return {
    group,
    epoch,
    kind: kindOf(record),
    cause: account.cause ?? null,
    outcome,
    from: addressKey(from),
    to: to === undefined ? null : addressKey(to),
    reason,
    choice,
    ending,
    startedAtMs,
    switchedAtMs: switchedAtMs ?? null,
    endedAtMs,
    tookMs: tookMs(record),
    steps: stepsOf(record),
    candidates: account.candidates.map(({ address, offset, priority, whyNot }) => ({
      address: addressKey(address),
      offset,
      priority,
      whyNot: whyNot ?? null,
    })),
    lostBytesMax: account.lostBytesMax ?? null,
  }
}

const stepsOf = (record: FailoverRecord): StepReport[] =>
  record.account.laps.map(({ phase, ms }) => ({ phase, ms, text: TEXTS[phase](record, record.account) }))

const newOne = ({ to }: FailoverRecord): string => (to === undefined ? 'the candidate' : addressKey(to))

const TEXTS: Readonly<Record<Phase, (record: FailoverRecord, account: Account) => string>> = {
  detect: ({ from }, { cause }) =>
    cause === 'dead'
      ? `The connection to ${addressKey(from)} broke, and a new one was refused.`
      : `Since the last sign of life of ${addressKey(from)}, until a sentinel found it down.`,
  vote: () => 'As many sentinels agreed as the quorum asks for.',
  wait: () => 'It was held back: by a pause, by the interval between failovers, or by the failure of the one before.',
  choose: ({ choice, ending }) => (choice === '' ? `No candidate: ${ending}.` : `${choice}.`),
  commit: () => 'A majority of the sentinels has the decision on disk.',
  fence: ({ from, planned }, { cause }) => {
    if (planned)
      return `Writes on ${addressKey(from)} were held back until nothing was missing, and it could take no more.`
    return cause === 'dead'
      ? `No process listens at ${addressKey(from)}: nothing was to be waited for.`
      : `Until the lease of ${addressKey(from)} had run out (a server without leases is not waited for).`
  },
  promote: (record) => `${newOne(record)} was told to become primary, and said that it is.`,
  announce: (record) => `The switch was committed, and every sentinel announced ${newOne(record)}.`,
  reconfigure: ({ ending }) => `The other replicas were pointed at the new primary: ${ending}.`,
}
