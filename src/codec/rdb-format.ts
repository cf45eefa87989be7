// The numbers of the RDB format, shared by its writer, its reader and DUMP payloads, and the error they throw.
// Facts from redis-server 7.0's own files; opcodes up to version 11.

/** The version that Vedette writes: that of Redis 7.0. */
export const RDB_VERSION_WRITTEN = 10
/** The version that it writes if fields of hashes have an expiry: that of Redis 7.4. */
export const RDB_VERSION_WITH_FIELD_EXPIRIES = 12
/** The newest version that Vedette reads: that of Redis 7.4. */
export const RDB_VERSION_READ_MAX = 12
/** Files older than this have no checksum at their end. */
export const RDB_VERSION_WITH_CHECKSUM = 5

export const OPCODE_FUNCTION2 = 245
export const OPCODE_FUNCTION_PRE_GA = 246
export const OPCODE_MODULE_AUX = 247
export const OPCODE_IDLE = 248
export const OPCODE_FREQUENCY = 249
export const OPCODE_AUX = 250
export const OPCODE_RESIZE_DB = 251
export const OPCODE_EXPIRE_MS = 252
export const OPCODE_EXPIRE_SECONDS = 253
export const OPCODE_SELECT_DB = 254
export const OPCODE_EOF = 255

// Value types; TYPE_NAMES has all of them.
export const RDB_STRING = 0
export const RDB_LIST = 1
export const RDB_SET = 2
export const RDB_ZSET = 3
export const RDB_HASH = 4
export const RDB_ZSET_2 = 5
export const RDB_HASH_ZIPMAP = 9
export const RDB_LIST_ZIPLIST = 10
export const RDB_SET_INTSET = 11
export const RDB_ZSET_ZIPLIST = 12
export const RDB_HASH_ZIPLIST = 13
export const RDB_LIST_QUICKLIST = 14
export const RDB_STREAM = 15
export const RDB_HASH_LISTPACK = 16
export const RDB_ZSET_LISTPACK = 17
export const RDB_LIST_QUICKLIST_2 = 18
export const RDB_STREAM_2 = 19
export const RDB_SET_LISTPACK = 20
export const RDB_STREAM_3 = 21
export const RDB_HASH_METADATA = 24
export const RDB_HASH_LISTPACK_EX = 25

/** Value types by number, as error messages name them. */
const TYPE_NAMES: readonly (string | undefined)[] = [
  'string',
  'list',
  'set',
  'sorted set',
  'hash',
  'sorted set (binary scores)',
  'module value (before RDB 8)',
  'module value',
  undefined,
  'hash (zipmap)',
  'list (ziplist)',
  'set (intset)',
  'sorted set (ziplist)',
  'hash (ziplist)',
  'list (quicklist of ziplists)',
  'stream (listpacks)',
  'hash (listpack)',
  'sorted set (listpack)',
  'list (quicklist of listpacks)',
  'stream (listpacks, version 2)',
  'set (listpack)',
  'stream (listpacks, version 3)',
  'hash (with expiries, before 7.4)',
  'hash (listpack with expiries, before 7.4)',
  'hash (with expiries)',
  'hash (listpack with expiries)',
]

/** The name of a value type, or undefined for a number that no RDB version up to 12 uses. */
export function rdbTypeName(type: number): string | undefined {
  return TYPE_NAMES[type]
}

// The two high bits of a length's first byte.
export const LENGTH_6_BIT = 0
export const LENGTH_14_BIT = 1
export const LENGTH_ENCODED = 3
// First bytes of the wide lengths.
export const LENGTH_32_BIT = 0x80
export const LENGTH_64_BIT = 0x81
// What the six low bits say when a string is encoded.
export const STRING_INT8 = 0
export const STRING_INT16 = 1
export const STRING_INT32 = 2
export const STRING_LZF = 3

/** Why an RDB file or DUMP payload was refused. */
export type RdbErrorCode =
  /** It does not begin as an RDB file does. */
  | 'signature'
  /** Its version is newer than RDB_VERSION_READ_MAX, or below 1. */
  | 'version'
  /** It holds something that Vedette does not read yet: a value type, functions. Nothing was skipped. */
  | 'unsupported'
  /** A length beyond the limits given to the reader. */
  | 'limit'
  /** The bytes contradict the format. */
  | 'corrupt'
  /** The checksum at the end is another. */
  | 'checksum'
  /** It ended before its end mark. */
  | 'truncated'

/** What the codec throws on bad input; `message` is fit for a log line. */
export class RdbError extends Error {
  override readonly name = 'RdbError'
  readonly code: RdbErrorCode

  constructor(code: RdbErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
