// Words in a line, as redis.conf, redis-cli and inline commands write them: blanks separate, and quotes hold together.

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 }
const BACKSLASH = 92
const QUOTE = 34
const APOSTROPHE = 39

/** Blank, \t \n \v \f \r, or NUL; also past the end. */
export const isBlank = (byte: number | undefined): boolean =>
  byte === undefined || byte === 32 || byte === 0 || (byte >= 9 && byte <= 13)

export const isQuote = (byte: number): boolean => byte === QUOTE || byte === APOSTROPHE

/**
 * Splits a line into words. In "double quotes" \n \r \t \b \a \xHH and \" are escapes, in 'single quotes' \' is; a quote must
 * be followed by a blank. Undefined when quotes do not balance.
 */
export function splitLine(line: Buffer): Buffer[] | undefined {
  const words: Buffer[] = []
  for (let at = 0; ; ) {
    while (at < line.length && isBlank(line[at])) at++
    if (at >= line.length) return words
    const read = readWord(line, at)
    if (read === undefined) return undefined
    words.push(Buffer.from(read.word))
    at = read.end
  }
}

function readWord(line: Buffer, start: number): { word: number[]; end: number } | undefined {
  const word: number[] = []
  let at = start
  for (; !isBlank(line[at]); at++) {
    const byte = line[at]!
    if (!isQuote(byte)) {
      word.push(byte)
      continue
    }
    const end = readQuoted(line, at, word)
    return end !== undefined && isBlank(line[end]) ? { word, end } : undefined
  }
  return { word, end: at }
}

/** Appends what stands in the quotes that open at `start`; the place after the closing one, or undefined without one. */
function readQuoted(line: Buffer, start: number, word: number[]): number | undefined {
  const quote = line[start]!
  for (let at = start + 1; at < line.length; at++) {
    const byte = line[at]!
    if (byte === quote) return at + 1
    const next = line[at + 1]
    if (byte !== BACKSLASH || next === undefined || (quote === APOSTROPHE && next !== APOSTROPHE)) {
      word.push(byte)
      continue
    }
    const hex = quote === QUOTE && /^x[0-9a-f]{2}$/i.test(line.toString('latin1', at + 1, at + 4))
    if (hex) word.push(Number.parseInt(line.toString('latin1', at + 2, at + 4), 16))
    else word.push(quote === QUOTE ? (ESCAPES[String.fromCharCode(next)] ?? next) : next)
    at += hex ? 3 : 1
  }
  return undefined
}
