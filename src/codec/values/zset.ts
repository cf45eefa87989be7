// Sorted sets in RDB files: listpack (17) or members and scores one by one (5); before 7.0 ziplist (12), before 4.0 scores as
// text (3).

import { compareBytes, type Span } from '../../lib/bytes.ts'
import { lpCount, lpFirst, lpNext, lpText, lpValidate, makeLpText, NONE } from '../../store/listpack.ts'
import type { NodeBytes } from '../../store/nodes.ts'
import type { BuiltValue } from '../../types/builder.ts'
import { TYPE_ZSET } from '../../types/value-type.ts'
import { createZsetBuilder, listpackScore, ZSET_LISTPACK, type ZsetBuilder } from '../../types/zset.ts'
import { RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST } from '../rdb-format.ts'
import { type BuildContext, emptyRange, type RdbInput, type ValueCodec, type ValueReader } from './value-codec.ts'
import { visitZiplist } from './ziplist.ts'

const MEMBER_TEXT = makeLpText()
const BEFORE_TEXT = makeLpText()

/** What stands for numbers that have no digits, where a score's text has its length. */
const TEXT_NAN = 253
const TEXT_INFINITY = 254
const TEXT_MINUS_INFINITY = 255

/** A score as text, behind its length in a byte. */
function textScore(input: RdbInput): number {
  const range = emptyRange()
  input.raw(1, range)
  const length = range.bytes[range.start]
  if (length === TEXT_INFINITY) return Number.POSITIVE_INFINITY
  if (length === TEXT_MINUS_INFINITY) return Number.NEGATIVE_INFINITY
  if (length === TEXT_NAN) return Number.NaN
  input.raw(length, range)
  return scoreOf(range)
}

/** A score that is written out; NaN for anything else. */
function scoreOf({ bytes, start, end }: NodeBytes): number {
  const text = bytes.toString('latin1', start, end)
  if (text === 'inf' || text === '-inf') return text === 'inf' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  return /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
}

/** Members and scores one by one. */
function readMembers(context: BuildContext, readScore: (input: RdbInput) => number): ValueReader {
  const member = emptyRange()
  let builder: ZsetBuilder | undefined
  let left = 0
  return {
    step(input) {
      if (builder === undefined) {
        left = input.length()
        builder = createZsetBuilder(context.nodes, context.limits, left)
        return left === 0
      }
      input.string(member)
      addMember(builder, input, member, readScore(input))
      return --left === 0
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

function addMember(builder: ZsetBuilder, input: RdbInput, { bytes, start, end }: Span, score: number): void {
  if (Number.isNaN(score)) throw input.corrupt('a score that is no number in a sorted set')
  if (!builder.set(bytes, start, end, score)) throw input.corrupt('a member that comes twice in a sorted set')
}

/** A listpack: taken as it is, if it is sound, in order and within the limits. */
function readListpack(context: BuildContext): ValueReader {
  const blob = emptyRange()
  let built: BuiltValue | undefined
  let builder: ZsetBuilder | undefined
  return {
    step(input) {
      input.string(blob)
      const { bytes, start, end } = blob
      const elements = lpValidate(bytes, start, end - start)
      if (elements === NONE || elements % 2 !== 0) throw input.corrupt('Zset listpack integrity check failed')
      if (elements === 0) return true
      if (elements / 2 <= context.limits['zset-max-listpack-entries'] && isInOrder(bytes, start)) {
        built = { kind: ZSET_LISTPACK, root: 0, bytes, start, end }
        return true
      }
      builder = createZsetBuilder(context.nodes, context.limits, elements / 2)
      for (let p = lpFirst(bytes, start); p !== NONE; ) {
        const s = lpNext(bytes, p)
        lpText(bytes, p, MEMBER_TEXT)
        addMember(builder, input, MEMBER_TEXT, listpackScore(bytes, s))
        p = lpNext(bytes, s)
      }
      return true
    },
    finish: () => built ?? builder?.finish(),
    abandon: () => builder?.abandon(),
  }
}

/** Whether members ascend, by score and then by bytes, and no member comes twice with different scores. */
function isInOrder(b: Buffer, at: number): boolean {
  const members = new Set<string>()
  let before = Number.NEGATIVE_INFINITY
  for (let p = lpFirst(b, at); p !== NONE; ) {
    const s = lpNext(b, p)
    const score = listpackScore(b, s)
    lpText(b, p, MEMBER_TEXT)
    const { bytes, start, end } = MEMBER_TEXT
    if (Number.isNaN(score) || score < before) return false
    if (score === before && members.size > 0) {
      const other = BEFORE_TEXT
      if (compareBytes(other.bytes, other.start, other.end, bytes, start, end) >= 0) return false
    }
    members.add((bytes as Buffer).toString('latin1', start, end))
    lpText(b, p, BEFORE_TEXT)
    before = score
    p = lpNext(b, s)
  }
  return 2 * members.size === lpCount(b, at)
}

/** A ziplist of members and scores, read in one step. */
function readZiplist(context: BuildContext): ValueReader {
  const blob = emptyRange()
  let builder: ZsetBuilder | undefined
  return {
    step(input) {
      input.string(blob)
      builder = createZsetBuilder(context.nodes, context.limits)
      const strings: NodeBytes[] = []
      const sound = visitZiplist(blob.bytes, blob.start, blob.end, ({ bytes, start, end }) => {
        strings.push({ bytes: Buffer.from(bytes.subarray(start, end)), start: 0, end: end - start })
      })
      if (!sound || strings.length % 2 !== 0) throw input.corrupt('Zset ziplist integrity check failed')
      for (let i = 0; i < strings.length; i += 2) addMember(builder, input, strings[i], scoreOf(strings[i + 1]))
      return true
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

/** The codec's row of sorted sets. */
export const ZSET_CODEC: ValueCodec = {
  type: TYPE_ZSET,
  written: { 0: RDB_ZSET_LISTPACK, 8: RDB_ZSET_2 },
  readers: {
    [RDB_ZSET]: (context) => readMembers(context, textScore),
    [RDB_ZSET_2]: (context) => readMembers(context, (input) => input.double()),
    [RDB_ZSET_ZIPLIST]: readZiplist,
    [RDB_ZSET_LISTPACK]: readListpack,
  },
}
