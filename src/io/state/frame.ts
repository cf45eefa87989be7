// The bytes of the state file: a header, then frames. One frame is one StateChange, so a change is there whole or not at all.
//
//   file   = "VEDSTATE" version:u32 0:u32 frame*
//   frame  = header payload
//   header = "VF" 0 0, payload length:u32, sequence:u48, 0 0, crc32c(payload):u32, crc32c(header so far):u32     (24 bytes)
//   payload = item*;  item = kind:u8 length:u32 body
//
// All integers big-endian. Sequence numbers rise by one from frame to frame, so a lost stretch shows. The header has a
// checksum of its own, so that a flipped bit in the length of the last frame is not mistaken for a torn write.
import { crc32c } from '../../lib/crc32c.ts'
import type { StateChange, StoredEntry, StoredEntryKind, StoredHardState, StoredSnapshot } from './store.ts'

export const FILE_HEADER_BYTES = 16
export const FRAME_HEADER_BYTES = 24
/** Larger payloads are refused when written, and taken for damage when read. */
export const FRAME_PAYLOAD_BYTES_MAX = 256 << 20
export const FORMAT_VERSION = 1

const FILE_MAGIC = Buffer.from('VEDSTATE')
const FRAME_MAGIC = 0x56460000
const U48_MAX = 2 ** 48 - 1
const SECTOR_BYTES = 512
const ZEROS_MIN = 16 // fewer may well be data

const ITEM = { identity: 1, snapshot: 2, entry: 3, hardState: 4, promise: 5, level: 6 } as const
const ENTRY_KINDS: readonly StoredEntryKind[] = ['normal', 'noop', 'config', 'level']

export function encodeFileHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES)
  FILE_MAGIC.copy(header)
  header.writeUInt32BE(FORMAT_VERSION, FILE_MAGIC.length)
  return header
}

/** The format version, or undefined when this is no state file. */
export function readFileHeader(file: Buffer): number | undefined {
  if (file.length < FILE_HEADER_BYTES || !file.subarray(0, FILE_MAGIC.length).equals(FILE_MAGIC)) return undefined
  if (file.readUInt32BE(FILE_HEADER_BYTES - 4) !== 0) return undefined
  return file.readUInt32BE(FILE_MAGIC.length)
}

/** One change as a frame. Throws RangeError when it is larger than a frame may be. */
export function encodeFrame(change: StateChange, sequence: number): Buffer {
  const items: Buffer[] = []
  if (change.identity !== undefined) items.push(item(ITEM.identity, change.identity))
  if (change.snapshot !== undefined) {
    items.push(item(ITEM.snapshot, ...encodeSnapshot(change.snapshot)))
    if (change.snapshot.level !== 1) items.push(item(ITEM.level, u48(change.snapshot.level)))
  }
  for (const entry of change.entries ?? []) items.push(item(ITEM.entry, ...encodeEntry(entry)))
  if (change.hardState !== undefined) {
    items.push(item(ITEM.hardState, ...encodeHardState(change.hardState)))
    // Seldom there; a hard state alone says that nothing was promised beyond the configured timeout.
    if (change.hardState.promiseMs > 0) items.push(item(ITEM.promise, u48(Math.ceil(change.hardState.promiseMs))))
  }
  const payloadBytes = items.reduce((sum, part) => sum + part.length, 0)
  if (payloadBytes > FRAME_PAYLOAD_BYTES_MAX)
    throw new RangeError(`a state change of ${payloadBytes} bytes is too large`)

  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  const frame = Buffer.concat([header, ...items])
  frame.writeUInt32BE(FRAME_MAGIC, 0)
  frame.writeUInt32BE(payloadBytes, 4)
  frame.writeUIntBE(sequence, 8, 6)
  frame.writeUInt32BE(crc32c(frame, FRAME_HEADER_BYTES), 16)
  frame.writeUInt32BE(crc32c(frame, 0, 20), 20)
  return frame
}

/** What stands at an offset of the file. */
export type FrameResult =
  | { kind: 'frame'; sequence: number; change: StateChange; end: number }
  /** The rest of the file was never completely written: the change was never promised to anyone. */
  | { kind: 'torn'; reason: string }
  | { kind: 'damaged'; reason: string }

/** Reads the frame at `offset`, which is before the end of the file. */
export function readFrame(file: Buffer, offset: number): FrameResult {
  const available = file.length - offset
  if (available < FRAME_HEADER_BYTES) return { kind: 'torn', reason: 'a frame header is cut short' }
  const header = validHeader(file, offset)
  if (header === undefined)
    return neverWritten(file, offset, file.length) ? torn() : { kind: 'damaged', reason: 'a frame header is damaged' }
  const start = offset + FRAME_HEADER_BYTES
  const end = start + header.payloadBytes
  if (end > file.length) return { kind: 'torn', reason: 'a frame is cut short' }
  if (crc32c(file, start, end) !== header.payloadCrc)
    return neverWritten(file, offset, end) ? torn() : { kind: 'damaged', reason: 'the checksum of a frame is wrong' }
  const change = decodePayload(file.subarray(start, end))
  if (change === undefined) return { kind: 'damaged', reason: 'a frame holds something unknown' }
  return { kind: 'frame', sequence: header.sequence, change, end }
}

