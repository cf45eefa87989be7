// Lists in RDB files: nodes, each a listpack or one element (18); before 7.0 nodes that are ziplists (14), before 3.2 one ziplist
// (10) or the elements one by one (1).

import { lpCount, lpValidate, NONE } from '../../store/listpack.ts'
import { createListBuilder, type ListBuilder } from '../../types/list.ts'
import { TYPE_LIST } from '../../types/value-type.ts'
import { RDB_LIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST } from '../rdb-format.ts'
import { type BuildContext, emptyRange, type RdbInput, type ValueCodec, type ValueReader } from './value-codec.ts'
import { visitZiplist } from './ziplist.ts'

/** A node that is one element's bytes, and one that is a listpack. */
const CONTAINER_PLAIN = 1
const CONTAINER_PACKED = 2

/** A value of which `readOne` reads one piece a step; `counted` if their number comes first, else there is one. */
function readPieces(
  context: BuildContext,
  counted: boolean,
  readOne: (input: RdbInput, builder: ListBuilder) => void,
): ValueReader {
  let builder: ListBuilder | undefined
  let left = 1
  return {
    step(input) {
      if (builder === undefined) {
        if (counted) left = input.length()
        builder = createListBuilder(context.nodes, context.limits)
        if (counted) return left === 0
      }
      readOne(input, builder)
      return --left === 0
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

const RANGE = emptyRange()

function readElement(input: RdbInput, builder: ListBuilder): void {
  input.string(RANGE)
  builder.push(RANGE.bytes, RANGE.start, RANGE.end)
}

function readZiplist(input: RdbInput, builder: ListBuilder): void {
  input.string(RANGE)
  const sound = visitZiplist(RANGE.bytes, RANGE.start, RANGE.end, ({ bytes, start, end }) => {
    builder.push(bytes, start, end)
  })
  if (!sound) throw input.corrupt('Quicklist ziplist integrity check failed')
}

function readNode(input: RdbInput, builder: ListBuilder): void {
  const container = input.length()
  input.string(RANGE)
  if (RANGE.start === RANGE.end) throw input.corrupt('Quicklist integrity check failed: a node of no bytes')
  if (container === CONTAINER_PLAIN) return builder.push(RANGE.bytes, RANGE.start, RANGE.end)
  if (container !== CONTAINER_PACKED) throw input.corrupt('Quicklist integrity check failed: a node of an unknown kind')
  const elements = lpValidate(RANGE.bytes, RANGE.start, RANGE.end - RANGE.start)
  if (elements === NONE) throw input.corrupt('Quicklist listpack integrity check failed')
  if (lpCount(RANGE.bytes, RANGE.start) > 0) builder.page(RANGE.bytes, RANGE.start)
}

/** The codec's row of lists. */
export const LIST_CODEC: ValueCodec = {
  type: TYPE_LIST,
  written: { 0: RDB_LIST_QUICKLIST_2, 8: RDB_LIST_QUICKLIST_2 },
  // A list that is one listpack is written as one node.
  prefix: Uint8Array.of(1, CONTAINER_PACKED),
  readers: {
    [RDB_LIST]: (context) => readPieces(context, true, readElement),
    [RDB_LIST_ZIPLIST]: (context) => readPieces(context, false, readZiplist),
    [RDB_LIST_QUICKLIST]: (context) => readPieces(context, true, readZiplist),
    [RDB_LIST_QUICKLIST_2]: (context) => readPieces(context, true, readNode),
  },
}
