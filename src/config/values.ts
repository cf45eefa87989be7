// The kinds of values an option can have: how each is read from words, what is refused and in which words (those of
// Redis 7.0, because clients and test suites match them), and the canonical text that CONFIG GET shows.
// Invariant: `parse(text of a parsed value)` gives the same value and the same text again.
import { INT64_MAX, INT64_MIN } from '../lib/decimal.ts'

/** A value in both its forms: typed for the program; text exactly as CONFIG GET prints it (also beyond 2^53). */
export interface Setting<T> {
  readonly value: T
  readonly text: string
}

/** What reading a value gives: a setting, or the reason why not. */
export type Parsed<T> =
  | { readonly ok: true; readonly setting: Setting<T> }
  | { readonly ok: false; readonly error: string }

/** A kind of value. */
export interface OptionType<T> {
  /** For the documentation: what one writes, as `yes | no` or `memory (1..)`. */
  readonly domain: string
  /** Whether the value is made of several words; a single word with blanks is then split at them. */
  readonly words: 'one' | 'many'
  /**
   * How a further directive relates to what is there: it replaces it; adds to what the same load has set so far (`save`);
   * or changes parts of it and keeps the rest (`client-output-buffer-limit`).
   */
  readonly repeats: 'replaces' | 'adds in one load' | 'merges'
  /** Reads the words. `current` is given where `repeats` says that it matters. */
  parse(words: readonly string[], current?: T): Parsed<T>
}

export const INT_MAX = 2 ** 31 - 1
export const INT_MIN = -(2 ** 31)
export const WRONG_WORD_COUNT = 'wrong number of arguments'
const NOT_INTEGER = "argument couldn't be parsed into an integer"
const INTEGER = /^(0|-?[1-9][0-9]{0,18})$/
const UINT64_MAX = 2n ** 64n - 1n

/** A successful parse. */
export function accept<T>(value: T, text: string): Parsed<T> {
  return { ok: true, setting: { value, text } }
}

/** A failed parse, with the reason. */
export function refuse(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error }
}

function single<T>(domain: string, parse: (word: string) => Parsed<T>): OptionType<T> {
  return { domain, words: 'one', repeats: 'replaces', parse: (words) => parse(words[0]!) }
}

/** A number of the range as a reader wants it: the widest bounds of each machine type say nothing and are left out. */
function range(min: bigint, max: bigint): string {
  const open = max >= INT64_MAX || max === BigInt(INT_MAX)
  if (min <= BigInt(INT_MIN)) return open ? '' : ` (up to ${max})`
  return open ? ` (${min} or more)` : ` (${min}–${max})`
}

function within(n: bigint, min: bigint, max: bigint): string | undefined {
  return n < min || n > max ? `argument must be between ${min} and ${max} inclusive` : undefined
}

/** The canonical 64-bit integer in a word, or undefined. */
export function integerOf(word: string): bigint | undefined {
  if (!INTEGER.test(word)) return undefined
  const n = BigInt(word)
  return n >= INT64_MIN && n <= INT64_MAX ? n : undefined
}

const UNITS: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n ** 2n,
  mb: 1024n ** 2n,
  g: 1000n ** 3n,
  gb: 1024n ** 3n,
}

/** Bytes in a word such as `64mb` (1k = 1000, 1kb = 1024, any case; no digits count as 0, as in Redis), or undefined. */
export function memoryOf(word: string): bigint | undefined {
  const match = /^([0-9]{0,20})([a-z]{0,2})$/i.exec(word)
  const unit = UNITS[(match?.[2] ?? '-').toLowerCase()]
  if (!match || unit === undefined) return undefined
  const bytes = BigInt(match[1] || 0) * unit
  return bytes <= UINT64_MAX ? bytes : undefined
}

/** `yes` or `no`. */
export const bool: OptionType<boolean> = single('yes | no', (word) => {
  const value = word.toLowerCase()
  if (value !== 'yes' && value !== 'no') return refuse("argument must be 'yes' or 'no'")
  return accept(value === 'yes', value)
})

/**
 * An integer from min to max, both included. Values outside `clamp` (inside the range) are moved to its nearer end, as
 * Redis does for `hz`.
 */
