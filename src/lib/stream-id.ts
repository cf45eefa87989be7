// IDs of stream entries: milliseconds and a sequence number, 64 bits without sign each, kept as 32-bit words so that they are
// exact and cost no allocation. As text they are `ms-seq`.

/** An ID: four words without sign. */
export interface StreamId {
  msHigh: number
  msLow: number
  seqHigh: number
  seqLow: number
}

/** Bytes of an ID where it stands as a key: most significant first. */
export const STREAM_ID_BYTES = 16
const WORD = 2 ** 32
const WORD_MAX = WORD - 1
const UINT64_MAX = 2n ** 64n - 1n

export function makeStreamId(msHigh = 0, msLow = 0, seqHigh = 0, seqLow = 0): StreamId {
  return { msHigh, msLow, seqHigh, seqLow }
}

/** The lowest ID, which no entry has, and the highest. */
export const STREAM_ID_MIN: Readonly<StreamId> = makeStreamId()
export const STREAM_ID_MAX: Readonly<StreamId> = makeStreamId(WORD_MAX, WORD_MAX, WORD_MAX, WORD_MAX)

export function copyId(into: StreamId, from: Readonly<StreamId>): StreamId {
  into.msHigh = from.msHigh
  into.msLow = from.msLow
  into.seqHigh = from.seqHigh
  into.seqLow = from.seqLow
  return into
}

/** Below 0, 0 or above 0. */
export function compareIds(a: Readonly<StreamId>, b: Readonly<StreamId>): number {
  if (a.msHigh !== b.msHigh) return a.msHigh - b.msHigh
  if (a.msLow !== b.msLow) return a.msLow - b.msLow
  return a.seqHigh !== b.seqHigh ? a.seqHigh - b.seqHigh : a.seqLow - b.seqLow
}

export function isZeroId(id: Readonly<StreamId>): boolean {
  return (id.msHigh | id.msLow | id.seqHigh | id.seqLow) === 0
}

/** The next ID, in place; false, and the ID stays, if there is none. */
export function incrementId(id: StreamId): boolean {
  if (compareIds(id, STREAM_ID_MAX) === 0) return false
  id.seqLow = (id.seqLow + 1) >>> 0
  if (id.seqLow !== 0) return true
  id.seqHigh = (id.seqHigh + 1) >>> 0
  if (id.seqHigh !== 0) return true
  id.msLow = (id.msLow + 1) >>> 0
  if (id.msLow === 0) id.msHigh++
  return true
}

/** The ID before, in place; false, and the ID stays, if there is none. */
export function decrementId(id: StreamId): boolean {
  if (isZeroId(id)) return false
  if (id.seqLow-- !== 0) return true
  id.seqLow = WORD_MAX
  if (id.seqHigh-- !== 0) return true
  id.seqHigh = WORD_MAX
  if (id.msLow-- !== 0) return true
  id.msLow = WORD_MAX
  id.msHigh--
  return true
}

/** The milliseconds as a number, rounded beyond 2⁵³; never descends where IDs ascend. */
export function idKey(id: Readonly<StreamId>): number {
  return id.msHigh * WORD + id.msLow
}

/** Sets the milliseconds to an integer below 2⁵³, and the sequence number to 0. */
export function setIdMs(id: StreamId, ms: number): StreamId {
  id.msHigh = Math.floor(ms / WORD)
  id.msLow = ms >>> 0
  id.seqHigh = id.seqLow = 0
  return id
}

/** A number of 64 bits from its words. */
export function wordsToBigInt(high: number, low: number): bigint {
  return high === 0 ? BigInt(low) : BigInt(high) * 4294967296n + BigInt(low)
}

function wordsText(high: number, low: number): string {
  return String(high < 2 ** 21 ? high * WORD + low : wordsToBigInt(high, low))
}

/** The ID as text. */
export function idText(id: Readonly<StreamId>, separator = '-'): string {
  return wordsText(id.msHigh, id.msLow) + separator + wordsText(id.seqHigh, id.seqLow)
}

/** Reads the words of an ID as a key has them. */
export function readIdKey(bytes: Buffer, at: number, into: StreamId): StreamId {
  into.msHigh = bytes.readUInt32BE(at)
  into.msLow = bytes.readUInt32BE(at + 4)
  into.seqHigh = bytes.readUInt32BE(at + 8)
  into.seqLow = bytes.readUInt32BE(at + 12)
  return into
}

/** Writes an ID as a key. */
export function writeIdKey(id: Readonly<StreamId>, bytes: Buffer, at: number): void {
  bytes.writeUInt32BE(id.msHigh, at)
  bytes.writeUInt32BE(id.msLow, at + 4)
  bytes.writeUInt32BE(id.seqHigh, at + 8)
  bytes.writeUInt32BE(id.seqLow, at + 12)
}

// As strtoull takes them: blanks and a plus sign before the digits, and leading zeros.
const NUMBER = /^[ \t-\r]*\+?(\d+)$/

/** A number of 64 bits without sign; undefined if the text is none. */
function parseUint64(text: string): bigint | undefined {
  const digits = NUMBER.exec(text)?.[1]
  if (digits === undefined) return undefined
  const n = BigInt(digits)
  return n <= UINT64_MAX ? n : undefined
}

/** No text of an ID is longer. */
const TEXT_LENGTH_MAX = 127

/** What `parseId` found where the sequence number stands. */
export type SequenceForm = 'given' | 'missing' | 'star'

/**
 * Reads `ms`, `ms-seq` or `ms-*` into `id`. Without a sequence number it is 0, or with `last` the highest. Undefined if the text
 * is none of these.
 */
export function parseId(text: string, id: StreamId, last = false): SequenceForm | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined
  const dash = text.indexOf('-')
  const ms = parseUint64(dash < 0 ? text : text.slice(0, dash))
  if (ms === undefined) return undefined
  const sequence = dash < 0 ? undefined : text.slice(dash + 1)
  const star = sequence === '*'
  const seq = sequence === undefined ? (last ? UINT64_MAX : 0n) : star ? 0n : parseUint64(sequence)
  if (seq === undefined) return undefined
  id.msHigh = Number(ms >> 32n)
  id.msLow = Number(ms & 0xffffffffn)
  id.seqHigh = Number(seq >> 32n)
  id.seqLow = Number(seq & 0xffffffffn)
  return star ? 'star' : sequence === undefined ? 'missing' : 'given'
}
