// Reads the syntax of redis.conf: one directive a line, words in blanks or quotes, `#` comments. Text in, directives out;
// what is wrong is a ConfigError that names source, line and text, as redis-server prints it.

/** One line of a configuration, split into words; where it stands is kept for the error message. */
export interface Directive {
  /** File name, `stdin` or `command line`. */
  readonly source: string
  /** Number of the line, from 1. */
  readonly line: number
  /** The line as written. */
  readonly text: string
  /** Lower case. */
  readonly name: string
  readonly words: readonly string[]
}

/** A line that cannot be accepted. `message` is the whole report without the heading (which names the program). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(at: { readonly source: string; readonly line: number; readonly text: string }, reason: string) {
    const where =
      at.source === 'command line'
        ? 'Reading the command line'
        : `Reading the configuration file, at line ${at.line}${at.source === 'stdin' ? ' of standard input' : ` of ${at.source}`}`
    super(`${where}\n>>> '${at.text}'\n${reason}`)
  }
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 }
const BACKSLASH = 92
const QUOTE = 34
const APOSTROPHE = 39

/** Blank, \t \n \v \f \r, or NUL; also past the end. */
const isBlank = (byte: number | undefined): boolean =>
  byte === undefined || byte === 32 || byte === 0 || (byte >= 9 && byte <= 13)

/**
 * Splits a line into words. In "double quotes" \n \r \t \b \a \xHH and \" are escapes, in 'single quotes' \' is; a quote must
 * be followed by a blank. Undefined when quotes do not balance or the bytes of a word are no UTF-8.
 */
export function splitWords(line: string): string[] | undefined {
  const bytes = Buffer.from(line)
  const words: string[] = []
  let at = 0
  for (;;) {
    while (at < bytes.length && isBlank(bytes[at])) at++
    if (at >= bytes.length) return words
    const read = readWord(bytes, at)
    const word = read && decodeUtf8(read.word)
    if (read === undefined || word === undefined) return undefined
    words.push(word)
    at = read.end
  }
}

function readWord(line: Buffer, start: number): { word: number[]; end: number } | undefined {
  const word: number[] = []
  let at = start
  for (; !isBlank(line[at]); at++) {
    const byte = line[at]!
    if (byte !== QUOTE && byte !== APOSTROPHE) {
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

function decodeUtf8(bytes: readonly number[]): string | undefined {
  const buffer = Buffer.from(bytes)
  const text = buffer.toString()
  return Buffer.from(text).equals(buffer) ? text : undefined
}

/** A word as one would write it: quoted and escaped where it must be. The inverse of splitWords. */
export function quoteWord(word: string): string {
  if (word !== '' && !/["'\s\\#\p{C}]/u.test(word)) return word
  return quoteAlways(word)
}

/** A word in double quotes, with escapes. */
export function quoteAlways(word: string): string {
  const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\x07': '\\a' }
  const escaped = word.replace(/["\\]|\p{Cc}/gu, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`
    return named[char] ?? [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
  })
  return `"${escaped}"`
}

/** The directives of a file's text. Throws ConfigError for unbalanced quotes. */
export function parseDirectives(source: string, text: string): Directive[] {
  const directives: Directive[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const at = { source, line: index + 1, text: line }
    const words = splitWords(line)
    if (words === undefined) throw new ConfigError(at, 'Unbalanced quotes in configuration line')
    if (words.length > 0) directives.push({ ...at, name: words[0]!.toLowerCase(), words: words.slice(1) })
  }
  return directives
}
