// The codec's rows of all types, by the numbers that RDB files use. See types/table.ts, which has the types themselves.

import { assert } from '../../lib/assert.ts'
import { ENCODING_MASK, ENCODING_SHIFT, TYPE_MASK } from '../../store/entry.ts'
import { TYPE_STRING } from '../../types/value-type.ts'
import { RDB_STRING } from '../rdb-format.ts'
import { HASH_CODEC } from './hash.ts'
import { LIST_CODEC } from './list.ts'
import { SET_CODEC } from './set.ts'
import { STREAM_CODEC } from './stream.ts'
import type { BuildContext, ValueCodec, ValueReader } from './value-codec.ts'
import { ZSET_CODEC } from './zset.ts'

/** Strings are a string in RDB files, too: they need no reader of their own. */
const STRING_CODEC: ValueCodec = {
  type: TYPE_STRING,
  written: { 0: RDB_STRING, 1: RDB_STRING, 2: RDB_STRING },
  readers: {},
}

/** The rows, in the order of the types' numbers. */
const CODECS: readonly ValueCodec[] = [
  STRING_CODEC,

  LIST_CODEC,

  SET_CODEC,

  // Sorted sets.
  ZSET_CODEC,

  HASH_CODEC,

  STREAM_CODEC,
]

const BY_TYPE: (ValueCodec | undefined)[] = []
const READERS: (((context: BuildContext) => ValueReader) | undefined)[] = []
for (const codec of CODECS) {
  BY_TYPE[codec.type] = codec
  for (const [rdbType, reader] of Object.entries(codec.readers)) READERS[Number(rdbType)] = reader
}

/** The RDB type that a value of this kind (type and encoding) is written as. */
export function rdbTypeOf(kind: number): number {
  const rdbType = BY_TYPE[kind & TYPE_MASK]?.written[(kind & ENCODING_MASK) >>> ENCODING_SHIFT]
  assert(rdbType !== undefined, 'every encoding is written as some RDB type')
  return rdbType
}

/** What stands before the string of a blob of this kind; undefined for nothing. */
export function rdbPrefixOf(kind: number): Uint8Array | undefined {
  return BY_TYPE[kind & TYPE_MASK]?.prefix
}

/** What reads values of an RDB type other than RDB_STRING; undefined if nothing does yet. */
export function readerOf(rdbType: number): ((context: BuildContext) => ValueReader) | undefined {
  return READERS[rdbType]
}
