// The kinds of values that exactly one option has: addresses, save points, buffer limits, the primary of a replica,
// event classes. Same contract as config/values.ts.
import { accept, integerOf, memoryOf, type OptionType, refuse, WRONG_WORD_COUNT } from './values.ts'

/** Where to listen. A leading `-` marks an address that may be missing on this machine. */
export const bindAddresses: OptionType<readonly string[]> = {
  domain: 'addresses, `-` before one that may be missing',
  words: 'many',
  repeats: 'replaces',
  parse: (words) => {
    const addresses = words.length === 1 && words[0] === '' ? [] : words
    if (addresses.length > 16) return refuse('Too many bind addresses specified.')
    return accept([...addresses], addresses.join(' '))
  },
}

/** A snapshot is taken once `changes` keys changed and `seconds` passed. */
export interface SavePoint {
  readonly seconds: number
  readonly changes: number
}

/** Pairs of seconds and changes; `""` for none. */
export const savePoints: OptionType<readonly SavePoint[]> = {
  domain: 'pairs of seconds and changes, or ""',
  words: 'many',
  repeats: 'adds in one load',
  parse: (words, current = []) => {
    if (words.length === 1 && words[0] === '') return accept([], '')
    const invalid = refuse('Invalid save parameters')
    if (words.length % 2 === 1) return invalid
    const points = [...current]
    for (let i = 0; i < words.length; i += 2) {
      const seconds = integerOf(words[i]!)
      const changes = integerOf(words[i + 1]!)
      if (seconds === undefined || changes === undefined || seconds < 1n || changes < 0n) return invalid
      points.push({ seconds: Number(seconds), changes: Number(changes) })
    }
    return accept(points, points.map((point) => `${point.seconds} ${point.changes}`).join(' '))
  },
}

/** When a client whose replies pile up is cut off: at once above hard, after `softSeconds` above soft. 0: never. */
export interface OutputBufferLimit {
  readonly hardBytes: number
  readonly softBytes: number
  readonly softSeconds: number
}

/** The limits of the three classes of clients. */
export interface OutputBufferLimits {
  readonly normal: OutputBufferLimit
  readonly replica: OutputBufferLimit
  readonly pubsub: OutputBufferLimit
}

const NO_LIMIT: OutputBufferLimit = { hardBytes: 0, softBytes: 0, softSeconds: 0 }
const NO_LIMITS: OutputBufferLimits = { normal: NO_LIMIT, replica: NO_LIMIT, pubsub: NO_LIMIT }

function limitClass(word: string): keyof OutputBufferLimits | undefined {
  const name = word.toLowerCase()
  if (name === 'slave' || name === 'replica') return 'replica'
  return name === 'normal' || name === 'pubsub' ? name : undefined
}

const limitText = (limit: OutputBufferLimit): string => `${limit.hardBytes} ${limit.softBytes} ${limit.softSeconds}`

const limitsText = ({ normal, replica, pubsub }: OutputBufferLimits): string =>
  `normal ${limitText(normal)} slave ${limitText(replica)} pubsub ${limitText(pubsub)}`

/** Groups of class, hard bytes, soft bytes, soft seconds; classes not named keep their limits. */
export const outputBufferLimits: OptionType<OutputBufferLimits> = {
  domain: 'normal | replica | pubsub, then hard bytes, soft bytes and soft seconds',
  words: 'many',
  repeats: 'merges',
  parse: (words, current = NO_LIMITS) => {
    if (words.length === 1 && words[0] === '') return accept(current, limitsText(current))
    if (words.length % 4 !== 0) return refuse('Wrong number of arguments in buffer limit configuration.')
    const limits = { ...current }
    for (let i = 0; i < words.length; i += 4) {
      const name = limitClass(words[i]!)
      if (name === undefined) return refuse('Invalid client class specified in buffer limit configuration.')
      const hard = memoryOf(words[i + 1]!)
      const soft = memoryOf(words[i + 2]!)
      const seconds = integerOf(words[i + 3]!)
      if (hard === undefined || soft === undefined || seconds === undefined || seconds < 0n)
        return refuse('Error in hard, soft or soft_seconds setting in buffer limit configuration.')
      limits[name] = { hardBytes: Number(hard), softBytes: Number(soft), softSeconds: Number(seconds) }
    }
    return accept(limits, limitsText(limits))
  },
}

/** An address of a server. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `host port`, or `no one`. */
export const primaryAddress: OptionType<Endpoint | undefined> = {
  domain: 'host and port, or `no one`',
  words: 'many',
  repeats: 'replaces',
  parse: (words) => {
    if (words.length === 1 && words[0] === '') return accept(undefined, '')
    if (words.length !== 2) return refuse(WRONG_WORD_COUNT)
    const [host, word] = words as [string, string]
    if (host.toLowerCase() === 'no' && word.toLowerCase() === 'one') return accept(undefined, '')
    const number = integerOf(word)
    if (number === undefined || number < 0n || number > 65535n) return refuse('Invalid master port')
    return accept({ host, port: Number(number) }, `${host} ${number}`)
  },
}

