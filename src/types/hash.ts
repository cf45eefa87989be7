// Hashes: fields with values. Small ones are listpacks (field, value, field, value …), large ones tables of parts; those of which a field
// has an expiry are tables with more to them (expiring-hash.ts). Fields whose time is over are not seen from here on upwards, though
// they are still there until they are deleted.

import {
  cloneDict,
  createDict,
  dictForEach,
  dictGet,
  dictScan,
  dictSet,
  moveDict,
  releaseDict,
  walkDict,
} from '../store/dict.ts'
import { ENCODING_SHIFT } from '../store/entry.ts'
import {
  LP_EMPTY_BYTES,
  lpAppend,
  lpBytes,
  lpCount,
  lpEncodedBytes,
  lpFind,
  lpFirst,
  lpInit,
  lpNext,
  lpReplace,
  lpText,
  makeLpText,
  NONE,
} from '../store/listpack.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import type { BuiltValue, TypeLimits, ValueBuilder } from './builder.ts'
import {
  attachExpiries,
  cloneExpiring,
  createExpiries,
  dueCount,
  fieldExpiry,
  moveExpiring,
  releaseUnattached,
  walkExpiring,
} from './expiring-hash.ts'
import { TYPE_HASH, type ValueSource, type ValueType } from './value-type.ts'
import { partsSet } from './zset.ts'

const LISTPACK = 0
const TABLE = 8
const EXPIRING = 9

/** Type and encoding as an entry's header holds them. */
export const HASH_LISTPACK = TYPE_HASH | (LISTPACK << ENCODING_SHIFT)
export const HASH_TABLE = TYPE_HASH | (TABLE << ENCODING_SHIFT)
export const HASH_EXPIRING = TYPE_HASH | (EXPIRING << ENCODING_SHIFT)

/** Takes a field and its value. */
export type VisitField = (field: NodeBytes, value: NodeBytes) => void

/** Number of fields. */
export function hashCount(hash: ValueSource): number {
  if (hash.root === 0) return lpCount(hash.bytes, hash.start) / 2
  return hash.nodes.count(hash.root) - hiddenCount(hash)
}

/** Number of fields that are there and not seen. */
export function hiddenCount(hash: ValueSource): number {
  return hides(hash) ? dueCount(hash.nodes, hash.root, hash.hideMs) : 0
}

type HidingSource = ValueSource & { hideMs: number }

function hides(hash: ValueSource): hash is HidingSource {
  return hash.encoding === EXPIRING && hash.hideMs !== undefined
}

function isHidden({ nodes, root, hideMs }: HidingSource, bytes: Uint8Array, start: number, end: number): boolean {
  return fieldExpiry(nodes, root, bytes, start, end) < hideMs
}

/** The same visit of the fields that are seen. */
function seen(hash: ValueSource, visit: VisitField): VisitField {
  if (!hides(hash)) return visit
  return (field, value) => {
    if (!isHidden(hash, field.bytes, field.start, field.end)) visit(field, value)
  }
}

/** The value of the field in bytes [start, end), written into `value`; whether there is such a field. */
export function hashGet(hash: ValueSource, bytes: Uint8Array, start: number, end: number, value: NodeBytes): boolean {
  if (hash.root !== 0) {
    if (hides(hash) && isHidden(hash, bytes, start, end)) return false
    return dictGet(hash.nodes, hash.root, bytes, start, end, value)
  }
  const p = lpFind(hash.bytes, lpFirst(hash.bytes, hash.start), bytes, start, end, 1)
  if (p === NONE) return false
  readText(hash.bytes, lpNext(hash.bytes, p), value, VALUE_TEXT)
  return true
}

/** Calls `visit` for every field and its value. The ranges are reused. */
export function hashForEach(hash: ValueSource, visit: VisitField): void {
  if (hash.root !== 0) return dictForEach(hash.nodes, hash.root, seen(hash, visit))
  const { bytes } = hash
  for (let p = lpFirst(bytes, hash.start); p !== NONE; ) {
    const v = lpNext(bytes, p)
    readText(bytes, p, FIELD, FIELD_TEXT)
    readText(bytes, v, VALUE, VALUE_TEXT)
    visit(FIELD, VALUE)
    p = lpNext(bytes, v)
  }
}

/** Visits some fields from a position on (dictScan); all of a small hash. The next position, 0 at the end. */
export function hashScan(hash: ValueSource, cursor: number, visit: VisitField): number {
  if (hash.root !== 0) return dictScan(hash.nodes, hash.root, cursor, seen(hash, visit))
  hashForEach(hash, visit)
  return 0
}

const FIELD_TEXT = makeLpText()
const VALUE_TEXT = makeLpText()
const FIELD: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
const VALUE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

function readText(bytes: Buffer, p: number, into: NodeBytes, text: ReturnType<typeof makeLpText>): void {
  lpText(bytes, p, text)
  into.bytes = text.bytes as Buffer
  into.start = text.start
  into.end = text.end
}

