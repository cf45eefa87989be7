// HyperLogLogs: strings that estimate how many different elements they have seen, with an error of 0.81 %. The bytes are those
// of Redis.
//
//   "HYLL" | encoding (0 dense, 1 sparse) | 3 unused | estimate, 8 bytes, lowest first; top bit set: not known | registers
//
// There are 16384 registers; the hash of an element chooses one, and its other bits give the rank that the register must have
// at least. Dense: 6 bits each, the lowest first. Sparse: runs of equal registers, in order, that add up to all:
//
//   00nnnnnn            n + 1 registers of 0
//   01nnnnnn nnnnnnnn   n + 1 registers of 0
//   1vvvvvnn            n + 1 registers of v + 1
//
// Changes happen in a copy (Sketch), so that a corrupted string is refused with everything as it was.

import { INT64_MIN } from '../lib/decimal.ts'
import { type Hash64, murmur64 } from '../lib/murmur64.ts'

export const REGISTERS = 16_384
const INDEX_BITS = 14
/** Bits of a hash beyond the index: the highest rank is one more. */
const RANK_BITS = 64 - INDEX_BITS
const HASH_SEED = 0xadc83b19

const HEADER_BYTES = 16
const ENCODING_AT = 4
const ESTIMATE_AT = 8
const UNKNOWN_AT = 15
const UNKNOWN = 0x80
const DENSE = 0
const SPARSE = 1
/** Length of every dense one. */
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * 6) / 8

const ZERO_RUN_MAX = 64
const VALUE_RUN_MAX = 4
const SPARSE_VALUE_MAX = 32
/** A change makes a sparse one longer by at most this. */
const GROWTH_BYTES_MAX = 4
const HYLL = Buffer.from('HYLL')

/** Thrown where the registers are not as they must be. */
export class CorruptedError extends Error {
  override readonly name = 'CorruptedError'
}

/** A copy to work on: the first `length` of the bytes. */
export interface Sketch {
  bytes: Buffer
  length: number
}

/** One that has seen nothing. */
export function emptySketch(): Sketch {
  const bytes = Buffer.alloc(HEADER_BYTES + 2)
  HYLL.copy(bytes)
  bytes[ENCODING_AT] = SPARSE
  putRun(bytes, HEADER_BYTES, 0, REGISTERS)
  return { bytes, length: bytes.length }
}

/** A copy of the one in bytes [start, end). */
export function copySketch(bytes: Buffer, start: number, end: number): Sketch {
  const copy = Buffer.allocUnsafe(end - start + GROWTH_BYTES_MAX)
  bytes.copy(copy, 0, start, end)
  return { bytes: copy, length: end - start }
}

/** Whether bytes [start, end) have the header of a HyperLogLog, and the length of a dense one if they say they are that. */
export function isHyperLogLog(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < HEADER_BYTES || !hasMagic(bytes, start)) return false
  const encoding = bytes[start + ENCODING_AT]
  return encoding === SPARSE || (encoding === DENSE && end - start === DENSE_BYTES)
}

/** Byte by byte: Buffer's compare leaves the compiled code, which was a tenth of PFADD (Node 20). */
function hasMagic(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < HYLL.length; i++) if (bytes[at + i] !== HYLL[i]) return false
  return true
}

export function isDense(bytes: Uint8Array, start: number): boolean {
  return bytes[start + ENCODING_AT] === DENSE
}

// ---- elements ----

/** Where an element belongs: which register, and the rank that it must have at least. */
export interface Place {
  index: number
  rank: number
}

const HASH: Hash64 = { high: 0, low: 0 }

/** Writes the place of the element in bytes [start, end) into `into`. */
export function placeOf(into: Place, bytes: Uint8Array, start: number, end: number): void {
  murmur64(HASH, bytes, start, end, HASH_SEED)
  const { high, low } = HASH
  into.index = low & (REGISTERS - 1)
  // The rank is the number of zeros before the first one, and that one; a bit beyond the last ends the search.
  const lower = (low >>> INDEX_BITS) | (high << (32 - INDEX_BITS))
  const upper = (high >>> INDEX_BITS) | (1 << (RANK_BITS - 32))
  into.rank = 1 + (lower !== 0 ? trailingZeros(lower) : 32 + trailingZeros(upper))
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}

