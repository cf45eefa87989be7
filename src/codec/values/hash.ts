// Hashes in RDB files: listpack (16) or fields and values one by one (4); before 7.0 ziplist (13), before 2.6 zipmap (9). Since 7.4, if fields
// have an expiry: one by one (24) or a listpack of field, value and expiry (25), behind the earliest expiry in 8 bytes.

import type { Span } from '../../lib/bytes.ts'
import {
  lpBytes,
  lpFind,
  lpFirst,
  lpInteger,
  lpIsInteger,
  lpNext,
  lpText,
  lpValidate,
  makeLpText,
  NONE,
} from '../../store/listpack.ts'
import type { NodeBytes } from '../../store/nodes.ts'
import type { BuiltValue } from '../../types/builder.ts'
import {
  createExpiringBuilder,
  createHashBuilder,
  type ExpiringBuilder,
  HASH_LISTPACK,
  type HashBuilder,
} from '../../types/hash.ts'
import { TYPE_HASH } from '../../types/value-type.ts'
import {
  RDB_HASH,
  RDB_HASH_LISTPACK,
  RDB_HASH_LISTPACK_EX,
  RDB_HASH_METADATA,
  RDB_HASH_ZIPLIST,
  RDB_HASH_ZIPMAP,
} from '../rdb-format.ts'
import { type BuildContext, emptyRange, type RdbInput, type ValueCodec, type ValueReader } from './value-codec.ts'
import { visitZiplist } from './ziplist.ts'
import { visitZipmap } from './zipmap.ts'

