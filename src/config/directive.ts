// Reads the syntax of redis.conf: one directive a line, words in blanks or quotes, `#` comments. Text in, directives out;
// what is wrong is a ConfigError that names source, line and text, as redis-server prints it.

import type { UserLine } from '../acl/start.ts'
import { splitLine } from '../lib/words.ts'

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

/**
 * Splits a line into words; see `lib/words.ts`. Undefined when quotes do not balance or the bytes of a word are no UTF-8.
 */
export function splitWords(line: string): string[] | undefined {
  const words = splitLine(Buffer.from(line))?.map(decodeUtf8)
  return words?.every((word) => word !== undefined) ? words : undefined
}

function decodeUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? text : undefined
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

/** A line that says `user <name> <rules>`. Throws ConfigError. */
export function userLine(directive: Directive): UserLine {
  const [name, ...rules] = directive.words
  if (name === undefined) throw new ConfigError(directive, 'It is: user <name> <rules>')
  return { name, rules }
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
