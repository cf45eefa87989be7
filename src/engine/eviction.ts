// Keeps the data within `maxmemory`: before each command, keys are evicted as `maxmemory-policy` says until
// there is room, for a bounded time; what is left to do goes on between commands (`later`), and the command runs meanwhile.
//
// Invariants: only who may delete evicts (a primary that may write now); replicas and the log hear of a DEL before the command
// itself; memory that is on its way back to the arena is given back first, so that no key goes for what is free already.

import type { Host } from '../commands/context.ts'
import { type Effects, NOTIFY_EVICTED } from '../commands/effects.ts'
import { type EvictionPolicy, EvictionPool, evictionPolicy } from '../keyspace/eviction-pool.ts'
import { Frequencies } from '../keyspace/frequencies.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import type { ClientTracking } from './tracking.ts'

/** Whether there is room: there is, there will be soon, or there is none to be had. */
export type Room = 'enough' | 'soon' | 'none'

/** What eviction is built from. */
export interface EvictionParts {
  readonly keyspace: Keyspace
  readonly host: Host
  readonly effects: Effects
  readonly tracking: ClientTracking
  /** `maxmemory` in bytes, 0 for no limit, and whether the server is loading its data. */
  readonly gate: { readonly maxmemoryBytes: number; readonly loading: boolean }
  /** Runs work of the server itself, and carries out its effects. */
  readonly run: (work: () => void) => void
  readonly clockMicros: () => number
  /** `makeRoom` is to be called again soon, between commands. */
  readonly later: () => void
}

/** The clock is looked at once for so many keys. */
const KEYS_A_LOOK = 16

/** The eviction of one server. */
export class Eviction {
  /** Keys evicted, and microseconds spent over the limit, for INFO. */
  readonly stats = { keys: 0, exceededMicros: 0 }
  private readonly parts: EvictionParts
  private readonly pool: EvictionPool
  private policy: EvictionPolicy | undefined
  /** What the last attempt found: a script, during which nothing is evicted, goes by what there was before it. */
  room: Room = 'enough'
  /** Since when the limit is exceeded, by the clock in microseconds. */
  private exceededSince: number | undefined

  constructor(parts: EvictionParts) {
    this.parts = parts
    this.pool = new EvictionPool(parts.keyspace, parts.host.random)
    const { config } = parts.host
    this.choosePolicy()
    config.onChange('maxmemory-policy', () => this.choosePolicy())
    config.onChange('maxmemory', () => parts.later())
  }

  /** Microseconds for which the limit is exceeded by now, 0 if it is not. */
  get exceedingMicros(): number {
    return this.exceededSince === undefined ? 0 : this.parts.clockMicros() - this.exceededSince
  }

  /** Evicts until there is room, or the time for that is over. */
  makeRoom(): Room {
    const { keys } = this.stats
    const room = this.attempt()
    if (this.stats.keys !== keys) this.parts.tracking.evicted()
    this.account(room)
    this.room = room
    if (room === 'soon') this.parts.later()
    return room
  }

  private choosePolicy(): void {
    const { keyspace, host } = this.parts
    const { values } = host.config
    this.policy = evictionPolicy(values['maxmemory-policy'])
    this.pool.clear()
    keyspace.savesIdle = this.policy?.by === 'lru'
    keyspace.countUses(this.policy?.by === 'lfu' ? new Frequencies(host.random, values) : undefined)
  }

  private attempt(): Room {
    const { keyspace, run, clockMicros } = this.parts
    if (!this.exceeds() || !this.mayDelete()) return 'enough'
    const { policy } = this
    if (policy === undefined) return 'none'
    const untilMicros = clockMicros() + this.microsMax()
    for (let steps = 1; ; steps++) {
      const releasing = keyspace.releaseSome()
      if (!this.exceeds()) return 'enough'
      if (!releasing) {
        let found = false
        run(() => {
          found = this.evictOne(policy)
        })
        if (!found) return 'none'
        if (!this.exceeds()) return 'enough'
      }
      if (steps % KEYS_A_LOOK === 0 && clockMicros() > untilMicros) return 'soon'
    }
  }

  private exceeds(): boolean {
    const { gate, host } = this.parts
    return gate.maxmemoryBytes !== 0 && host.limitedMemoryBytes() > gate.maxmemoryBytes
  }

  private mayDelete(): boolean {
    const { gate, keyspace } = this.parts
    return keyspace.expiry === 'delete' && !keyspace.paused && !gate.loading
  }

  /** How long eviction may hold up a command, by `maxmemory-eviction-tenacity`: 0 to 0.5 ms up to 10, then exponentially more. */
  private microsMax(): number {
    const tenacity = this.parts.host.config.values['maxmemory-eviction-tenacity']
    if (tenacity <= 10) return 50 * tenacity
    return tenacity < 100 ? 500 * 1.15 ** (tenacity - 10) : Number.POSITIVE_INFINITY
  }

  private evictOne(policy: EvictionPolicy): boolean {
    const { effects, tracking, host } = this.parts
    const victim = this.pool.next(policy, host.config.values['maxmemory-samples'])
    if (victim === undefined) return false
    const { db, h } = victim
    const key = db.keyCopy(h)
    db.remove(h)
    effects.dropped.push({ db: db.index, key })
    effects.notify(db.index, NOTIFY_EVICTED, 'evicted', key)
    if (tracking.on) tracking.expired(key)
    this.stats.keys++
    return true
  }

  private account(room: Room): void {
    if (room !== 'enough') this.exceededSince ??= this.parts.clockMicros()
    else if (this.exceededSince !== undefined) {
      this.stats.exceededMicros += this.exceedingMicros
      this.exceededSince = undefined
    }
  }
}
