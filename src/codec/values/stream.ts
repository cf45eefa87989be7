// Streams in RDB files: pages of listpacks, then what the stream remembers, then its groups. Type 15 (Redis 5) remembers the
// last ID only, 19 (7.0) also the first ID, the highest deleted one and the number of entries ever added, 21 (7.2) has one time
// more for each consumer.

import {
  compareIds,
  isZeroId,
  makeStreamId,
  readIdKey,
  STREAM_ID_BYTES,
  type StreamId,
  wordsToBigInt,
} from '../../lib/stream-id.ts'
import { lpFirst, lpInteger, NONE } from '../../store/listpack.ts'
import type { NodeBytes } from '../../store/nodes.ts'
import {
  createStream,
  setStreamAdded,
  setStreamDeletedId,
  setStreamLastId,
  streamAppend,
  streamAppendPage,
} from '../../store/stream.ts'
import {
  addedUpTo,
  consumerNumber,
  createConsumer,
  createGroup,
  findConsumer,
  findPending,
  makePending,
  setPending,
} from '../../store/stream-groups.ts'
import {
  type EntryPairs,
  firstEntry,
  makePageEntry,
  nextEntry,
  PAGE_BYTES_MAX,
  validatePage,
  visitPairs,
} from '../../store/stream-page.ts'
import { releaseStream, STREAM_PARTS } from '../../types/stream.ts'
import { TYPE_STREAM } from '../../types/value-type.ts'
import {
  LENGTH_6_BIT,
  LENGTH_14_BIT,
  LENGTH_32_BIT,
  LENGTH_64_BIT,
  RDB_STREAM,
  RDB_STREAM_2,
  RDB_STREAM_3,
} from '../rdb-format.ts'
import { type BuildContext, emptyRange, type RdbInput, type ValueCodec, type ValueReader } from './value-codec.ts'

/** What is read after what. */
type Stage = 'begin' | 'pages' | 'memory' | 'group' | 'pending' | 'consumers' | 'consumer' | 'owned'

/** A number of 64 bits, exactly. */
interface Words {
  high: number
  low: number
}

const NUMBER: Words = { high: 0, low: 0 }
const RAW = emptyRange()

/** Reads a length of any form without rounding it. */
function readWords(input: RdbInput, into: Words): Words {
  input.raw(1, RAW)
  const first = RAW.bytes[RAW.start]
  into.high = 0
  if (first >>> 6 === LENGTH_6_BIT) into.low = first & 0x3f
  else if (first >>> 6 === LENGTH_14_BIT) {
    input.raw(1, RAW)
    into.low = ((first & 0x3f) << 8) | RAW.bytes[RAW.start]
  } else if (first === LENGTH_32_BIT) {
    input.raw(4, RAW)
    into.low = RAW.bytes.readUInt32BE(RAW.start)
  } else if (first === LENGTH_64_BIT) {
    input.raw(8, RAW)
    into.high = RAW.bytes.readUInt32BE(RAW.start)
    into.low = RAW.bytes.readUInt32BE(RAW.start + 4)
  } else throw input.corrupt('a number that is none in a stream')
  return into
}

/** Reads an ID that is two numbers. */
function readIdNumbers(input: RdbInput): StreamId {
  const ms = readWords(input, { ...NUMBER })
  const seq = readWords(input, NUMBER)
  return makeStreamId(ms.high, ms.low, seq.high, seq.low)
}