/** Fields and values one by one. */
function readFields(context: BuildContext): ValueReader {
  const field = emptyRange()
  const value = emptyRange()
  let builder: HashBuilder | undefined
  let left = 0
  return {
    step(input) {
      if (builder === undefined) {
        left = input.length()
        builder = createHashBuilder(context.nodes, context.limits, left)
        return left === 0
      }
      input.string(field)
      input.string(value)
      addField(builder, input, field, value)
      return --left === 0
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

function addField(builder: HashBuilder, input: RdbInput, field: NodeBytes, value: NodeBytes): void {
  if (!builder.set(field.bytes, field.start, field.end, value.bytes, value.start, value.end)) {
    throw input.corrupt('a field that comes twice in a hash')
  }
}

/** A listpack: taken as it is, if it is sound and within the limits. */
function readListpack(context: BuildContext): ValueReader {
  const blob = emptyRange()
  let built: BuiltValue | undefined
  let builder: HashBuilder | undefined
  return {
    step(input) {
      input.string(blob)
      const { bytes, start, end } = blob
      const elements = lpValidate(bytes, start, end - start)
      if (elements === NONE || elements % 2 !== 0) throw input.corrupt('Hash listpack integrity check failed')
      if (hasDuplicates(bytes, start, elements / 2)) throw input.corrupt('a field that comes twice in a hash')
      if (elements === 0) return true
      if (elements / 2 <= context.limits['hash-max-listpack-entries']) {
        built = { kind: HASH_LISTPACK, root: 0, bytes, start, end: start + lpBytes(bytes, start) }
        return true
      }
      builder = createHashBuilder(context.nodes, context.limits, elements / 2)
      for (let p = lpFirst(bytes, start); p !== NONE; ) {
        const v = lpNext(bytes, p)
        lpText(bytes, p, FIELD)
        lpText(bytes, v, VALUE)
        builder.set(FIELD.bytes, FIELD.start, FIELD.end, VALUE.bytes, VALUE.start, VALUE.end)
        p = lpNext(bytes, v)
      }
      return true
    },
    finish: () => built ?? builder?.finish(),
    abandon: () => builder?.abandon(),
  }
}

const FIELD = makeLpText()
const VALUE = makeLpText()

/** Whether a field comes twice in a sound listpack of so many fields. */
function hasDuplicates(bytes: Uint8Array, start: number, fields: number): boolean {
  const seen = fields > FEW_FIELDS ? new Set<string>() : undefined
  for (let p = lpFirst(bytes, start); p !== NONE; ) {
    const next = lpNext(bytes, lpNext(bytes, p))
    lpText(bytes, p, FIELD)
    if (seen === undefined) {
      if (lpFind(bytes, next, FIELD.bytes, FIELD.start, FIELD.end, 1) !== NONE) return true
    } else {
      const text = Buffer.from(FIELD.bytes.subarray(FIELD.start, FIELD.end)).toString('latin1')
      if (seen.has(text)) return true
      seen.add(text)
    }
    p = next
  }
  return false
}

/** Up to this many fields each is compared with all behind it. */
const FEW_FIELDS = 16

/** What an old encoding holds, read in one step: the fields and values that `visit` is called with in turn. */
function readOld(
  context: BuildContext,
  name: 'Zipmap' | 'Hash ziplist',
  visitAll: (bytes: Uint8Array, start: number, end: number, visit: (text: NodeBytes) => void) => boolean,
): ValueReader {
  const blob = emptyRange()
  let builder: HashBuilder | undefined
  return {
    step(input) {
      input.string(blob)
      builder = createHashBuilder(context.nodes, context.limits)
      const strings: Buffer[] = []
      const sound = visitAll(blob.bytes, blob.start, blob.end, ({ bytes, start, end }) => {
        strings.push(Buffer.from(bytes.subarray(start, end)))
      })
      if (!sound || strings.length % 2 !== 0) throw input.corrupt(`${name} integrity check failed`)
      for (let i = 0; i < strings.length; i += 2) {
        const field = strings[i]
        const value = strings[i + 1]
        if (!builder.set(field, 0, field.length, value, 0, value.length)) {
          throw input.corrupt('a field that comes twice in a hash')
        }
      }
      return true
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

/** The latest expiry that a field can have: Redis keeps 48 bits. */
const EXPIRY_MS_MAX = 2 ** 48

/** The earliest expiry, in front of a hash whose fields have one. */
function firstExpiry(input: RdbInput): number {
  const range = emptyRange()
  input.raw(8, range)
  return Number(range.bytes.readBigUInt64LE(range.start))
}

function addExpiring(builder: ExpiringBuilder, input: RdbInput, field: Span, value: Span, atMs: number): void {
  if (!(atMs >= 0 && atMs < EXPIRY_MS_MAX)) throw input.corrupt('an expiry that no field can have')
  if (!builder.set(field.bytes, field.start, field.end, value.bytes, value.start, value.end)) {
    throw input.corrupt('a field that comes twice in a hash')
  }
  if (atMs > 0) builder.expire(field.bytes, field.start, field.end, atMs)
}

/** Fields and values one by one, each behind its expiry: how much later than the earliest one, plus one; 0 for none. */
function readExpiring(context: BuildContext): ValueReader {
  const field = emptyRange()
  const value = emptyRange()
  let builder: ExpiringBuilder | undefined
  let firstMs = 0
  let left = 0
  return {
    step(input) {
      if (builder === undefined) {
        const first = firstExpiry(input)
        left = input.length()
        firstMs = first
        builder = createExpiringBuilder(context.nodes, context.limits, left)
        return left === 0
      }
      const later = input.length()
      input.string(field)
      input.string(value)
      addExpiring(builder, input, field, value, later === 0 ? 0 : firstMs + later - 1)
      return --left === 0
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

/** A listpack of field, value and expiry, 0 for none. */
function readExpiringListpack(context: BuildContext): ValueReader {
  const blob = emptyRange()
  let builder: ExpiringBuilder | undefined
  return {
    step(input) {
      firstExpiry(input)
      input.string(blob)
      const { bytes, start, end } = blob
      const elements = lpValidate(bytes, start, end - start)
      if (elements === NONE || elements % 3 !== 0) throw input.corrupt('a hash whose listpack is not sound')
      builder = createExpiringBuilder(context.nodes, context.limits, elements / 3)
      for (let p = lpFirst(bytes, start); p !== NONE; ) {
        const v = lpNext(bytes, p)
        const e = lpNext(bytes, v)
        if (!lpIsInteger(bytes, e)) throw input.corrupt('an expiry that no field can have')
        lpText(bytes, p, FIELD)
        lpText(bytes, v, VALUE)
        addExpiring(builder, input, FIELD, VALUE, lpInteger(bytes, e))
        p = lpNext(bytes, e)
      }
      return true
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

/** The codec's row of hashes. */
export const HASH_CODEC: ValueCodec = {
  type: TYPE_HASH,
  written: { 0: RDB_HASH_LISTPACK, 8: RDB_HASH, 9: RDB_HASH_METADATA },
  readers: {
    [RDB_HASH]: readFields,
    [RDB_HASH_LISTPACK]: readListpack,
    [RDB_HASH_METADATA]: readExpiring,
    [RDB_HASH_LISTPACK_EX]: readExpiringListpack,
    [RDB_HASH_ZIPLIST]: (context) => readOld(context, 'Hash ziplist', visitZiplist),
    [RDB_HASH_ZIPMAP]: (context) => readOld(context, 'Zipmap', visitZipmap),
  },
}