export function int(
  min: number | bigint = INT_MIN,
  max: number | bigint = INT_MAX,
  clamp?: readonly [min: number, max: number],
): OptionType<number> {
  const [low, high] = [BigInt(min), BigInt(max)]
  return single(`integer${range(low, high)}`, (word) => {
    const n = integerOf(word)
    if (n === undefined) return refuse(NOT_INTEGER)
    const error = within(n, low, high)
    if (error !== undefined) return refuse(error)
    if (clamp === undefined) return accept(Number(n), String(n))
    const clamped = Math.min(Math.max(Number(n), clamp[0]), clamp[1])
    return accept(clamped, String(clamped))
  })
}

/** A TCP port; 0 has the meaning that the option's help gives it. */
export const port: OptionType<number> = { ...int(0, 65535), domain: 'port (0–65535)' }

/** A 64-bit integer from min up. */
export function long(min: number): OptionType<number> {
  return int(min, INT64_MAX)
}

/** A number of bytes, with units; at least `floor` is used, whatever is written (as Redis does for `repl-backlog-size`). */
export function memory(min: number, max: bigint = INT64_MAX, floor = 0): OptionType<number> {
  return single(`bytes${range(BigInt(min), max)}, as 100mb`, (word) => {
    const n = memoryOf(word)
    if (n === undefined) return refuse('argument must be a memory value')
    const error = within(n, BigInt(min), max)
    if (error !== undefined) return refuse(error)
    const bytes = n < BigInt(floor) ? BigInt(floor) : n
    return accept(Number(bytes), String(bytes))
  })
}

/** The largest `maxmemory`. */
export const ULONG_MAX = UINT64_MAX

/** Any text, the empty one included. */
export const string: OptionType<string> = single('text', (word) => accept(word, word))

/** A file name without a path, for the option of the name (which its refusal mentions). */
export function fileName(option: string): OptionType<string> {
  return single('file name', (word) => {
    if (word === '') return refuse(`${option} can't be empty`)
    if (word.includes('/')) return refuse(`${option} can't be a path, just a filename`)
    return accept(word, word)
  })
}

/** File permissions in octal, as 700. */
export const octal: OptionType<number> = single('octal number (0–777)', (word) => {
  if (!/^[0-7]{1,8}$/.test(word)) return refuse("argument couldn't be parsed as an octal number")
  const mode = Number.parseInt(word, 8)
  if (mode > 0o777) return refuse('argument must be between 0 and 777 inclusive')
  return accept(mode, mode.toString(8))
})

function refuseEnum(values: readonly string[]): { readonly ok: false; readonly error: string } {
  return refuse(`argument(s) must be one of the following: ${values.join(', ')}`)
}

/** One of the words, in any case. */
export function oneOf<const V extends readonly string[]>(values: V): OptionType<V[number]> {
  return single(values.join(' | '), (word) => {
    const value = word.toLowerCase()
    return values.includes(value) ? accept(value as V[number], value) : refuseEnum(values)
  })
}

/** Several of the words, each once. */
export function someOf<const V extends readonly string[]>(values: V): OptionType<readonly V[number][]> {
  return {
    domain: `some of ${values.join(', ')}`,
    words: 'many',
    repeats: 'replaces',
    parse: (words) => {
      const chosen = values.filter((value) => words.some((word) => word.toLowerCase() === value))
      if (words.some((word) => !values.includes(word.toLowerCase()))) return refuseEnum(values)
      return accept(chosen as V[number][], chosen.join(' '))
    },
  }
}

/**
 * Reads the words of a directive (or the one value of a CONFIG SET) with a type: checks their number, splits a single
 * word of a several-word type at its blanks. None at all are an empty one there, as in Redis: `save` alone is `save ""`.
 */
export function parseWords<T>(type: OptionType<T>, words: readonly string[], current?: T): Parsed<T> {
  if (type.words === 'one') return words.length === 1 ? type.parse(words) : refuse(WRONG_WORD_COUNT)
  const only = words.length === 1 ? words[0]!.split(' ').filter((word) => word !== '') : words
  return type.parse(only.length === 0 ? [''] : only, current)
}
