// Bytes as printable text in double quotes, in the form that MONITOR and redis-cli print and redis.conf reads: `"a\x00\n"`.

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
}

/** The bytes in double quotes; what is not printable ASCII is escaped. */
export function quoted(bytes: Uint8Array): string {
  let text = '"'
  for (const byte of bytes) {
    const known = ESCAPES[byte]
    if (known !== undefined) text += known
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte)
    else text += `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return `${text}"`
}
