// How the core's output is gathered: what changed since the caller last confirmed, as one Ready, and what a confirmation
// means. Invariants: one Ready at a time; a message that promises something leaves only after the write that makes it
// true; an entry is given out for applying once, in order.
import { assert } from '../lib/assert.ts'
import { continueTransfer, maybeCommit, retireIfRemoved } from './leading.ts'
import { raiseLevel } from './level.ts'
import { entriesFrom, lastIndex, persisted } from './log.ts'
import type { Entry, HardState, Message, Ready } from './messages.ts'
import { replicate } from './replication.ts'
import type { Raft } from './state.ts'

/** Messages that only repeat what is durable already, or promise nothing. The others wait for the write. */
const EAGER: ReadonlySet<Message['type']> = new Set([
  'pre-vote',
  'pre-vote-reply',
  'append',
  'heartbeat',
  'heartbeat-reply',
  'snapshot',
  'snapshot-reply',
  'timeout-now',
  'propose',
])

const NOTHING: readonly Entry[] = []

/** ready() and advance() of one node. `stored` is the hard state that its disk holds. */
export function createOutput(raft: Raft, stored: HardState): { ready(): Ready | undefined; advance(): void } {
  const { log } = raft
  let saved = stored
  let given: Ready | undefined

  const changedHardState = (): HardState | undefined => {
    const { term, vote, promiseMs } = raft
    const same =
      saved.term === term && saved.vote === vote && saved.commit === log.committed && saved.promiseMs === promiseMs
    return same ? undefined : { term, vote, commit: log.committed, promiseMs }
  }

  return {
    ready() {
      if (given) return undefined
      settle(raft)
      const hardState = changedHardState()
      const entries = log.persisted < lastIndex(log) ? entriesFrom(log, log.persisted + 1, Infinity) : NOTHING
      const committed = committedEntries(raft)
      const snapshot = log.install
      if (!hardState && !snapshot && !entries.length && !committed.length && !raft.outbox.length) return undefined

      const pledged = hardState !== undefined && isPledge(saved, hardState)
      const mayGoFirst = (message: Message): boolean => !pledged && EAGER.has(message.type)
      given = {
        eagerMessages: raft.outbox.filter(mayGoFirst),
        snapshot,
        entries,
        hardState,
        mustSync:
          pledged || snapshot !== undefined || entries.length > 0 || mustOutlastCrash(raft, committed, saved.commit),
        messages: raft.outbox.filter((message) => !mayGoFirst(message)),
        committed,
      }
      raft.outbox = []
      log.install = undefined
      if (hardState) saved = hardState
      return given
    },
    advance() {
      assert(given, 'raft: advance() without a ready()')
      persisted(log, given.entries)
      log.applied = Math.max(log.applied, given.snapshot?.index ?? 0, given.committed.at(-1)?.index ?? 0)
      given = undefined
      if (raft.role === 'leader') maybeCommit(raft)
    },
  }
}

/** Whether one of these must be known as committed after a crash: the commit index, otherwise a hint, is then made durable first. */
const mustOutlastCrash = ({ config }: Raft, committed: readonly Entry[], known: number): boolean =>
  committed.some(({ index, kind, data }) => index > known && kind === 'normal' && config.machine.mustOutlastCrash(data))

/** Whether something was promised that must not be forgotten: a term, a vote, or loyalty for longer than usual. */
const isPledge = (before: HardState, now: HardState): boolean =>
  now.term !== before.term || now.vote !== before.vote || now.promiseMs > before.promiseMs

/** Lets a leader act on all that happened since the last Ready. */
function settle(raft: Raft): void {
  if (raft.role !== 'leader') return
  raiseLevel(raft)
  replicate(raft)
  continueTransfer(raft)
  retireIfRemoved(raft)
}

/** What is committed beyond what the state machine holds, or will hold when it has installed a received snapshot. */
function committedEntries({ log }: Raft): readonly Entry[] {
  const held = Math.max(log.applied, log.snapshot.index)
  return held < log.committed ? entriesFrom(log, held + 1, Infinity).slice(0, log.committed - held) : NOTHING
}
