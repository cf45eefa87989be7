// Lists: elements in an order of their own. Small ones are one listpack, all others a quicklist of pages. As in Redis 7.0 both
// are called quicklist: there a small one is a quicklist of one node.

import { ENCODING_SHIFT } from '../store/entry.ts'
import {
  LP_EMPTY_BYTES,
  lpAppend,
  lpBytes,
  lpCount,
  lpEncodedBytes,
  lpInit,
  lpNext,
  lpPrevious,
  lpSeek,
  lpText,
  makeLpText,
  NONE,
} from '../store/listpack.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import {
  cloneQuicklist,
  createQuicklist,
  isLongElement,
  LIST_PAGE_BYTES_MAX,
  moveQuicklist,
  pageTakes,
  quicklistAppendPage,
  quicklistInsert,
  quicklistRange,
  releaseQuicklist,
  type VisitListElement,
  walkQuicklist,
} from '../store/quicklist.ts'
import type { BuiltValue, TypeLimits, ValueBuilder } from './builder.ts'
import { TYPE_LIST, type ValueSource, type ValueType } from './value-type.ts'

const LISTPACK = 0
const PARTS = 8

/** Type and encoding as an entry's header holds them. */
export const LIST_LISTPACK = TYPE_LIST | (LISTPACK << ENCODING_SHIFT)
export const LIST_PARTS = TYPE_LIST | (PARTS << ENCODING_SHIFT)

const TEXT = makeLpText()
const ELEMENT: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** Number of elements. */
export function listCount(list: ValueSource): number {
  return list.root === 0 ? lpCount(list.bytes, list.start) : list.nodes.count(list.root)
}

/** Visits `count` elements from index `from` on, upwards or with `back` downwards; there must be as many. */
export function listRange(
  list: ValueSource,
  from: number,
  count: number,
  back: boolean,
  visit: VisitListElement,
): void {
  if (list.root !== 0) return quicklistRange(list.nodes, list.root, from, count, back, visit)
  const { bytes: b, start: at } = list
  const step = back ? -1 : 1
  let p = count > 0 ? lpSeek(b, at, from) : NONE
  for (let i = 0; i < count; i++) {
    lpText(b, p, TEXT)
    ELEMENT.bytes = TEXT.bytes as Buffer
    ELEMENT.start = TEXT.start
    ELEMENT.end = TEXT.end
    if (visit(ELEMENT, from + i * step)) return
    p = back ? lpPrevious(b, at, p) : lpNext(b, p)
  }
}

/** The quicklist with the contents of a listpack. Throws ArenaFullError. */
export function listPartsOf(nodes: Nodes, listpack: Uint8Array, at: number): number {
  const root = createQuicklist(nodes)
  try {
    if (lpCount(listpack, at) > 0) quicklistAppendPage(nodes, root, listpack, at)
  } catch (error) {
    releaseQuicklist(nodes, root)
    throw error
  }
  return root
}

/** Whether a list that is one listpack, of so many bytes and elements, stays one with another element of `length` bytes. */
export function listpackTakes(limits: TypeLimits, bytes: number, count: number, length: number): boolean {
  if (isLongElement(length)) return false
  return count === 0 || pageTakes(limits['list-max-listpack-size'], bytes, count, length)
}

/** Builds a list from elements that come one after the other. */
export interface ListBuilder extends ValueBuilder {
  push(bytes: Uint8Array, start: number, end: number): void
  /** Adds the elements of a sound listpack, as a page of their own where they fit one. */
  page(listpack: Uint8Array, at: number): void
  /** Number of elements. */
  count(): number
}

/** A builder of a list. */
export function createListBuilder(nodes: Nodes, limits: TypeLimits): ListBuilder {
  let listpack = Buffer.allocUnsafe(LISTPACK_ROOM)
  lpInit(listpack, 0)
  let root = 0

  const makeRoom = (bytes: number): void => {
    if (bytes <= listpack.length) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * listpack.length))
    listpack.copy(larger, 0, 0, lpBytes(listpack, 0))
    listpack = larger
  }

  const push = (bytes: Uint8Array, start: number, end: number): void => {
    if (root === 0) {
      const used = lpBytes(listpack, 0)
      if (listpackTakes(limits, used, lpCount(listpack, 0), end - start)) {
        makeRoom(used + lpEncodedBytes(bytes, start, end))
        lpAppend(listpack, 0, bytes, start, end)
        return
      }
      root = listPartsOf(nodes, listpack, 0)
    }
    quicklistInsert(nodes, root, limits['list-max-listpack-size'], nodes.count(root), bytes, start, end)
  }

  return {
    push,
    page(other, at) {
      const bytes = lpBytes(other, at)
      if (bytes > LIST_PAGE_BYTES_MAX) {
        for (let p = lpSeek(other, at, 0); p !== NONE; p = lpNext(other, p)) {
          lpText(other, p, TEXT)
          push(TEXT.bytes, TEXT.start, TEXT.end)
        }
        return
      }
      if (root === 0 && lpCount(listpack, 0) === 0) {
        makeRoom(bytes)
        listpack.set(other.subarray(at, at + bytes))
        return
      }
      if (root === 0) root = listPartsOf(nodes, listpack, 0)
      quicklistAppendPage(nodes, root, other, at)
    },
    count: () => (root === 0 ? lpCount(listpack, 0) : nodes.count(root)),
    finish(): BuiltValue {
      if (root !== 0) return { kind: LIST_PARTS, root, bytes: listpack, start: 0, end: 0 }
      return { kind: LIST_LISTPACK, root: 0, bytes: listpack, start: 0, end: lpBytes(listpack, 0) }
    },
    abandon() {
      if (root !== 0) releaseQuicklist(nodes, root)
      root = 0
    },
  }
}

const LISTPACK_ROOM = 256 + LP_EMPTY_BYTES

/** What the keyspace and the generic commands need to know of lists. */
export const LIST_TYPE: ValueType = {
  type: TYPE_LIST,
  name: 'list',
  encodings: { [LISTPACK]: 'quicklist', [PARTS]: 'quicklist' },
  parts: { [PARTS]: { walk: walkQuicklist, clone: cloneQuicklist, move: moveQuicklist } },
  count: listCount,
  elements(list, visit) {
    listRange(list, 0, listCount(list), false, (element) => {
      visit(element, undefined)
      return false
    })
  },
}