// ---- dense ----

/** Register `index` of the dense one that begins at `start`. */
export function denseRegister(bytes: Uint8Array, start: number, index: number): number {
  const at = start + HEADER_BYTES + ((index * 6) >>> 3)
  const shift = (index * 6) & 7
  const low = bytes[at] >>> shift
  return (shift <= 2 ? low : low | (bytes[at + 1] << (8 - shift))) & 63
}

export function setDenseRegister(bytes: Uint8Array, start: number, index: number, value: number): void {
  const at = start + HEADER_BYTES + ((index * 6) >>> 3)
  const shift = (index * 6) & 7
  bytes[at] = (bytes[at] & ~(63 << shift)) | (value << shift)
  if (shift > 2) bytes[at + 1] = (bytes[at + 1] & ~(63 >>> (8 - shift))) | (value >>> (8 - shift))
}

// ---- sparse ----

const isValue = (byte: number): boolean => byte >= 0x80
const isLongZero = (byte: number): boolean => (byte & 0xc0) === 0x40
const rankIn = (byte: number): number => (isValue(byte) ? ((byte >>> 2) & 31) + 1 : 0)
const valueRun = (value: number, run: number): number => 0x80 | ((value - 1) << 2) | (run - 1)

/** How many registers the run at p has; what is cut off at `end` counts as zeros. */
function runLength(bytes: Uint8Array, p: number, end: number): number {
  const byte = bytes[p]
  if (isValue(byte)) return (byte & 3) + 1
  if (isLongZero(byte)) return (((byte & 0x3f) << 8) | (p + 1 < end ? bytes[p + 1] : 0)) + 1
  return byte + 1
}

/** Writes a run of registers at p, or nothing for an empty one; returns where it ends. */
function putRun(bytes: Uint8Array, p: number, value: number, run: number): number {
  if (run === 0) return p
  if (value !== 0) {
    bytes[p] = valueRun(value, run)
    return p + 1
  }
  if (run <= ZERO_RUN_MAX) {
    bytes[p] = run - 1
    return p + 1
  }
  bytes[p] = 0x40 | ((run - 1) >>> 8)
  bytes[p + 1] = (run - 1) & 0xff
  return p + 2
}

/** Calls `visit` for the runs of the sparse one in bytes [start, end); throws CorruptedError if they are not exactly all registers. */
function walkRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (value: number, first: number, run: number) => void,
): void {
  let first = 0
  for (let p = start + HEADER_BYTES; p < end; ) {
    const run = runLength(bytes, p, end)
    if (first + run > REGISTERS) throw new CorruptedError()
    visit(rankIn(bytes[p]), first, run)
    first += run
    p += isLongZero(bytes[p]) ? 2 : 1
  }
  if (first !== REGISTERS) throw new CorruptedError()
}

/** The runs as PFDEBUG DECODE shows them. */
export function describeRuns(bytes: Uint8Array, start: number, end: number): string {
  const runs: string[] = []
  for (let p = start + HEADER_BYTES; p < end; p += isLongZero(bytes[p]) ? 2 : 1) {
    const run = runLength(bytes, p, end)
    const value = rankIn(bytes[p])
    runs.push(value > 0 ? `v:${value},${run}` : `${isLongZero(bytes[p]) ? 'Z' : 'z'}:${run}`)
  }
  return runs.join(' ')
}