/** Whether a whole valid frame with a sequence above `sequence` stands anywhere at or after `offset`. */
export function hasLaterFrame(file: Buffer, offset: number, sequence: number): boolean {
  const mark = Buffer.alloc(4)
  mark.writeUInt32BE(FRAME_MAGIC)
  for (let at = file.indexOf(mark, offset); at >= 0; at = file.indexOf(mark, at + 1)) {
    const header = validHeader(file, at)
    if (header === undefined || header.sequence <= sequence) continue
    const start = at + FRAME_HEADER_BYTES
    const end = start + header.payloadBytes
    if (end <= file.length && crc32c(file, start, end) === header.payloadCrc) return true
  }
  return false
}

function torn(): FrameResult {
  return { kind: 'torn', reason: 'a part of a frame was never written' }
}

function validHeader(file: Buffer, offset: number) {
  if (file.length - offset < FRAME_HEADER_BYTES || file.readUInt32BE(offset) !== FRAME_MAGIC) return undefined
  if (crc32c(file, offset, offset + 20) !== file.readUInt32BE(offset + 20)) return undefined
  const payloadBytes = file.readUInt32BE(offset + 4)
  if (payloadBytes > FRAME_PAYLOAD_BYTES_MAX) return undefined
  return { payloadBytes, sequence: file.readUIntBE(offset + 8, 6), payloadCrc: file.readUInt32BE(offset + 16) }
}

/**
 * Whether a sector's share of file[start, end) is all zeros. That is what a file system leaves of a write that a power
 * failure cut off, in any order of sectors; a flipped bit does not look so.
 */
function neverWritten(file: Buffer, start: number, end: number): boolean {
  for (let from = start; from < end; ) {
    const to = Math.min(end, from - (from % SECTOR_BYTES) + SECTOR_BYTES)
    if (to - from >= ZEROS_MIN && file.subarray(from, to).every((byte) => byte === 0)) return true
    from = to
  }
  return false
}

// ---- items ----

function item(kind: number, ...body: Uint8Array[]): Buffer {
  const head = Buffer.alloc(5)
  head[0] = kind
  head.writeUInt32BE(
    body.reduce((sum, part) => sum + part.byteLength, 0),
    1,
  )
  return Buffer.concat([head, ...body])
}

function u48(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0 || value > U48_MAX) throw new RangeError(`${value} is no 48-bit number`)
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function texts(values: readonly string[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16BE(values.length)
  return Buffer.concat([count, ...values.map(text)])
}

const encodeHardState = ({ term, vote, commit }: StoredHardState): Buffer[] => [
  u48(term),
  u48(commit),
  Buffer.from([vote === undefined ? 0 : 1]),
  text(vote ?? ''),
]

const encodeEntry = ({ index, term, kind, data }: StoredEntry): Uint8Array[] => [
  u48(index),
  u48(term),
  Buffer.from([ENTRY_KINDS.indexOf(kind)]),
  data,
]

const encodeSnapshot = ({ index, term, membership, data }: StoredSnapshot): Uint8Array[] => [
  u48(index),
  u48(term),
  texts(membership.voters),
  texts(membership.learners),
  data,
]

interface Reader {
  u8(): number
  u16(): number
  u48(): number
  text(): string
  rest(): Uint8Array
  readonly done: boolean
}

/** Reads past the end throw RangeError (Buffer's own), which decodePayload turns into "not decodable". */
function reader(bytes: Buffer): Reader {
  let at = 0
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('past the end')
    at += length
    return bytes.subarray(at - length, at)
  }
  const u16 = (): number => take(2).readUInt16BE()
  return {
    u8: () => take(1)[0]!,
    u16,
    u48: () => take(6).readUIntBE(0, 6),
    text: () => take(u16()).toString(),
    rest: () => Uint8Array.from(take(bytes.length - at)),
    get done() {
      return at === bytes.length
    },
  }
}

function decodePayload(payload: Buffer): StateChange | undefined {
  const change: { -readonly [Key in keyof StateChange]: StateChange[Key] } = {}
  const entries: StoredEntry[] = []
  try {
    for (let at = 0; at < payload.length; ) {
      const end = at + 5 + payload.readUInt32BE(at + 1)
      if (end > payload.length) return undefined
      const body = reader(payload.subarray(at + 5, end))
      const kind = payload[at]
      if (kind === ITEM.identity) change.identity = body.rest()
      else if (kind === ITEM.snapshot) change.snapshot = decodeSnapshot(body)
      else if (kind === ITEM.entry) entries.push(decodeEntry(body))
      else if (kind === ITEM.hardState) change.hardState = decodeHardState(body)
      else if (kind === ITEM.level && change.snapshot !== undefined)
        change.snapshot = { ...change.snapshot, level: body.u48() }
      else if (kind === ITEM.promise && change.hardState !== undefined)
        change.hardState = { ...change.hardState, promiseMs: body.u48() }
      else return undefined
      if (!body.done) return undefined
      at = end
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  if (entries.length > 0) change.entries = entries
  return change
}

function decodeHardState(body: Reader): StoredHardState {
  const term = body.u48()
  const commit = body.u48()
  const voted = body.u8() === 1
  const vote = body.text()
  return { term, commit, vote: voted ? vote : undefined, promiseMs: 0 }
}

function decodeEntry(body: Reader): StoredEntry {
  const index = body.u48()
  const term = body.u48()
  const kind = ENTRY_KINDS[body.u8()]
  if (kind === undefined) throw new RangeError('unknown kind of entry')
  return { index, term, kind, data: body.rest() }
}

function decodeSnapshot(body: Reader): StoredSnapshot {
  const index = body.u48()
  const term = body.u48()
  const names = (): string[] => Array.from({ length: body.u16() }, () => body.text())
  const voters = names()
  const learners = names()
  return { index, term, membership: { voters, learners }, level: 1, data: body.rest() }
}
