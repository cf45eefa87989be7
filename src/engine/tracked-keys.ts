// Which clients have read which keys: what CLIENT TRACKING remembers. It may be a million keys, so it is kept off-heap as users'
// data are: a keyspace of its own in which each key that was read has an intset, the ids of the clients that read it.
//
// Invariant: `items` is the number of ids in all sets together; no set is empty.

import { type Database, NO_EXPIRY } from '../keyspace/database.ts'
import { Keyspace } from '../keyspace/keyspace.ts'
import type { Random } from '../lib/prng.ts'
import type { HashKey } from '../store/hash.ts'
import {
  INTSET_HEADER_BYTES,
  intsetBytesWith,
  intsetInit,
  intsetInsert,
  intsetLength,
  intsetNumber,
  intsetSearch,
} from '../store/intset.ts'
import { SET_INTSET } from '../types/set.ts'

/** An intset of the widest integer. */
const SINGLE_BYTES_MAX = INTSET_HEADER_BYTES + 8
const WORD = 2 ** 32

/** Keys, and the clients that have read them. */
export class TrackedKeys {
  /** Number of pairs of a key and a client. */
  items = 0
  private readonly hashKey: HashKey
  /** Made when the first key is remembered: who never tracks pays nothing. */
  private keyspace: Keyspace | undefined
  private readonly single = Buffer.alloc(SINGLE_BYTES_MAX)

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey
  }

  /** Number of keys. */
  get size(): number {
    return this.keyspace?.size ?? 0
  }

  /** Bytes of memory. */
  get usedBytes(): number {
    return this.keyspace?.usedBytes ?? 0
  }

  /** The client has read the key in bytes [start, end). Throws ArenaFullError before any change. */
  add(bytes: Uint8Array, start: number, end: number, client: number): void {
    const db = this.database()
    const high = Math.floor(client / WORD)
    const low = client % WORD
    const h = db.find(bytes, start, end)
    if (h === 0) this.addFirst(db, bytes, start, end, high, low)
    else if (!addTo(db, h, high, low)) return
    this.items++
  }

  /** Forgets the key in bytes [start, end); the clients that had read it. */
  take(bytes: Uint8Array, start: number, end: number): number[] {
    if (this.size === 0) return []
    const db = this.database()
    const h = db.find(bytes, start, end)
    if (h === 0) return []
    const { bytes: b, start: at } = db.value(h)
    const clients = Array.from({ length: intsetLength(b, at) }, (_, i) => intsetNumber(b, at, i))
    db.remove(h)
    this.items -= clients.length
    return clients
  }

  /** Some key; there must be one. */
  sample(random: Random): Buffer {
    const db = this.database()
    return db.keyCopy(db.sample(random))
  }

  /** Forgets all keys. */
  clear(): void {
    this.keyspace = undefined
    this.items = 0
  }

  private database(): Database {
    this.keyspace ??= new Keyspace(1, this.hashKey, { expired() {}, modified() {}, flushing() {} })
    return this.keyspace.databases[0]
  }

  private addFirst(db: Database, bytes: Uint8Array, start: number, end: number, high: number, low: number): void {
    const { single } = this
    intsetInit(single, 0)
    const length = intsetBytesWith(single, 0, high, low)
    intsetInsert(single, 0, 0, high, low)
    db.put(bytes, start, end, single, 0, length, SET_INTSET, NO_EXPIRY)
  }
}

/** Adds an id to the set of an entry; false if it is there. */
function addTo(db: Database, h: number, high: number, low: number): boolean {
  const { bytes, start } = db.value(h)
  const index = intsetSearch(bytes, start, high, low)
  if (index >= 0) return false
  const grown = db.value(db.resize(h, intsetBytesWith(bytes, start, high, low), SET_INTSET, 0))
  intsetInsert(grown.bytes, grown.start, -1 - index, high, low)
  return true
}