/** Makes a sparse one dense; what was known of the estimate stays. Throws CorruptedError. */
export function toDense(sketch: Sketch): void {
  if (isDense(sketch.bytes, 0)) return
  const dense = Buffer.alloc(DENSE_BYTES)
  sketch.bytes.copy(dense, 0, 0, HEADER_BYTES)
  dense[ENCODING_AT] = DENSE
  walkRuns(sketch.bytes, 0, sketch.length, (value, first, run) => {
    for (let i = 0; value > 0 && i < run; i++) setDenseRegister(dense, 0, first + i, value)
  })
  sketch.bytes = dense
  sketch.length = DENSE_BYTES
}

/** The estimate is not known any more. */
export function forgetEstimate(bytes: Uint8Array, start: number): void {
  bytes[start + UNKNOWN_AT] |= UNKNOWN
}

/**
 * Raises a register to a rank, if it is lower; whether it was. A sparse one becomes dense when it would have more than
 * `sparseBytesMax`, or cannot hold the rank. Throws CorruptedError.
 */
export function raise(sketch: Sketch, index: number, rank: number, sparseBytesMax: number): boolean {
  if (!isDense(sketch.bytes, 0)) return raiseSparse(sketch, index, rank, sparseBytesMax)
  if (denseRegister(sketch.bytes, 0, index) >= rank) return false
  setDenseRegister(sketch.bytes, 0, index, rank)
  forgetEstimate(sketch.bytes, 0)
  return true
}

function raiseAsDense(sketch: Sketch, index: number, rank: number): boolean {
  toDense(sketch)
  return raise(sketch, index, rank, 0)
}

const PIECES = new Uint8Array(1 + 2 * 2)

function raiseSparse(sketch: Sketch, index: number, rank: number, sparseBytesMax: number): boolean {
  if (rank > SPARSE_VALUE_MAX) return raiseAsDense(sketch, index, rank)
  makeRoom(sketch)
  const { bytes } = sketch
  const end = sketch.length
  let p = HEADER_BYTES
  let before = p
  let first = 0
  let run = 0
  while (p < end) {
    run = runLength(bytes, p, end)
    if (index < first + run) break
    before = p
    first += run
    p += isLongZero(bytes[p]) ? 2 : 1
  }
  if (p >= end) throw new CorruptedError()
  const value = rankIn(bytes[p])
  if (value >= rank) return false
  if (run === 1 && !isLongZero(bytes[p])) {
    bytes[p] = valueRun(rank, 1)
  } else {
    // What is left of the run stands before and behind the register's own.
    const own = putRun(PIECES, 0, value, index - first)
    PIECES[own] = valueRun(rank, 1)
    const size = putRun(PIECES, own + 1, value, first + run - 1 - index)
    const next = Math.min(end, p + (isLongZero(bytes[p]) ? 2 : 1))
    const growth = size - (isLongZero(bytes[p]) ? 2 : 1)
    if (growth > 0 && end + growth > sparseBytesMax) return raiseAsDense(sketch, index, rank)
    bytes.copyWithin(p + size, next, end)
    for (let i = 0; i < size; i++) bytes[p + i] = PIECES[i]
    sketch.length = end + growth
  }
  joinRuns(sketch, before)
  forgetEstimate(bytes, 0)
  return true
}

function makeRoom(sketch: Sketch): void {
  if (sketch.length + GROWTH_BYTES_MAX <= sketch.bytes.length) return
  const larger = Buffer.allocUnsafe(sketch.length * 2 + GROWTH_BYTES_MAX)
  sketch.bytes.copy(larger, 0, 0, sketch.length)
  sketch.bytes = larger
}

/** Joins runs of equal values that stand side by side, as far as they fit into one, in five steps from p on. */
function joinRuns(sketch: Sketch, from: number): void {
  const { bytes } = sketch
  let p = from
  for (let steps = 5; steps > 0 && p < sketch.length; steps--) {
    const byte = bytes[p]
    const next = bytes[p + 1]
    if (isValue(byte) && p + 1 < sketch.length && isValue(next) && rankIn(byte) === rankIn(next)) {
      const run = (byte & 3) + (next & 3) + 2
      if (run <= VALUE_RUN_MAX) {
        bytes[p + 1] = valueRun(rankIn(byte), run)
        bytes.copyWithin(p, p + 1, sketch.length)
        sketch.length--
        continue
      }
    }
    p += isLongZero(byte) ? 2 : 1
  }
}