/** A reader of streams; `version` 1, 2 and 3 are types 15, 19 and 21. */
function readStream(context: BuildContext, version: 1 | 2 | 3): ValueReader {
  const { nodes } = context
  const key = emptyRange()
  const listpack = emptyRange()
  const page = makeStreamId()
  /** The last entry that was read, and the one before the page under way. */
  const last = makeStreamId()
  const before = makeStreamId()
  let stage: Stage = 'begin'
  let root = 0
  let pages = 0
  /** Groups, pending entries, consumers and IDs of a consumer that are still to come. */
  let groups = 0
  let pending = 0
  let consumers = 0
  let ids = 0
  /** The group and the number of the consumer that are being read; pending entries of the group that nobody has yet. */
  let group = 0
  let consumer = 0
  let unowned = 0
  const name = emptyRange()
  const entry = makePending()
  const found = makePending()

  const readGroup = (input: RdbInput): Stage => {
    input.string(name)
    const lastId = readIdNumbers(input)
    const read = version > 1 ? readWords(input, { ...NUMBER }) : undefined
    pending = unowned = input.length()
    const known = read === undefined ? addedUpTo(nodes, root, lastId) : wordsToBigInt(read.high, read.low)
    group = createGroup(nodes, root, name, lastId, known)
    if (group === 0) throw input.corrupt('a consumer group that comes twice')
    groups--
    return pending > 0 ? 'pending' : 'consumers'
  }

  const readRawId = (input: RdbInput): void => {
    input.raw(STREAM_ID_BYTES, RAW)
    readIdKey(RAW.bytes, RAW.start, entry.id)
  }

  const readTime = (input: RdbInput): number => {
    input.raw(8, RAW)
    // Whatever a payload says, it must fit 64 bits again when it is written.
    const ms = Number(RAW.bytes.readBigInt64LE(RAW.start))
    return Math.max(Math.min(ms, Number.MAX_SAFE_INTEGER), 0)
  }

  const readPending = (input: RdbInput): Stage => {
    readRawId(input)
    entry.atMs = readTime(input)
    const deliveries = readWords(input, NUMBER)
    entry.deliveries = deliveries.high === 0 ? deliveries.low : 0xffffffff
    entry.consumer = 0
    if (findPending(nodes, group, entry.id, found)) throw input.corrupt('a pending entry that comes twice')
    setPending(nodes, root, group, entry)
    return --pending > 0 ? 'pending' : 'consumers'
  }

  const readConsumer = (input: RdbInput): Stage => {
    input.string(name)
    const seenMs = readTime(input)
    if (version > 2) readTime(input)
    ids = input.length()
    if (findConsumer(nodes, group, name) !== 0) throw input.corrupt('Duplicate stream consumer detected')
    consumer = consumerNumber(nodes, createConsumer(nodes, root, group, name, seenMs))
    consumers--
    return afterConsumer(input)
  }

  const readOwned = (input: RdbInput): Stage => {
    readRawId(input)
    if (!findPending(nodes, group, entry.id, found)) throw input.corrupt('Consumer entry not found in group global PEL')
    if (found.consumer !== 0) throw input.corrupt('Stream consumer PEL entry already has a consumer assigned')
    found.consumer = consumer
    setPending(nodes, root, group, found)
    unowned--
    ids--
    return afterConsumer(input)
  }

  /** What comes after a consumer, or one of its entries. */
  const afterConsumer = (input: RdbInput): Stage => {
    if (ids > 0) return 'owned'
    if (consumers > 0) return 'consumer'
    if (unowned !== 0) throw input.corrupt('a pending entry without a consumer')
    return 'group'
  }

  const readPage = (input: RdbInput): void => {
    input.string(key)
    input.string(listpack)
    if (key.end - key.start !== STREAM_ID_BYTES) throw input.corrupt('a page of a stream without an ID')
    readIdKey(key.bytes, key.start, page)
    Object.assign(before, last)
    const { bytes, start, end } = listpack
    const count = validatePage(bytes, start, end, page, last)
    if (count === NONE) throw input.corrupt('Stream listpack integrity check failed')
    if (count === 0) return
    // Pages are found by their IDs, so these ascend, too.
    const ascends = isZeroId(before) || compareIds(page, before) > 0
    if (!ascends || compareIds(page, last) > 0) throw input.corrupt('a stream whose pages are not in order')
    if (end - start <= PAGE_BYTES_MAX || (count === 1 && isAlone(bytes, start))) {
      streamAppendPage(nodes, root, page, bytes, start, end)
    } else addEntries(context, root, page, listpack)
  }

  const readMemory = (input: RdbInput): void => {
    const length = readWords(input, { ...NUMBER })
    const lastId = readIdNumbers(input)
    if (length.high !== 0 || length.low !== nodes.count(root)) throw input.corrupt('a stream whose length is wrong')
    if (compareIds(lastId, last) < 0) throw input.corrupt('a stream with entries above its last ID')
    let deleted = makeStreamId()
    let added = length
    if (version > 1) {
      readIdNumbers(input)
      deleted = readIdNumbers(input)
      added = readWords(input, NUMBER)
    }
    groups = input.length()
    setStreamLastId(nodes, root, lastId)
    setStreamDeletedId(nodes, root, deleted)
    setStreamAdded(nodes, root, wordsToBigInt(added.high, added.low))
  }

  return {
    step(input) {
      if (stage === 'begin') {
        pages = input.length()
        root = createStream(nodes)
        stage = pages === 0 ? 'memory' : 'pages'
        return false
      }
      if (stage === 'pages') {
        readPage(input)
        if (--pages === 0) stage = 'memory'
        return false
      }
      if (stage === 'memory') {
        readMemory(input)
        stage = 'group'
      } else if (stage === 'group') stage = readGroup(input)
      else if (stage === 'pending') stage = readPending(input)
      else if (stage === 'consumers') {
        consumers = input.length()
        ids = 0
        stage = afterConsumer(input)
      } else stage = stage === 'consumer' ? readConsumer(input) : readOwned(input)
      return stage === 'group' && groups === 0
    },
    finish: () => ({ kind: STREAM_PARTS, root, bytes: EMPTY, start: 0, end: 0 }),
    abandon() {
      if (root !== 0) releaseStream(nodes, root)
      root = 0
    },
  }
}

