// What Raft promises (figure 3 of the paper), watched from outside while it runs: election safety, log matching, leader
// completeness, state machine safety, votes that are kept, and a lease that only one node holds at any moment.

import { favourUntilMs } from '../../src/raft/leading.ts'
import { lastIndex } from '../../src/raft/log.ts'
import type { Entry, Message, Ready, Snapshot } from '../../src/raft/messages.ts'
import type { RaftNode } from '../../src/raft/node.ts'
import { check } from './outcome.ts'
import type { Process } from './process.ts'

interface Committed {
  readonly entry: Entry
  /** Term of the node that first reported it; it was committed in this term or before. */
  readonly inTerm: number
  /** Digest of the state machine after it. */
  readonly digest: number
}

/** What happened in a run; a simulator in which nothing happens proves nothing. */
export interface RaftTally {
  leaders: number
  committed: number
  snapshotsInstalled: number
  entriesReplaced: number
  membershipsCommitted: number
  levelsCommitted: number
  leasesSeen: number
}

export interface RaftCheckers {
  readonly tally: RaftTally
  onReady(process: Process, ready: Ready): void
  onSend(message: Message): void
  onRestore(process: Process, snapshot: Snapshot | undefined): void
  onApply(process: Process, ready: Ready): void
  /** Gives the state that it looked at. */
  afterEvent(process: Process, all: Iterable<Process>): RaftNode['state']
  /** Digest of a process's state machine, as its snapshots carry it. */
  digestOf(process: Process): number
  appliedIndexOf(process: Process): number
  committedIndex(): number
  isCommitted(index: number, term: number): boolean
}

/** One step of the toy state machine: its state is a number that depends on everything applied. */
function mix(digest: number, entry: Entry): number {
  let value = Math.imul(digest ^ entry.index, 0x9e3779b1) ^ entry.term
  for (const byte of entry.data) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}

export const encodeDigest = (digest: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, digest)
  return bytes
}

const decodeDigest = (data: Uint8Array): number => new DataView(data.buffer, data.byteOffset).getUint32(0)

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0

