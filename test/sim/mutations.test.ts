// Does the simulator notice when a promise is broken? Each mutation takes one rule of the protocol away, and the checkers must
// find that within so many seeds. The rules are bent from outside, by replacing what a module exports: production has no switches.
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Holder, hear as originalHear } from '../../src/lease/holder.ts'
import type { Word } from '../../src/lease/terms.ts'
import type { onVote as originalOnVote } from '../../src/raft/election.ts'
import type { onAppend as originalOnAppend } from '../../src/raft/following.ts'
import type { MsgAppend, MsgVote, Ready } from '../../src/raft/messages.ts'
import type { createOutput as originalCreateOutput } from '../../src/raft/ready.ts'
import type { Raft } from '../../src/raft/state.ts'
import type { whyUnsafe as originalWhyUnsafe } from '../../src/sentinel/copies.ts'
import type { Entry } from '../../src/sentinel/entries.ts'
import type { CoreState, propose as originalPropose } from '../../src/sentinel/state.ts'
import { WrongResult } from './outcome.ts'

const SEEDS = 2_000
/** For all of them on a busy machine. */
const PATIENCE_MS = 600_000

type Module = Record<string, (...args: never[]) => unknown>
type Bend = (original: Module) => object

/** Where each world is run; loaded anew for each mutation. */
const WORLDS = {
  raft: async () => (await import('./raft-run.ts')).runRaft,
  sentinels: async () => (await import('./sentinel-run.ts')).runSentinels,
  sync: async () => (await import('./sentinel-run.ts')).runSync,
}

interface Mutation {
  readonly world: keyof typeof WORLDS
  /** Module → functions in place of its own. */
  readonly bent: Readonly<Record<string, Bend>>
}

const own = <F>(original: Module, name: string): F => original[name] as unknown as F

/** A node of which each Ready is changed. */
const bentOutput = (change: (ready: Ready) => Ready): Mutation['bent'] => ({
  '../../src/raft/ready.ts': (original) => ({
    createOutput(...args: Parameters<typeof originalCreateOutput>) {
      const output = own<typeof originalCreateOutput>(original, 'createOutput')(...args)
      return {
        advance: output.advance,
        ready() {
          const ready = output.ready()
          return ready && change(ready)
        },
      }
    },
  }),
})

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'votes twice in a term': {
    world: 'raft',
    bent: {
      '../../src/raft/election.ts': (original) => ({
        onVote(raft: Raft, message: MsgVote) {
          raft.vote = undefined
          own<typeof originalOnVote>(original, 'onVote')(raft, message)
        },
      }),
    },
  },
  'votes for one whose log lacks what is committed': {
    world: 'raft',
    bent: { '../../src/raft/log.ts': () => ({ isUpToDate: () => true }) },
  },
  'commits without a majority': {
    world: 'raft',
    bent: {
      '../../src/raft/leading.ts': () => ({
        maybeCommit({ log }: Raft) {
          log.committed = Math.max(log.committed, log.persisted)
        },
      }),
    },
  },
  'appends without looking at what stands before': {
    world: 'raft',
    bent: {
      '../../src/raft/following.ts': (original) => ({
        onAppend(raft: Raft, message: MsgAppend) {
          const before = raft.log.entries.find(({ index }) => index === message.prevIndex)
          const prevTerm = before?.term ?? message.prevTerm
          own<typeof originalOnAppend>(original, 'onAppend')(raft, { ...message, prevTerm })
        },
      }),
    },
  },
  'answers before it is on disk': {
    world: 'raft',
    bent: bentOutput((ready) => ({
      ...ready,
      eagerMessages: [...ready.eagerMessages, ...ready.messages],
      messages: [],
    })),
  },
  'forgets in a crash whom it voted for': {
    world: 'raft',
    bent: bentOutput((ready) => ({
      ...ready,
      hardState: ready.hardState && { ...ready.hardState, vote: undefined },
    })),
  },
  'announces before the commit': {
    world: 'sentinels',
    bent: {
      '../../src/sentinel/state.ts': (original) => ({
        propose(core: CoreState, nowMs: number, key: string, entry: Entry) {
          const topo = core.topology.groups.get(entry.group)
          const candidate = topo?.failover?.candidate
          if (entry.kind === 'switch' && topo !== undefined && candidate !== undefined) topo.primary = candidate
          return own<typeof originalPropose>(original, 'propose')(core, nowMs, key, entry)
        },
      }),
    },
  },
  // Fence and ledger each suffice alone, so both are taken away.
  'promotes before the lease of the old primary is over': {
    world: 'sentinels',
    bent: {
      '../../src/sentinel/ledger.ts': () => ({ mayPromise: () => true }),
      '../../src/sentinel/fence.ts': () => ({ isFenced: () => true }),
    },
  },
  'counts a lease from when the grant arrives': {
    world: 'sentinels',
    bent: {
      '../../src/lease/holder.ts': (original) => ({
        hear(holder: Holder, word: Word, nowMs: number) {
          if (word.grant !== undefined && holder.asked.has(word.grant.seq)) holder.asked.set(word.grant.seq, nowMs)
          return own<typeof originalHear>(original, 'hear')(holder, word, nowMs)
        },
      }),
    },
  },
  'forgets a replica while its copies still count': {
    world: 'sync',
    bent: { '../../src/sentinel/machine.ts': () => ({ DISCOUNT_LEVEL: Number.POSITIVE_INFINITY }) },
  },
  'takes older writes for as safe as newer ones after sync-replicas was raised': {
    world: 'sync',
    bent: {
      '../../src/sentinel/copies.ts': (original) => ({
        whyUnsafe(...[candidates, winner, settings, topo]: Parameters<typeof originalWhyUnsafe>) {
          const bent = { ...topo, lease: undefined }
          return own<typeof originalWhyUnsafe>(original, 'whyUnsafe')(candidates, winner, settings, bent)
        },
      }),
    },
  },
  'promotes in sync mode before enough replicas have said what they have': {
    world: 'sync',
    bent: { '../../src/sentinel/copies.ts': () => ({ whyUnsafe: () => undefined }) },
  },
  'takes one promise for a majority': {
    world: 'sentinels',
    bent: { '../../src/lease/terms.ts': () => ({ majorityOf: () => 1 }) },
  },
}

/** Assertions of production and checkers of the simulator alike are a finding; no progress alone is none. */
const isFinding = ({ name }: Error): boolean => name === WrongResult.name || name === 'InvariantError'

/** The seed at which the simulator found something wrong, and what; undefined when it found nothing. */
async function finding(world: Mutation['world']): Promise<{ seed: number; what: string } | undefined> {
  const run = await WORLDS[world]()
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      run(seed)
    } catch (error) {
      if (isFinding(error as Error)) return { seed, what: (error as Error).message.split('\n')[0]! }
    }
  }
  return undefined
}

describe('the simulator finds a sentinel or server that', () => {
  afterEach(() => {
    for (const { bent } of Object.values(MUTATIONS)) for (const path of Object.keys(bent)) vi.doUnmock(path)
    vi.resetModules()
  })

  it.each(Object.entries(MUTATIONS))(
    '%s',
    async (name, { world, bent }) => {
      vi.resetModules()
      for (const [path, bend] of Object.entries(bent))
        vi.doMock(path, async (load) => {
          const original = await load<Module>()
          return { ...original, ...bend(original) }
        })
      const found = await finding(world)
      console.log(`${name}: seed ${found?.seed}: ${found?.what}`)
      expect(found).toBeDefined()
    },
    PATIENCE_MS,
  )
})
