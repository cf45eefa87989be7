// Which key goes first when memory is short: as in Redis the best of a few that are drawn at random, where "few" are those drawn
// now and the best of those drawn before. A policy says which keys may go at all (all, or those with an expiry) and how much
// one would be missed; the pool keeps names, not entries, because entries move.
//
// Invariant: candidates stand in the order of their score, the one to go first at the end.

import type { Random } from '../lib/prng.ts'
import { entryExpiryMs } from '../store/entry.ts'
import type { Database } from './database.ts'
import { FREQUENCY_MAX } from './frequencies.ts'
import type { Keyspace } from './keyspace.ts'
import { frequencyOf, idleSeconds } from './uses.ts'

/** A policy that evicts: all of `maxmemory-policy` but noeviction. */
export interface EvictionPolicy {
  /** Only keys that have an expiry. */
  readonly volatile: boolean
  readonly by: 'lru' | 'lfu' | 'random' | 'ttl'
}

/** The policy of this name; undefined for noeviction. */
export function evictionPolicy(name: string): EvictionPolicy | undefined {
  const [keys, by] = name.split('-')
  if (by !== 'lru' && by !== 'lfu' && by !== 'random' && by !== 'ttl') return undefined
  return { volatile: keys === 'volatile', by }
}

/** A key that is to go. */
export interface Victim {
  readonly db: Database
  readonly h: number
}

interface Candidate {
  readonly db: Database
  readonly key: Buffer
  readonly score: number
}

const POOL_SIZE = 16
/** Draws that find nothing in a table that is not empty do not happen; this bounds the rounds over candidates that are gone. */
const ROUNDS_MAX = 100

/** Chooses keys to evict. */
export class EvictionPool {
  private readonly space: Keyspace
  private readonly random: Random
  private candidates: Candidate[] = []
  /** Where the policies that choose at random go on. */
  private nextDb = 0

  constructor(space: Keyspace, random: Random) {
    this.space = space
    this.random = random
  }

  /** Forgets the candidates: another policy would have others. */
  clear(): void {
    this.candidates = []
  }

  /** The key to go next; undefined if there is none. `samples`: how many are drawn from each database. */
  next(policy: EvictionPolicy, samples: number): Victim | undefined {
    if (policy.by === 'random') return this.anyOne(policy)
    for (let round = 0; round < ROUNDS_MAX; round++) {
      let drawn = 0
      for (const db of this.space.databases) drawn += this.draw(db, policy, samples)
      if (drawn === 0) return undefined
      const victim = this.takeBest(policy)
      if (victim !== undefined) return victim
    }
    return undefined
  }

  /** Any key, of one database after the other. */
  private anyOne(policy: EvictionPolicy): Victim | undefined {
    const { databases } = this.space
    for (let tried = 0; tried < databases.length; tried++) {
      const db = databases[this.nextDb]
      this.nextDb = (this.nextDb + 1) % databases.length
      const h = tableOf(db, policy).sample(this.random)
      if (h !== 0) return { db, h }
    }
    return undefined
  }

  /** Draws keys of a database into the pool; returns how many. */
  private draw(db: Database, policy: EvictionPolicy, samples: number): number {
    const table = tableOf(db, policy)
    const count = Math.min(samples, table.size)
    for (let i = 0; i < count; i++) {
      const h = table.sample(this.random)
      this.consider(db, h, this.score(db, h, policy))
    }
    return count
  }

  /** How much sooner than others the entry should go. */
  private score(db: Database, h: number, policy: EvictionPolicy): number {
    if (policy.by === 'lru') return idleSeconds(this.space, db, h)
    return policy.by === 'lfu' ? FREQUENCY_MAX - frequencyOf(this.space, db, h) : -entryExpiryMs(this.space.arena, h)
  }

  private consider(db: Database, h: number, score: number): void {
    const { candidates } = this
    if (candidates.length === POOL_SIZE && score <= candidates[0].score) return
    const key = db.keyCopy(h)
    if (candidates.some((each) => each.db === db && each.key.equals(key))) return
    const at = candidates.findIndex((each) => each.score > score)
    candidates.splice(at < 0 ? candidates.length : at, 0, { db, key, score })
    if (candidates.length > POOL_SIZE) candidates.shift()
  }

  /** The best candidate that is still there. */
  private takeBest(policy: EvictionPolicy): Victim | undefined {
    for (let best = this.candidates.pop(); best !== undefined; best = this.candidates.pop()) {
      const h = best.db.peek(best.key, 0, best.key.length)
      if (h !== 0 && (!policy.volatile || best.db.hasExpiry(h))) return { db: best.db, h }
    }
    return undefined
  }
}

function tableOf(db: Database, policy: EvictionPolicy): Database['table'] {
  return policy.volatile ? db.expires : db.table
}
