// DEBUG DIGEST: a signature of the data, equal on two servers exactly if their data are, computed as Redis does it, so that
// ours and those of a redis-server compare. What has an order is mixed in, one part after the other; what has none is added
// by exclusive or, so that the order in which it is met does not matter.

import type { Database } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { assert } from '../lib/assert.ts'
import { formatDouble } from '../lib/double.ts'
import { sha1 } from '../lib/sha1.ts'
import { valueType } from '../types/table.ts'
import {
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_STRING,
  TYPE_ZSET,
  type VisitElement,
} from '../types/value-type.ts'

const EXPIRES = Buffer.from('!!expire!!')

/** A signature that is being made. */
export class Digest {
  readonly bytes = Buffer.alloc(20)
  private readonly part = Buffer.alloc(20)

  /** Adds bytes whose order does not matter. */
  add(bytes: Uint8Array, start = 0, end = bytes.length): void {
    sha1(bytes, start, end, this.part)
    for (let i = 0; i < 20; i++) this.bytes[i]! ^= this.part[i]!
  }

  /** Mixes bytes in: the same ones in another order give another signature. */
  mix(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.add(bytes, start, end)
    sha1(this.bytes, 0, 20, this.bytes)
  }

  mixInt32(n: number): void {
    this.mix(Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n))
  }

  get hex(): string {
    return this.bytes.toString('hex')
  }
}

/** How the elements of a type go into a signature, by the type's number. */
const ELEMENTS: Readonly<Record<number, (digest: Digest) => VisitElement>> = {
  [TYPE_STRING]: mixEach,
  [TYPE_LIST]: mixEach,
  [TYPE_SET]: (digest) => (element) => digest.add(element.bytes, element.start, element.end),
  [TYPE_ZSET]: addPairs,
  [TYPE_HASH]: addPairs,
  [TYPE_STREAM]: mixEach,
}

/** Elements in their order. */
function mixEach(digest: Digest): VisitElement {
  return (element) => digest.mix(element.bytes, element.start, element.end)
}

/** Pairs, of an element and what belongs to it, in any order. */
function addPairs(digest: Digest): VisitElement {
  return (element, second) => {
    const pair = new Digest()
    pair.mix(element.bytes, element.start, element.end)
    if (typeof second === 'number') pair.mix(Buffer.from(formatDouble(second), 'latin1'))
    else if (second !== undefined) pair.mix(second.bytes, second.start, second.end)
    digest.add(pair.bytes)
  }
}

/** Adds type, value and the presence of an expiry of an entry: DEBUG DIGEST-VALUE. */
export function digestValue(db: Database, h: number, digest: Digest): void {
  const type = db.type(h)
  const elements = ELEMENTS[type]
  assert(elements !== undefined, 'every type has a signature')
  digest.mixInt32(type)
  valueType(type).elements(db.source(h), elements(digest))
  if (db.hasExpiry(h)) digest.add(EXPIRES)
}

/** The signature of all data. */
export function digestAll(keyspace: Keyspace): Digest {
  const all = new Digest()
  for (const db of keyspace.databases) {
    if (db.size === 0) continue
    all.mixInt32(db.index)
    db.forEach((h) => {
      const entry = new Digest()
      const { bytes, start, end } = db.key(h)
      entry.mix(bytes, start, end)
      digestValue(db, h, entry)
      all.add(entry.bytes)
    })
  }
  return all
}