/** Classes of keyspace events as bits; the letter that stands for each. `A` is all of them but `m` and `n`. */
export const EVENT_CLASSES = {
  K: 1 << 0, // published by key, on __keyspace@
  E: 1 << 1, // published by event, on __keyevent@
  g: 1 << 2, // generic commands
  $: 1 << 3, // strings
  l: 1 << 4, // lists
  s: 1 << 5, // sets
  h: 1 << 6, // hashes
  z: 1 << 7, // sorted sets
  x: 1 << 8, // expired
  e: 1 << 9, // evicted
  t: 1 << 10, // streams
  m: 1 << 11, // key misses
  d: 1 << 13, // modules
  n: 1 << 14, // new keys
} as const

const ALL_LETTERS = 'g$lshzxetd'
const ALL_CLASSES = [...ALL_LETTERS].reduce((bits, letter) => bits | EVENT_CLASSES[letter as 'g'], 0)

/** The bits as the text that CONFIG GET shows. */
export function formatEventClasses(bits: number): string {
  const has = (letter: string): boolean => (bits & EVENT_CLASSES[letter as 'g']) !== 0
  const letters = (bits & ALL_CLASSES) === ALL_CLASSES ? 'A' : [...ALL_LETTERS].filter(has).join('')
  return letters + [...'KEmn'].filter(has).join('')
}

/** Letters of event classes, as `KEA`; empty for none. The value is the union of EVENT_CLASSES. */
export const eventClasses: OptionType<number> = {
  domain: 'letters of KEg$lshzxetdmnA, or ""',
  words: 'one',
  repeats: 'replaces',
  parse: ([word]) => {
    let bits = 0
    for (const letter of word!) {
      const bit = letter === 'A' ? ALL_CLASSES : (EVENT_CLASSES as Record<string, number>)[letter]
      if (bit === undefined) return refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
      bits |= bit
    }
    return accept(bits, formatEventClasses(bits))
  },
}

/** Percentiles from 0 to 100. */
export const percentiles: OptionType<readonly number[]> = {
  domain: 'numbers from 0 to 100',
  words: 'many',
  repeats: 'replaces',
  parse: (words) => {
    const given = words.filter((word) => word !== '')
    const values = given.map(Number)
    if (values.some((value) => !(value >= 0 && value <= 100)))
      return refuse('latency-tracking-info-percentiles parameters should sit between [0.0,100.0]')
    return accept(values, values.join(' '))
  },
}

/** The three scores for the kernel's out-of-memory killer. */
export const oomScores: OptionType<readonly number[]> = {
  domain: 'three integers from -2000 to 2000',
  words: 'many',
  repeats: 'replaces',
  parse: (words) => {
    if (words.length !== 3) return refuse(WRONG_WORD_COUNT)
    const values = words.map((word) => integerOf(word))
    if (values.some((value) => value === undefined || value < -2000n || value > 2000n))
      return refuse('Invalid oom-score-adj-values, elements must be between -2000 and 2000.')
    return accept(values.map(Number), values.join(' '))
  },
}

/** Bytes, or a percentage of maxmemory (negative in the value). */
export const memoryOrPercent: OptionType<number> = {
  domain: 'bytes, as 1gb, or a percentage, as 5%',
  words: 'one',
  repeats: 'replaces',
  parse: ([word]) => {
    const percent = /^([0-9]{1,3})%$/.exec(word!)
    if (percent) {
      const share = Number(percent[1])
      return share > 100 ? refuse('percentage argument must be less or equal to 100') : accept(-share, `${share}%`)
    }
    const bytes = memoryOf(word!)
    return bytes === undefined
      ? refuse('argument must be a memory or percent value')
      : accept(Number(bytes), String(bytes))
  },
}

/** What may stand in braces in a title of the process. */
export const TITLE_FIELDS = [
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
] as const

/** Text with fields in braces. */
export const titleTemplate: OptionType<string> = {
  domain: 'text with fields in braces',
  words: 'one',
  repeats: 'replaces',
  parse: ([word]) => {
    const fields = [...word!.matchAll(/\{([^{}]*)\}?/g)].map(([text, name]) => (text.endsWith('}') ? name : undefined))
    const known = fields.every((name) => TITLE_FIELDS.includes(name as 'title'))
    return known ? accept(word!, word!) : refuse('template format is invalid or contains unknown variables')
  },
}
