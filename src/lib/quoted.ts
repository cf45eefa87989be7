// Bytes as printable text in double quotes, in the form that MONITOR and redis-cli print and redis.conf reads: `"a\x00\n"`.

/** Of each byte its form, without the quotes, in latin1. */
const FORMS: readonly Buffer[] = Array.from({ length: 256 }, (_, byte) => {
  const known = ({ 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 13: '\\r', 34: '\\"', 92: '\\\\' } as const)[byte]
  if (known !== undefined) return Buffer.from(known)
  return Buffer.from(byte >= 32 && byte < 127 ? [byte] : `\\x${byte.toString(16).padStart(2, '0')}`)
})

/** The most bytes that the form of one byte has. */
export const QUOTED_BYTES_MAX = 4

/** Writes the form of bytes [start, end), without the quotes, to `target` from `at` on; gives back where it ends. */
export function writeEscaped(target: Buffer, at: number, bytes: Uint8Array, start: number, end: number): number {
  let pos = at
  for (let i = start; i < end; i++) {
    const form = FORMS[bytes[i]!]!
    for (let k = 0; k < form.length; k++) target[pos++] = form[k]!
  }
  return pos
}