const EMPTY = Buffer.alloc(0)

/** Whether there is no entry but one on a page, not even a deleted one. */
function isAlone(bytes: Buffer, start: number): boolean {
  const entry = makePageEntry()
  const p = firstEntry(bytes, start)
  return (
    nextEntry(bytes, start, p, PAGE_OF_NOTHING, entry) &&
    entry.next === NONE &&
    lpInteger(bytes, lpFirst(bytes, start)) === 1
  )
}

const PAGE_OF_NOTHING = makeStreamId()

/** Adds the entries of a page that is larger than ours are, one by one. */
function addEntries(context: BuildContext, root: number, page: StreamId, { bytes, start }: NodeBytes): void {
  const entry = makePageEntry()
  const pairs: EntryPairs = { bytes: EMPTY, ranges: [], count: 0 }
  for (let p = firstEntry(bytes, start); nextEntry(bytes, start, p, page, entry); p = entry.next) {
    if (entry.deleted) continue
    collectPairs(entry, pairs)
    streamAppend(context.nodes, root, entry.id, pairs, { bytes: 0, entries: 0 })
  }
}

/** The fields and values of an entry in a buffer of their own. */
function collectPairs(entry: ReturnType<typeof makePageEntry>, pairs: EntryPairs): void {
  const parts: Uint8Array[] = []
  let at = 0
  pairs.ranges.length = 0
  pairs.count = entry.fields
  visitPairs(entry, (field, value) => {
    for (const { bytes, start, end } of [field, value]) {
      parts.push(Buffer.from(bytes.subarray(start, end)))
      pairs.ranges.push(at, at + end - start)
      at += end - start
    }
  })
  pairs.bytes = Buffer.concat(parts)
}

/** The codec's row of streams. */
export const STREAM_CODEC: ValueCodec = {
  type: TYPE_STREAM,
  written: { 8: RDB_STREAM_2 },
  readers: {
    [RDB_STREAM]: (context) => readStream(context, 1),
    [RDB_STREAM_2]: (context) => readStream(context, 2),
    [RDB_STREAM_3]: (context) => readStream(context, 3),
  },
}
