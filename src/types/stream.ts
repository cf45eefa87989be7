// Streams: entries of fields and values in the order of their IDs, with consumer groups. There is one encoding, in parts,
// also for streams without entries, which exist as keys.

import { idText, makeStreamId, STREAM_ID_MAX, STREAM_ID_MIN, type StreamId, writeIdKey } from '../lib/stream-id.ts'
import { ENCODING_SHIFT } from '../store/entry.ts'
import type { Moving, NodeOf } from '../store/moving.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import {
  cloneStreamEntries,
  createStream,
  moveStreamPages,
  streamAdded,
  streamDeletedId,
  streamEdgeId,
  streamLastId,
  streamPageCount,
  streamRange,
  walkStreamPages,
} from '../store/stream.ts'
import { cloneGroups, moveGroups, walkGroups } from '../store/stream-groups.ts'
import { visitPairs } from '../store/stream-page.ts'
import type { Done, ElementOut, Walk } from '../store/walk.ts'
import { TYPE_STREAM, type ValueSource, type ValueType, type VisitElement } from './value-type.ts'

const PARTS = 8

/** Type and encoding as an entry's header holds them. */
export const STREAM_PARTS = TYPE_STREAM | (PARTS << ENCODING_SHIFT)

/** Number of entries. */
export function streamLength(stream: ValueSource): number {
  return stream.nodes.count(stream.root)
}

const WIDE = Buffer.alloc(9)
/** First byte of a number of 64 bits in RDB files. */
const LENGTH_64_BIT = 0x81

/** Writes a number of 64 bits as RDB files have it. */
export function writeWords(out: ElementOut, high: number, low: number): void {
  if (high === 0) return out.length(low)
  WIDE[0] = LENGTH_64_BIT
  WIDE.writeUInt32BE(high, 1)
  WIDE.writeUInt32BE(low, 5)
  out.part(WIDE, 0, 9)
}

/** Writes an ID as two numbers. */
export function writeIdNumbers(out: ElementOut, id: Readonly<StreamId>): void {
  writeWords(out, id.msHigh, id.msLow)
  writeWords(out, id.seqHigh, id.seqLow)
}

const NUMBERS = { id: writeIdNumbers, words: writeWords }
const KEY = Buffer.alloc(16)

/** The walk over a stream (walk.ts), as RDB type 19 has it: pages, what the stream remembers, groups. */
function* walkStream(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk {
  const first = makeStreamId()
  if (out !== undefined) {
    streamEdgeId(nodes, root, false, first)
    out.length(streamPageCount(nodes, root))
  }
  yield* walkStreamPages(nodes, root, out, done, (page) => {
    writeIdKey(page, KEY, 0)
    out!.string(KEY, 0, KEY.length)
  })
  if (out !== undefined) writeMemory(nodes, root, out, first)
  yield* walkGroups(nodes, root, out, done, NUMBERS)
  done(root)
}

/** What a stream remembers. */
function writeMemory(nodes: Nodes, root: number, out: ElementOut, first: StreamId): void {
  const id = makeStreamId()
  out.length(nodes.count(root))
  writeIdNumbers(out, streamLastId(nodes, root, id))
  writeIdNumbers(out, first)
  writeIdNumbers(out, streamDeletedId(nodes, root, id))
  const added = streamAdded(nodes, root)
  writeWords(out, Number(added >> 32n), Number(added & 0xffffffffn))
}

/** A copy of a stream. Throws ArenaFullError. */
function cloneStream(nodes: Nodes, root: number): number {
  const copy = createStream(nodes)
  try {
    cloneStreamEntries(nodes, root, copy)
    cloneGroups(nodes, root, copy)
  } catch (error) {
    releaseStream(nodes, copy)
    throw error
  }
  return copy
}

/** Moves the nodes of a stream but the root (store/moving.ts). */
function* moveStream(nodes: Nodes, rootOf: NodeOf): Moving {
  yield* moveStreamPages(nodes, rootOf)
  yield* moveGroups(nodes, rootOf)
}

/** Gives back a stream that nobody else knows, at once. */
export function releaseStream(nodes: Nodes, root: number): void {
  const walk = walkStream(nodes, root, undefined, (h) => nodes.free(h))
  while (!walk.next().done);
}

/** The parts of all entries, as digests mix them: ID, then fields and values. */
function streamElements({ nodes, root }: ValueSource, visit: VisitElement): void {
  const range: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
  const tell = (bytes: Uint8Array, start: number, end: number): void => {
    range.bytes = bytes as Buffer
    range.start = start
    range.end = end
    visit(range, undefined)
  }
  streamRange(nodes, root, STREAM_ID_MIN, STREAM_ID_MAX, false, (entry) => {
    const id = Buffer.from(idText(entry.id, '.'), 'latin1')
    tell(id, 0, id.length)
    visitPairs(entry, (field, value) => {
      tell(field.bytes, field.start, field.end)
      tell(value.bytes, value.start, value.end)
    })
    return true
  })
}

/** What the keyspace and the generic commands need to know of streams. */
export const STREAM_TYPE: ValueType = {
  type: TYPE_STREAM,
  name: 'stream',
  encodings: { [PARTS]: 'stream' },
  parts: { [PARTS]: { walk: walkStream, clone: cloneStream, move: moveStream } },
  count: streamLength,
  elements: streamElements,
}
