// All types in one table, by their number. A type that is added here is one that TYPE, OBJECT, DEL, COPY, RENAME, MEMORY,
// snapshots and the release of values know; the codec has its own table (codec/values/table.ts).

import { assert } from '../lib/assert.ts'
import { ENCODING_MASK, ENCODING_SHIFT, TYPE_MASK } from '../store/entry.ts'
import { HASH_TYPE } from './hash.ts'
import { LIST_TYPE } from './list.ts'
import { SET_TYPE } from './set.ts'
import { STREAM_TYPE } from './stream.ts'
import { STRING_TYPE } from './string.ts'
import type { PartsEncoding, ValueType } from './value-type.ts'
import { ZSET_TYPE } from './zset.ts'

/** The rows, in the order of their numbers. */
const TYPES: readonly ValueType[] = [
  STRING_TYPE,

  LIST_TYPE,

  SET_TYPE,

  // Sorted sets.
  ZSET_TYPE,

  HASH_TYPE,

  STREAM_TYPE,
]

const BY_NUMBER: (ValueType | undefined)[] = []
for (const row of TYPES) BY_NUMBER[row.type] = row

/** The row of a type number. */
export function valueType(type: number): ValueType {
  const row = BY_NUMBER[type & TYPE_MASK]
  assert(row !== undefined, 'a stored value is of a type in the table')
  return row
}

/** The encoding of a value that is made of nodes, by its kind. */
export function partsEncoding(kind: number): PartsEncoding {
  const row = valueType(kind).parts[(kind & ENCODING_MASK) >>> ENCODING_SHIFT]
  assert(row !== undefined, 'an encoding made of nodes is in the row of its type')
  return row
}