/** `ownMachine`: the state machine is the checkers' toy, and snapshots hold its digest. */
export function createRaftCheckers(ownMachine = true): RaftCheckers {
  const tally: RaftTally = {
    leaders: 0,
    committed: 0,
    snapshotsInstalled: 0,
    entriesReplaced: 0,
    membershipsCommitted: 0,
    levelsCommitted: 0,
    leasesSeen: 0,
  }
  const lastWritten = new Map<string, number>()
  const leaderOf = new Map<number, string>()
  const created = new Map<string, { entry: Entry; prevTerm: number | undefined }>()
  const committed: Committed[] = []
  const machines = new Map<string, { index: number; digest: number }>()
  const votes = new Map<string, string>()
  const terms = new Map<string, number>()

  /** What a snapshot says; without the toy machine, what must be true at its index. */
  const snapshotDigest = (snapshot: Snapshot | undefined): number => {
    if (!snapshot || snapshot.index === 0) return 0
    return ownMachine ? decodeDigest(snapshot.data) : (committed[snapshot.index - 1]?.digest ?? 0)
  }

  /** Election safety (§5.2) and leader completeness (§5.4): one leader a term, and it has all that was committed before. */
  const checkLeader = (process: Process, term: number, lastIndex: number): void => {
    if (leaderOf.get(term) === process.id) return
    check(!leaderOf.has(term), () => `two leaders in term ${term}: ${leaderOf.get(term)} and ${process.id}`)
    leaderOf.set(term, process.id)
    tally.leaders++
    const { snapshot, entries } = process.raft!.persisted()
    for (let at = committed.length; at > snapshot.index; at--) {
      const known = committed[at - 1]!
      if (known.inTerm >= term) continue
      const own = entries[at - snapshot.index - 1]
      check(at <= lastIndex, () => `leader ${process.id} of term ${term} lacks committed entry ${at}`)
      check(own?.term === known.entry.term, () => `leader ${process.id} of term ${term} has another entry ${at}`)
    }
  }

  /** Log matching (§5.3), by induction: an index and a term name one entry, with one predecessor. */
  const checkEntries = (process: Process, ready: Ready): void => {
    const last = ready.entries.at(-1)?.index
    if (last !== undefined) {
      if (ready.entries[0]!.index <= (lastWritten.get(process.id) ?? 0)) tally.entriesReplaced++
      lastWritten.set(process.id, last)
    }
    ready.entries.forEach((entry, i) => {
      const prevTerm = i > 0 ? ready.entries[i - 1]!.term : undefined
      const key = `${entry.index}/${entry.term}`
      const known = created.get(key)
      if (!known) {
        created.set(key, { entry, prevTerm })
        return
      }
      check(sameBytes(known.entry.data, entry.data), () => `${process.id}: entry ${key} has two contents`)
      if (known.prevTerm === undefined) known.prevTerm = prevTerm
      check(
        prevTerm === undefined || known.prevTerm === prevTerm,
        () => `${process.id}: entry ${key} follows both term ${known.prevTerm} and ${prevTerm}`,
      )
    })
  }

  /** A term that others were told of never falls, whatever the node loses in a crash. */
  const checkTerm = ({ from, term }: Message): void => {
    const told = terms.get(from) ?? 0
    check(term >= told, () => `${from} is back in term ${term} after ${told}`)
    terms.set(from, term)
  }

  /** One vote a term (§5.2), counted when it is sent: a vote that was lost in a crash before that was never given. */
  const checkVote = (message: Message): void => {
    const given = message.type === 'vote-reply' && message.granted ? message.to : undefined
    const candidate = message.type === 'vote' ? message.from : given
    if (candidate === undefined) return
    const key = `${message.from} in term ${message.term}`
    const before = votes.get(key) ?? candidate
    check(before === candidate, () => `${key} voted for both ${before} and ${candidate}`)
    votes.set(key, candidate)
  }

  return {
    tally,
    onReady: checkEntries,
    onSend(message) {
      checkTerm(message)
      checkVote(message)
    },
    onRestore(process, snapshot) {
      const index = snapshot?.index ?? 0
      machines.set(process.id, { index, digest: snapshotDigest(snapshot) })
    },
    onApply(process, ready) {
      const machine = machines.get(process.id)!
      if (ready.snapshot) {
        tally.snapshotsInstalled++
        machine.index = ready.snapshot.index
        machine.digest = snapshotDigest(ready.snapshot)
        const known = committed[machine.index - 1]
        check(known?.digest === machine.digest, () => `${process.id}: snapshot ${machine.index} is of another history`)
      }
      for (const entry of ready.committed) {
        check(entry.index === machine.index + 1, () => `${process.id} applies ${entry.index} after ${machine.index}`)
        machine.index = entry.index
        machine.digest = mix(machine.digest, entry)
        const known = committed[entry.index - 1]
        if (!known) {
          check(committed.length === entry.index - 1, () => `${process.id} applies ${entry.index} with a gap before it`)
          tally.committed++
          if (entry.kind === 'config') tally.membershipsCommitted++
          if (entry.kind === 'level') tally.levelsCommitted++
          committed.push({ entry, inTerm: process.raft!.state.term, digest: machine.digest })
        } else {
          check(
            known.entry.term === entry.term && known.digest === machine.digest,
            () => `${process.id} applies ${entry.index}/${entry.term}; committed was ${known.entry.term}`,
          )
        }
      }
    },
    afterEvent(process, all) {
      const { state } = process.raft!
      check(state.anomalies === 0, () => `${process.id} has seen a message that no correct peer sends`)
      if (state.role !== 'leader') return state
      checkLeader(process, state.term, lastIndex(state.log))
      if (process.clockMs() >= favourUntilMs(state)) return state
      tally.leasesSeen++
      // A lease begins and ends in one process only; it overlaps another's when either begins, or another's clock shows so.
      for (const other of all) {
        const both = other !== process && other.raft?.hasFavour(other.clockMs())
        check(!both, () => `${process.id} and ${other.id} both believe that a majority votes for nobody else`)
      }
      return state
    },
    digestOf: (process) => machines.get(process.id)!.digest,
    appliedIndexOf: (process) => machines.get(process.id)?.index ?? 0,
    committedIndex: () => committed.length,
    isCommitted: (index, term) => committed[index - 1]?.entry.term === term,
  }
}