// ---- many registers ----

/** Raises each of `registers` to what the one in bytes [start, end) has. Throws CorruptedError. */
export function mergeInto(registers: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
  if (isDense(bytes, start)) {
    for (let i = 0; i < REGISTERS; i++) {
      const value = denseRegister(bytes, start, i)
      if (value > registers[i]) registers[i] = value
    }
    return
  }
  walkRuns(bytes, start, end, (value, first, run) => {
    for (let i = first; i < first + run; i++) if (value > registers[i]) registers[i] = value
  })
}

/** How many registers have each value. */
export function histogramOf(registers: Uint8Array): Int32Array {
  const histogram = new Int32Array(64)
  for (let i = 0; i < REGISTERS; i++) histogram[registers[i]]++
  return histogram
}

/** The same for the one in bytes [start, end). Throws CorruptedError. */
export function histogramIn(bytes: Uint8Array, start: number, end: number): Int32Array {
  const histogram = new Int32Array(64)
  if (!isDense(bytes, start)) {
    walkRuns(bytes, start, end, (value, _first, run) => {
      histogram[value] += run
    })
    return histogram
  }
  // Four registers lie in three bytes.
  for (let p = start + HEADER_BYTES; p < end; p += 3) {
    const word = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16)
    histogram[word & 63]++
    histogram[(word >>> 6) & 63]++
    histogram[(word >>> 12) & 63]++
    histogram[word >>> 18]++
  }
  return histogram
}

// ---- the estimate ----

/** The estimate that a sketch remembers, or undefined if it is not known. */
export function knownEstimate(bytes: Buffer, start: number): number | bigint | undefined {
  if ((bytes[start + UNKNOWN_AT] & UNKNOWN) !== 0) return undefined
  const n = bytes.readBigInt64LE(start + ESTIMATE_AT)
  return n <= Number.MAX_SAFE_INTEGER ? Number(n) : n
}

export function setEstimate(bytes: Buffer, start: number, estimate: number | bigint): void {
  bytes.writeBigInt64LE(BigInt(estimate), start + ESTIMATE_AT)
}

/** Where the estimate lies within the value. */
export const ESTIMATE_RANGE = [ESTIMATE_AT, ESTIMATE_AT + 8] as const

const ALPHA = 0.7213475204444817

/** The number of different elements that registers speak of, by Ertl's estimator (arXiv:1702.01284). */
export function estimate(histogram: Int32Array): number | bigint {
  let z = REGISTERS * tau((REGISTERS - histogram[RANK_BITS + 1]) / REGISTERS)
  for (let rank = RANK_BITS; rank >= 1; rank--) z = 0.5 * (z + histogram[rank])
  z += REGISTERS * sigma(histogram[0] / REGISTERS)
  const n = (ALPHA * REGISTERS * REGISTERS) / z
  // Registers that no hash can bring about: as C rounds what is beyond its integers.
  return n < 2 ** 63 ? integerNear(Math.round(n)) : INT64_MIN
}

function integerNear(n: number): number | bigint {
  return Number.isSafeInteger(n) ? n : BigInt(n)
}

/** x + Σ x^(2^k) · 2^(k-1), k from 1 on: what registers of 0 contribute. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let power = x
  let weight = 1
  let sum = x
  for (let before = Number.NaN; before !== sum; weight += weight) {
    power *= power
    before = sum
    sum += power * weight
  }
  return sum
}

/** (1 - x - Σ (1 - x^(2^-k))² · 2^-k) / 3, k from 1 on: what registers of the highest rank contribute. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let root = x
  let weight = 1
  let sum = 1 - x
  for (let before = Number.NaN; before !== sum; ) {
    root = Math.sqrt(root)
    before = sum
    weight *= 0.5
    sum -= (1 - root) * (1 - root) * weight
  }
  return sum / 3
}
