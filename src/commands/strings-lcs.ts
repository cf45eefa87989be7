// LCS: the longest common subsequence of two strings, by the textbook table of lengths of prefixes. Only two rows of the
// table are kept; the way back through it needs one bit a cell: whether it goes on one byte to the left in the first string.

import { fail } from '../errors.ts'
import { ANY_TYPE } from '../keyspace/database.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'
import type { CommandSpec } from './spec.ts'

/** More cells than this are refused, however large values may be: a number of one must fit in 31 bits. */
const CELLS_MAX = 2 ** 31 - 1

/** A run of bytes that both strings have, from a in the first and b in the second. */
interface Match {
  readonly a: number
  readonly b: number
  readonly length: number
}

/** The lengths' table: the length of the whole, and the way back. */
interface Table {
  readonly length: number
  /** Whether the way back from the prefixes of i and j bytes, whose last bytes differ, drops one of the first string. */
  dropsFirst(i: number, j: number): boolean
}

interface LcsOptions {
  readonly indexes: boolean
  readonly length: boolean
  readonly matchLengthMin: number
  readonly withMatchLength: boolean
}

function lcs(ctx: Context): void {
  const { reply } = ctx
  const a = stringAt(ctx, 1)
  const b = stringAt(ctx, 2)
  const options = parseOptions(ctx)
  // Counted as the four bytes a cell that Redis takes, so that both refuse the same.
  const cells = (a.length + 1) * (b.length + 1)
  if (cells > CELLS_MAX || cells * 4 > ctx.host.config.values['proto-max-bulk-len']) fail('lcsTooLarge')
  if (options.length) return reply.int(tableOf(a, b, false).length)
  const table = tableOf(a, b, true)
  const matches = matchesOf(a, b, table)
  if (options.indexes) return replyMatches(ctx, matches, table.length, options)
  const common = matches.reverse().map((match) => a.subarray(match.a, match.a + match.length))
  reply.bulk(Buffer.concat(common))
}

/** The value of the key in argument i, as a view that is valid during the command; empty if there is none. */
function stringAt(ctx: Context, i: number): Buffer {
  // Of all commands this one has words of its own for a key of another type.
  const h = readKey(ctx, i, ANY_TYPE)
  if (h === 0) return Buffer.alloc(0)
  if (ctx.db.type(h) !== TYPE_STRING) fail('lcsNotStrings')
  const { bytes, start, end } = ctx.db.value(h)
  return bytes.subarray(start, end)
}

function parseOptions(ctx: Context): LcsOptions {
  const { args } = ctx
  let indexes = false
  let length = false
  let matchLengthMin = 0
  let withMatchLength = false
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'idx')) indexes = true
    else if (args.is(i, 'len')) length = true
    else if (args.is(i, 'withmatchlen')) withMatchLength = true
    else if (args.is(i, 'minmatchlen') && i + 1 < args.count) matchLengthMin = Number(integerArgument(ctx, ++i))
    else fail('syntax')
  }
  if (indexes && length) fail('lcsLengthAndIndexes')
  return { indexes, length, matchLengthMin, withMatchLength }
}

/** Fills the table row by row; with `bits` it knows the way back. */
function tableOf(a: Buffer, b: Buffer, bits: boolean): Table {
  const width = b.length + 1
  const back = new Uint8Array(bits ? ((a.length + 1) * width + 7) >>> 3 : 0)
  let above = new Uint32Array(width)
  let row = new Uint32Array(width)
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1]
    for (let j = 1; j <= b.length; j++) {
      if (byte === b[j - 1]) {
        row[j] = above[j - 1] + 1
        continue
      }
      const dropFirst = above[j] > row[j - 1]
      row[j] = dropFirst ? above[j] : row[j - 1]
      if (bits && dropFirst) back[(i * width + j) >>> 3] |= 1 << ((i * width + j) & 7)
    }
    const done = above
    above = row
    row = done
  }
  const dropsFirst = (i: number, j: number): boolean =>
    ((back[(i * width + j) >>> 3] >>> ((i * width + j) & 7)) & 1) === 1
  return { length: above[b.length], dropsFirst }
}

/** The runs of one longest common subsequence, the last one first. */
function matchesOf(a: Buffer, b: Buffer, table: Table): Match[] {
  const matches: Match[] = []
  let length = 0
  let i = a.length
  let j = b.length
  const endRun = (): void => {
    if (length > 0) matches.push({ a: i, b: j, length })
    length = 0
  }
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      i--
      j--
      length++
      continue
    }
    endRun()
    if (table.dropsFirst(i, j)) i--
    else j--
  }
  endRun()
  return matches
}

function replyMatches(ctx: Context, matches: readonly Match[], length: number, options: LcsOptions): void {
  const { reply } = ctx
  const long = matches.filter((match) => match.length >= options.matchLengthMin)
  reply.map(2)
  reply.bulkText('matches')
  reply.array(long.length)
  for (const match of long) {
    reply.array(options.withMatchLength ? 3 : 2)
    for (const start of [match.a, match.b]) {
      reply.array(2)
      reply.int(start)
      reply.int(start + match.length - 1)
    }
    if (options.withMatchLength) reply.int(match.length)
  }
  reply.bulkText('len')
  reply.int(length)
}

/** LCS. */
export const LCS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'lcs',
    summary: 'Finds the longest subsequence of bytes that two strings have in common.',
    since: '7.0.0',
    group: 'string',
    complexity: 'O(N*M), N and M being the lengths of the strings.',
    arity: -3,
    flags: ['readonly'],
    keys: [{ flags: ['RO', 'access'], begin: { index: 1 }, find: { last: 1, step: 1, limit: 0 } }],
    arguments: [
      { name: 'key1', type: 'key', keySpecIndex: 0 },
      { name: 'key2', type: 'key', keySpecIndex: 0 },
      { name: 'len', type: 'pure-token', token: 'LEN', optional: true },
      { name: 'idx', type: 'pure-token', token: 'IDX', optional: true },
      { name: 'len', type: 'integer', token: 'MINMATCHLEN', optional: true },
      { name: 'withmatchlen', type: 'pure-token', token: 'WITHMATCHLEN', optional: true },
    ],
    run: lcs,
  },
]