/** The table with the contents of a listpack. Throws ArenaFullError. */
export function hashTableOf(nodes: Nodes, listpack: Uint8Array, at: number): number {
  const root = createDict(nodes, true)
  try {
    for (let p = lpFirst(listpack, at); p !== NONE; ) {
      const v = lpNext(listpack, p)
      lpText(listpack, p, FIELD_TEXT)
      lpText(listpack, v, VALUE_TEXT)
      dictSet(
        nodes,
        root,
        FIELD_TEXT.bytes,
        FIELD_TEXT.start,
        FIELD_TEXT.end,
        VALUE_TEXT.bytes,
        VALUE_TEXT.start,
        VALUE_TEXT.end,
      )
      p = lpNext(listpack, v)
    }
  } catch (error) {
    releaseDict(nodes, root)
    throw error
  }
  return root
}

/** Whether a field or value of so many bytes, as the last of so many fields, may be in a listpack. */
export function hashFitsListpack(limits: TypeLimits, fields: number, bytes: number): boolean {
  return fields <= limits['hash-max-listpack-entries'] && bytes <= limits['hash-max-listpack-value']
}

/** Builds a hash from fields that come one after the other: for new keys, and for what is read from RDBs. */
export interface HashBuilder extends ValueBuilder {
  /** Adds a field; whether it is new. The value of one that is there already is replaced. */
  set(
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean
  /** Number of fields. */
  count(): number
}

/** A builder of a hash. `expected` is a hint: so many fields are about to come. */
export function createHashBuilder(nodes: Nodes, limits: TypeLimits, expected = 0): HashBuilder {
  let listpack = Buffer.allocUnsafe(LISTPACK_ROOM)
  lpInit(listpack, 0)
  let fields = 0
  let root = expected > limits['hash-max-listpack-entries'] ? createDict(nodes, true) : 0

  const makeRoom = (bytes: number): void => {
    const needed = lpBytes(listpack, 0) + bytes
    if (needed <= listpack.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * listpack.length))
    listpack.copy(larger, 0, 0, lpBytes(listpack, 0))
    listpack = larger
  }

  return {
    set(field, fieldStart, fieldEnd, value, valueStart, valueEnd) {
      if (root === 0) {
        const longest = Math.max(fieldEnd - fieldStart, valueEnd - valueStart)
        const known = lpFind(listpack, lpFirst(listpack, 0), field, fieldStart, fieldEnd, 1)
        if (hashFitsListpack(limits, known === NONE ? fields + 1 : fields, longest)) {
          const valueBytes = lpEncodedBytes(value, valueStart, valueEnd)
          if (known !== NONE) {
            makeRoom(valueBytes)
            lpReplace(listpack, 0, lpNext(listpack, known), value, valueStart, valueEnd)
            return false
          }
          makeRoom(lpEncodedBytes(field, fieldStart, fieldEnd) + valueBytes)
          lpAppend(listpack, 0, field, fieldStart, fieldEnd)
          lpAppend(listpack, 0, value, valueStart, valueEnd)
          fields++
          return true
        }
        root = hashTableOf(nodes, listpack, 0)
      }
      return dictSet(nodes, root, field, fieldStart, fieldEnd, value, valueStart, valueEnd)
    },
    count: () => (root === 0 ? fields : nodes.count(root)),
    finish(): BuiltValue {
      if (root !== 0) return { kind: HASH_TABLE, root, bytes: listpack, start: 0, end: 0 }
      return { kind: HASH_LISTPACK, root: 0, bytes: listpack, start: 0, end: lpBytes(listpack, 0) }
    },
    abandon() {
      if (root !== 0) releaseDict(nodes, root)
      root = 0
    },
  }
}

const LISTPACK_ROOM = 256 + LP_EMPTY_BYTES

/** Builds a hash of which fields may have an expiry. */
export interface ExpiringBuilder extends HashBuilder {
  /** Gives the field that was added last its expiry. */
  expire(field: Uint8Array, start: number, end: number, atMs: number): void
}

/** A builder of a hash of which fields may have an expiry; it is an ordinary one if none gets any. */
export function createExpiringBuilder(nodes: Nodes, limits: TypeLimits, expected: number): ExpiringBuilder {
  const builder = createHashBuilder(nodes, limits, expected)
  let expiries = 0
  return {
    ...builder,
    expire(field, start, end, atMs) {
      if (expiries === 0) expiries = createExpiries(nodes)
      partsSet(nodes, expiries, field, start, end, atMs, Number.NaN)
    },
    finish() {
      const built = builder.finish()
      if (expiries === 0) return built
      const table = built.root === 0 ? hashTableOf(nodes, built.bytes, built.start) : built.root
      return { ...built, kind: HASH_EXPIRING, root: attachExpiries(nodes, table, expiries), start: 0, end: 0 }
    },
    abandon() {
      builder.abandon()
      if (expiries !== 0) releaseUnattached(nodes, 0, expiries)
      expiries = 0
    },
  }
}

/** What the keyspace and the generic commands need to know of hashes. */
export const HASH_TYPE: ValueType = {
  type: TYPE_HASH,
  name: 'hash',
  encodings: { [LISTPACK]: 'listpack', [TABLE]: 'hashtable', [EXPIRING]: 'hashtable' },
  parts: {
    [TABLE]: { walk: walkDict, clone: cloneDict, move: moveDict },
    [EXPIRING]: { walk: walkExpiring, clone: cloneExpiring, move: moveExpiring },
  },
  count: hashCount,
  elements: hashForEach,
}
