// Hashes: fields with values. Small ones are listpacks (field, value, field, value …), large ones tables of parts.

import { cloneDict, createDict, dictForEach, dictGet, dictSet, releaseDict, walkDict } from '../store/dict.ts'
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
import { TYPE_HASH, type ValueSource, type ValueType } from './value-type.ts'

const LISTPACK = 0
const TABLE = 8

/** Type and encoding as an entry's header holds them. */
export const HASH_LISTPACK = TYPE_HASH | (LISTPACK << ENCODING_SHIFT)
export const HASH_TABLE = TYPE_HASH | (TABLE << ENCODING_SHIFT)

/** Number of fields. */
export function hashCount(hash: ValueSource): number {
  return hash.root === 0 ? lpCount(hash.bytes, hash.start) / 2 : hash.nodes.count(hash.root)
}

/** The value of the field in bytes [start, end), written into `value`; whether there is such a field. */
export function hashGet(hash: ValueSource, bytes: Uint8Array, start: number, end: number, value: NodeBytes): boolean {
  if (hash.root !== 0) return dictGet(hash.nodes, hash.root, bytes, start, end, value)
  const p = lpFind(hash.bytes, lpFirst(hash.bytes, hash.start), bytes, start, end, 1)
  if (p === NONE) return false
  readText(hash.bytes, lpNext(hash.bytes, p), value, VALUE_TEXT)
  return true
}

/** Calls `visit` for every field and its value. The ranges are reused. */
export function hashForEach(hash: ValueSource, visit: (field: NodeBytes, value: NodeBytes) => void): void {
  if (hash.root !== 0) return dictForEach(hash.nodes, hash.root, visit)
  const { bytes } = hash
  for (let p = lpFirst(bytes, hash.start); p !== NONE; ) {
    const v = lpNext(bytes, p)
    readText(bytes, p, FIELD, FIELD_TEXT)
    readText(bytes, v, VALUE, VALUE_TEXT)
    visit(FIELD, VALUE)
    p = lpNext(bytes, v)
  }
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

/** What the keyspace and the generic commands need to know of hashes. */
export const HASH_TYPE: ValueType = {
  type: TYPE_HASH,
  name: 'hash',
  encodings: { [LISTPACK]: 'listpack', [TABLE]: 'hashtable' },
  parts: { [TABLE]: { walk: walkDict, clone: cloneDict } },
  count: hashCount,
  elements: hashForEach,
}
