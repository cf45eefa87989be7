// Sets: members without order. Small ones of nothing but integers are intsets, all others tables of parts without values.

import type { Span } from '../lib/bytes.ts'
import { INT64_TEXT_BYTES_MAX, type Int64, parseInt64Words, writeInt64 } from '../lib/int64.ts'
import {
  cloneDict,
  createDict,
  dictDelete,
  dictHas,
  dictScan,
  dictSet,
  moveDict,
  releaseDict,
  walkDict,
} from '../store/dict.ts'
import { ENCODING_SHIFT } from '../store/entry.ts'
import {
  INTSET_HEADER_BYTES,
  intsetBytes,
  intsetBytesWith,
  intsetGet,
  intsetInit,
  intsetInsert,
  intsetLength,
  intsetRemove,
  intsetSearch,
} from '../store/intset.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import type { BuiltValue, TypeLimits, ValueBuilder } from './builder.ts'
import { TYPE_SET, type ValueSource, type ValueType } from './value-type.ts'

const INTSET = 0
const TABLE = 8

/** Type and encoding as an entry's header holds them. */
export const SET_INTSET = TYPE_SET | (INTSET << ENCODING_SHIFT)
export const SET_TABLE = TYPE_SET | (TABLE << ENCODING_SHIFT)

/** Takes one member; the range is reused. */
export type VisitSetMember = (member: NodeBytes) => void

const NO_VALUE = Buffer.alloc(0)
const NUMBER: Int64 = { high: 0, low: 0 }
const MEMBER: NodeBytes = { bytes: Buffer.alloc(INT64_TEXT_BYTES_MAX), start: 0, end: 0 }
/** For conversions, which happen while the member that is to be added may lie in the one above. */
const CONVERTED: NodeBytes = { bytes: Buffer.alloc(INT64_TEXT_BYTES_MAX), start: 0, end: 0 }

/** Number of members. */
export function setCount(set: ValueSource): number {
  return set.root === 0 ? intsetLength(set.bytes, set.start) : set.nodes.count(set.root)
}

/** Whether the bytes [start, end) are a member. */
export function setHas(set: ValueSource, bytes: Uint8Array, start: number, end: number): boolean {
  if (set.root !== 0) return dictHas(set.nodes, set.root, bytes, start, end)
  return intsetFind(set.bytes, set.start, bytes, start, end) >= 0
}

/** Index in an intset of the member whose text is in bytes [start, end); below 0 if it is none. */
export function intsetFind(b: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): number {
  return parseInt64Words(bytes, start, end, NUMBER) ? intsetSearch(b, at, NUMBER.high, NUMBER.low) : -1
}

/** The text of the integer at an index of an intset; the range is reused. */
export function intsetMember(b: Uint8Array, at: number, index: number, into = MEMBER): NodeBytes {
  intsetGet(b, at, index, NUMBER)
  into.end = writeInt64(NUMBER.high, NUMBER.low, into.bytes, 0)
  return into
}

/** Calls `visit` for every member. */
export function setForEach(set: ValueSource, visit: VisitSetMember): void {
  setWhile(set, visit, () => true)
}

/** Calls `visit` for the members as long as `goOn` says so, which is asked every now and then. */
export function setWhile(set: ValueSource, visit: VisitSetMember, goOn: () => boolean): void {
  if (set.root !== 0) {
    let cursor = 0
    do cursor = dictScan(set.nodes, set.root, cursor, visit)
    while (cursor !== 0 && goOn())
    return
  }
  const { bytes, start } = set
  const length = intsetLength(bytes, start)
  for (let i = 0; i < length && goOn(); i++) visit(intsetMember(bytes, start, i))
}

/** The table with the members of an intset. Throws ArenaFullError. */
export function setTableOf(nodes: Nodes, intset: Uint8Array, at: number): number {
  const root = createDict(nodes, false)
  try {
    const length = intsetLength(intset, at)
    for (let i = 0; i < length; i++) tableAdd(nodes, root, intsetMember(intset, at, i, CONVERTED))
  } catch (error) {
    releaseDict(nodes, root)
    throw error
  }
  return root
}

/** Adds a member to a table that is the caller's to change; whether it is new. Throws ArenaFullError before any change. */
export function tableAdd(nodes: Nodes, root: number, { bytes, start, end }: Span): boolean {
  return dictSet(nodes, root, bytes, start, end, NO_VALUE, 0, 0)
}

/** Whether so many integers may be an intset. */
export function setFitsIntset(limits: TypeLimits, members: number): boolean {
  return members <= limits['set-max-intset-entries']
}

/** Builds a set from members that come one after the other: for new keys, for results, and for what is read from RDBs. */
export interface SetBuilder extends ValueBuilder {
  /** Adds a member; whether it is new. */
  add(bytes: Uint8Array, start: number, end: number): boolean
  /** Takes a member out; whether it was there. The encoding stays as it is. */
  remove(bytes: Uint8Array, start: number, end: number): boolean
  /** Number of members. */
  count(): number
}

/** A builder of a set. `expected` is a hint: so many members are about to come. */
export function createSetBuilder(nodes: Nodes, limits: TypeLimits, expected = 0): SetBuilder {
  let intset = Buffer.allocUnsafe(INTSET_ROOM)
  intsetInit(intset, 0)
  let root = setFitsIntset(limits, expected) ? 0 : createDict(nodes, false)

  const makeRoom = (bytes: number): void => {
    if (bytes <= intset.length) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * intset.length))
    intset.copy(larger, 0, 0, intsetBytes(intset, 0))
    intset = larger
  }

  return {
    add(bytes, start, end) {
      if (root === 0) {
        if (parseInt64Words(bytes, start, end, NUMBER)) {
          const { high, low } = NUMBER
          const index = intsetSearch(intset, 0, high, low)
          if (index >= 0) return false
          if (setFitsIntset(limits, intsetLength(intset, 0) + 1)) {
            makeRoom(intsetBytesWith(intset, 0, high, low))
            intsetInsert(intset, 0, -1 - index, high, low)
            return true
          }
        }
        root = setTableOf(nodes, intset, 0)
      }
      return dictSet(nodes, root, bytes, start, end, NO_VALUE, 0, 0)
    },
    remove(bytes, start, end) {
      if (root !== 0) return dictDelete(nodes, root, bytes, start, end)
      const index = intsetFind(intset, 0, bytes, start, end)
      if (index >= 0) intsetRemove(intset, 0, index)
      return index >= 0
    },
    count: () => (root === 0 ? intsetLength(intset, 0) : nodes.count(root)),
    finish(): BuiltValue {
      if (root !== 0) return { kind: SET_TABLE, root, bytes: intset, start: 0, end: 0 }
      return { kind: SET_INTSET, root: 0, bytes: intset, start: 0, end: intsetBytes(intset, 0) }
    },
    abandon() {
      if (root !== 0) releaseDict(nodes, root)
      root = 0
    },
  }
}

const INTSET_ROOM = INTSET_HEADER_BYTES + 256

/** What the keyspace and the generic commands need to know of sets. */
export const SET_TYPE: ValueType = {
  type: TYPE_SET,
  name: 'set',
  encodings: { [INTSET]: 'intset', [TABLE]: 'hashtable' },
  parts: { [TABLE]: { walk: walkDict, clone: cloneDict, move: moveDict } },
  count: setCount,
  elements: (set, visit) => setForEach(set, (member) => visit(member, undefined)),
}
