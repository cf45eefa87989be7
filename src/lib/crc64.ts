// CRC-64 as Redis computes it (Jones polynomial, bits reflected, start 0, no final xor): the checksum at the end of RDB
// files and DUMP payloads. A 64-bit value is kept as two 32-bit halves, because BigInt would allocate on every step;
// eight tables let one step take in eight bytes.

/** A running CRC-64: its low and high 32 bits, both unsigned. Start with {lo: 0, hi: 0}. */
export interface Crc64 {
  lo: number
  hi: number
}

/** 0xad93d23594c935a9 with its bits reversed, in two halves. */
const POLYNOMIAL_LO = 0xac4bc9b5
const POLYNOMIAL_HI = 0x95ac9329

// TABLE_LO[256 * k + b] and TABLE_HI: what byte b contributes when k further bytes follow it within a step.
const TABLE_LO = new Int32Array(8 * 256)
const TABLE_HI = new Int32Array(8 * 256)

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let lo = byte
    let hi = 0
    for (let bit = 0; bit < 8; bit++) {
      const carry = lo & 1
      lo = (lo >>> 1) | (hi << 31)
      hi >>>= 1
      if (carry) {
        lo ^= POLYNOMIAL_LO
        hi ^= POLYNOMIAL_HI
      }
    }
    TABLE_LO[byte] = lo
    TABLE_HI[byte] = hi
  }
  for (let i = 256; i < 8 * 256; i++) {
    const lo = TABLE_LO[i - 256]!
    const hi = TABLE_HI[i - 256]!
    TABLE_LO[i] = ((lo >>> 8) | (hi << 24)) ^ TABLE_LO[lo & 0xff]!
    TABLE_HI[i] = (hi >>> 8) ^ TABLE_HI[lo & 0xff]!
  }
}
fillTables()

/**
 * Adds bytes[start, end) to `crc`, which is changed and returned. Feeding a text in pieces gives the same as in one:
 * `crc64(b, 1, 9, crc64(b, 0, 1))`.
 */
export function crc64(bytes: Uint8Array, start: number, end: number, crc: Crc64 = { lo: 0, hi: 0 }): Crc64 {
  let lo = crc.lo | 0
  let hi = crc.hi | 0
  let i = start
  for (; i + 8 <= end; i += 8) {
    const a = lo ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
    const b = hi ^ (bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24))
    const a0 = 1792 + (a & 0xff)
    const a1 = 1536 + ((a >>> 8) & 0xff)
    const a2 = 1280 + ((a >>> 16) & 0xff)
    const a3 = 1024 + (a >>> 24)
    const b0 = 768 + (b & 0xff)
    const b1 = 512 + ((b >>> 8) & 0xff)
    const b2 = 256 + ((b >>> 16) & 0xff)
    const b3 = b >>> 24
    lo =
      TABLE_LO[a0]! ^
      TABLE_LO[a1]! ^
      TABLE_LO[a2]! ^
      TABLE_LO[a3]! ^
      TABLE_LO[b0]! ^
      TABLE_LO[b1]! ^
      TABLE_LO[b2]! ^
      TABLE_LO[b3]!
    hi =
      TABLE_HI[a0]! ^
      TABLE_HI[a1]! ^
      TABLE_HI[a2]! ^
      TABLE_HI[a3]! ^
      TABLE_HI[b0]! ^
      TABLE_HI[b1]! ^
      TABLE_HI[b2]! ^
      TABLE_HI[b3]!
  }
  for (; i < end; i++) {
    const index = (lo ^ bytes[i]!) & 0xff
    lo = ((lo >>> 8) | (hi << 24)) ^ TABLE_LO[index]!
    hi = (hi >>> 8) ^ TABLE_HI[index]!
  }
  crc.lo = lo >>> 0
  crc.hi = hi >>> 0
  return crc
}

/** Writes the CRC as 8 bytes, little-endian, as RDB files and DUMP payloads carry it. */
export function writeCrc64(crc: Crc64, into: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i++) {
    into[at + i] = crc.lo >>> (8 * i)
    into[at + 4 + i] = crc.hi >>> (8 * i)
  }
}

/** Whether the 8 little-endian bytes at `at` are this CRC. */
export function equalsCrc64(crc: Crc64, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 4; i++) {
    if (bytes[at + i] !== ((crc.lo >>> (8 * i)) & 0xff)) return false
    if (bytes[at + 4 + i] !== ((crc.hi >>> (8 * i)) & 0xff)) return false
  }
  return true
}

/** The CRC as 16 hex digits, for log lines. */
export function formatCrc64(crc: Crc64): string {
  return crc.hi.toString(16).padStart(8, '0') + crc.lo.toString(16).padStart(8, '0')
}
