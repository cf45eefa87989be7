// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of the sentinel's state file: catches every burst of errors
// up to 32 bits, which CRCs of hash quality do not promise.

const TABLE = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  TABLE[byte] = crc
}

/** The checksum of bytes[start, end), unsigned; `crc` is the checksum of what came before. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, crc = 0): number {
  let state = ~crc
  for (let i = start; i < end; i++) state = TABLE[(state ^ bytes[i]!) & 0xff]! ^ (state >>> 8)
  return ~state >>> 0
}
