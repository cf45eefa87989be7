// SHA-1 (FIPS 180-4), for DEBUG DIGEST: below the pure line there is no node:crypto. Not for secrets.
//
// The state is five words; `sha1` takes whole messages of any length, as ranges of bytes.

const words = new Int32Array(80)
const block = new Uint8Array(64)

/** The digest of bytes [start, end), written into the 20 bytes of `out`. `out` may be the input. */
export function sha1(bytes: Uint8Array, start: number, end: number, out: Uint8Array): void {
  const state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476, 0xc3d2e1f0 | 0] as [
    number,
    number,
    number,
    number,
    number,
  ]
  const length = end - start
  let at = start
  for (; at + 64 <= end; at += 64) compress(state, bytes, at)
  // The rest, a bit, zeros, and the length in bits.
  block.fill(0)
  block.set(bytes.subarray(at, end))
  block[end - at] = 0x80
  if (end - at >= 56) {
    compress(state, block, 0)
    block.fill(0)
  }
  const bits = new DataView(block.buffer)
  bits.setUint32(56, Math.floor(length / 2 ** 29))
  bits.setUint32(60, (length << 3) >>> 0)
  compress(state, block, 0)
  for (let i = 0; i < 20; i++) out[i] = state[i >> 2]! >>> (24 - (i & 3) * 8)
}

/** Takes the 64 bytes from `at` into the state. */
function compress(state: [number, number, number, number, number], bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++) {
    const p = at + i * 4
    words[i] = (bytes[p]! << 24) | (bytes[p + 1]! << 16) | (bytes[p + 2]! << 8) | bytes[p + 3]!
  }
  for (let i = 16; i < 80; i++) {
    const x = words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!
    words[i] = (x << 1) | (x >>> 31)
  }
  let [a, b, c, d, e] = state
  for (let i = 0; i < 80; i++) {
    const mixed = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d)
    const constant = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6
    const next = (((a << 5) | (a >>> 27)) + mixed + e + constant + words[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  state[0] = (state[0] + a) | 0
  state[1] = (state[1] + b) | 0
  state[2] = (state[2] + c) | 0
  state[3] = (state[3] + d) | 0
  state[4] = (state[4] + e) | 0
}
