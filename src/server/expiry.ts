// Active expiry and the release of flushed tables: the housekeeping of the keyspace, in slices of under a millisecond
// between commands.

import { expireFieldsSegment } from '../commands/hash-expiries.ts'
import type { Engine } from '../engine/engine.ts'
import { monotonicMs } from '../io/clock.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import type { OwnExpiries } from './own-expiries.ts'

/** A slice ends when it took this long; the server answers clients before the next one. */
const SLICE_MS = 0.7
/** All slices of one round together, at effort 1: a quarter of a core, as in Redis, and only while much is found. */
const ROUND_MS = 25
/** Segments looked at in a round that finds little. */
const SEGMENTS_A_ROUND = 16
/** Keys per second and segment above which the round goes on. */
const WORTHWHILE_EXPIRED = 16

/** Housekeeping that remembers where it stopped. */
export interface Housekeeping {
  /** One round; ten times a second or so. */
  round(): void
  stop(): void
  /** Whether keys expire actively (DEBUG SET-ACTIVE-EXPIRE). */
  active: boolean
}

/** The housekeeping of a keyspace. `nowMs` is Unix time in milliseconds. */
export function createHousekeeping(
  keyspace: Keyspace,
  engine: Engine,
  ownExpiries: OwnExpiries,
  nowMs: () => number,
): Housekeeping {
  let db = 0
  let hash = 0
  let next: NodeJS.Immediate | undefined

  /** Looks at one segment of the databases' expiry tables; how many keys it expired, or -1 if no database has any. */
  const expireOne = (): number => {
    for (let skipped = 0; keyspace.databases[db].expires.size === 0; skipped++) {
      if (skipped === keyspace.databases.length) return -1
      db = (db + 1) % keyspace.databases.length
      hash = 0
    }
    const before = keyspace.stats.expired
    engine.runInternal(() => {
      hash = keyspace.databases[db].expireSegment(hash)
    })
    if (hash >= 2 ** 32) {
      db = (db + 1) % keyspace.databases.length
      hash = 0
    }
    return keyspace.stats.expired - before
  }

  let fieldsDb = 0
  let fieldsHash = 0

  /** The same for fields of hashes. */
  const expireFieldsOnce = (): number => {
    for (let skipped = 0; keyspace.databases[fieldsDb].fieldExpires.size === 0; skipped++) {
      if (skipped === keyspace.databases.length) return -1
      fieldsDb = (fieldsDb + 1) % keyspace.databases.length
      fieldsHash = 0
    }
    const before = keyspace.stats.expiredFields
    engine.runInternal(() => {
      fieldsHash = expireFieldsSegment(keyspace, keyspace.databases[fieldsDb], fieldsHash, engine.effects)
    })
    if (fieldsHash >= 2 ** 32) {
      fieldsDb = (fieldsDb + 1) % keyspace.databases.length
      fieldsHash = 0
    }
    return keyspace.stats.expiredFields - before
  }

  /** A slice of a round that may take `leftMs` more and look at `segments` more. */
  const slice = (leftMs: number, segments: number): void => {
    next = undefined
    const start = monotonicMs()
    let left = segments
    engine.setTime(nowMs())
    while (left > 0 && monotonicMs() - start < SLICE_MS) {
      const found = Math.max(expireOne(), expireFieldsOnce())
      if (found < 0) {
        left = 0
        break
      }
      left = found > WORTHWHILE_EXPIRED ? Math.max(left, SEGMENTS_A_ROUND) : left - 1
    }
    let releasing = keyspace.releaseSome()
    while (releasing && monotonicMs() - start < SLICE_MS) releasing = keyspace.releaseSome()
    const rest = leftMs - (monotonicMs() - start)
    if ((left > 0 || releasing) && rest > 0) next = setImmediate(() => slice(rest, left))
  }

  return {
    active: true,
    round() {
      if (next !== undefined) return
      if (this.active && ownExpiries.size > 0) {
        engine.setTime(nowMs())
        if (keyspace.expiry === 'delete') ownExpiries.clear()
        else engine.runInternal(() => ownExpiries.round())
      }
      const expires = this.active && keyspace.expiry === 'delete' && !keyspace.paused
      slice(ROUND_MS, expires ? SEGMENTS_A_ROUND : 0)
    },
    stop() {
      clearImmediate(next)
    },
  }
}
