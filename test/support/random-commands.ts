// Random commands of all families, for running against two servers: few keys and few members, so that they meet; numbers and
// words at the edges of what is accepted; no reply that may differ from server to server where that can be avoided.
import fc from 'fast-check'

export type Command = string[]
/** Commands whose reply has no order, pairs or single ones. */
export const UNORDERED = ['HGETALL', 'HKEYS', 'HVALS', 'SMEMBERS', 'SINTER', 'SUNION', 'SDIFF']
export const KEYS = ['k0', 'k1', 'k2', 'k3', '', '\x00\xff']
const key = fc.constantFrom(...KEYS)
const integer = fc.oneof(
  fc.integer({ min: -20, max: 300 }).map(String),
  fc.constantFrom(
    '9223372036854775807',
    '-9223372036854775808',
    '9223372036854775808',
    '2147483648',
    '-2147483649',
    '0',
    '-1',
  ),
  fc.constantFrom('abc', '', ' 1', '1 ', '1.0', '+1', '01', '-0', '0x10', '1e3', 'nan', 'inf'),
)
/** Nothing out of range, as 1e400: Redis does not clear C's errno after it, and its next SORT takes that for an error of its own. */
const float = fc.oneof(
  integer,
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((value) => value.toFixed(4)),
  fc.constantFrom('0.1', '1e-5', '-inf', '1e17', '.5', '5.', '3.0e2', '123456789.123456789'),
)
const value = fc.oneof(
  float,
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)), maxLength: 70 }),
  fc.constantFrom('hello', 'x'.repeat(44), 'x'.repeat(45), 'ab'.repeat(300)),
)
const field = fc.oneof(
  fc.constantFrom('f0', 'f1', 'f2', 'f3', 'f4', 'f5', '', '12', '\x00\xff'),
  fc.constantFrom('x'.repeat(64), 'x'.repeat(65), '-9223372036854775808', '9223372036854775808', '01'),
)
const pairs = fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 3 }).map((list) => list.flat())
const member = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 9 }).map(String) },
  field,
  fc.constantFrom('40000', '-40000', '5000000000', '9223372036854775807', '1'.repeat(18)),
)
const index = fc.oneof(fc.integer({ min: -12, max: 60 }).map(String), integer)
const scored = fc.array(fc.tuple(float, field), { minLength: 1, maxLength: 4 }).map((list) => list.flat())
const addOption = fc.constantFrom<string[]>([], ['NX'], ['XX'], ['GT'], ['LT'], ['CH'], ['INCR'])
const bound = fc.oneof(
  float,
  float.map((text) => `(${text}`),
  fc.constantFrom('-inf', '+inf', '-', '+'),
)
const rangeOption = fc.constantFrom<string[]>(['BYSCORE'], ['REV'], ['LIMIT', '1', '2'], ['WITHSCORES'])
const algebraOption = fc.constantFrom<string[]>(['WEIGHTS', '2', '-0.5'], ['AGGREGATE', 'MIN'], ['AGGREGATE', 'MAX'])
const coordinate = fc.oneof(
  fc.integer({ min: -200, max: 200 }).map(String),
  fc.double({ min: -85, max: 85, noNaN: true }).map((degrees) => degrees.toFixed(6)),
)
const small = fc.constantFrom('0', '1', '2', '-1', 'x')
const seconds = fc.oneof(
  fc.constantFrom('1000', '5000', '100000', '0', '-1'),
  integer.filter((text) => !/^[1-9]\d{0,2}$/.test(text)),
)
const milliseconds = fc.oneof(
  fc.constantFrom('1000000', '99999999', '0', '-5'),
  integer.filter((text) => !/^[1-9]\d{0,3}$/.test(text)),
)
const atSeconds = fc.constantFrom('33177117420', '33177117421', '1', '0', '-1', '9223372036854775807', 'x')
const atMs = fc.constantFrom('33177117420123', '33177117420124', '1', '0', '-1', '9223372036854775807', 'x')
const condition = fc.subarray(['NX', 'XX', 'GT', 'LT'], { maxLength: 2 })
/** Of times that count from now, whether one is greater depends on the milliseconds that passed since the other. */
const conditionOfRelative = fc.subarray(['NX', 'XX'], { maxLength: 2 })
const expiryOption: fc.Arbitrary<string[]> = fc.oneof<fc.Arbitrary<string[]>[]>(
  fc.constant([]),
  fc.constant([]),
  fc.constant([]),
  fc.tuple(fc.constant('EX'), seconds),
  fc.tuple(fc.constant('px'), milliseconds),
  fc.tuple(fc.constant('EXAT'), atSeconds),
  fc.tuple(fc.constant('PXAT'), atMs),
  fc.constantFrom<string[]>(['KEEPTTL'], ['PERSIST'], ['EX'], ['FOO']),
)

const command = (...parts: fc.Arbitrary<string | string[]>[]): fc.Arbitrary<Command> =>
  fc.tuple(...parts).map((words) => words.flat())
const word = (text: string): fc.Arbitrary<string> => fc.constant(text)
const some = (arbitrary: fc.Arbitrary<string>, max = 4): fc.Arbitrary<string[]> =>
  fc.array(arbitrary, { minLength: 1, maxLength: max })

const bit = fc.oneof(fc.integer({ min: -1, max: 300 }).map(String), fc.constantFrom('x', '4294967296'))
const width = fc.oneof(
  fc.integer({ min: 0, max: 65 }).map((bits) => `i${bits}`),
  fc.integer({ min: 1, max: 63 }).map((bits) => `u${bits}`),
)
const bitRange = fc.oneof<fc.Arbitrary<string[]>[]>(
  fc.constant([]),
  fc.tuple(index, index),
  fc.tuple(index, index, fc.constantFrom('BIT', 'byte')),
)
const fieldOperation = fc.oneof<fc.Arbitrary<string[]>[]>(
  fc.tuple(word('GET'), width, bit),
  fc.tuple(fc.constantFrom('SET', 'INCRBY'), width, bit, integer),
  fc.tuple(fc.constantFrom('SET', 'INCRBY'), width, bit, integer),
  fc.tuple(word('OVERFLOW'), fc.constantFrom('WRAP', 'SAT', 'FAIL')),
)

const few = (arbitrary: fc.Arbitrary<string[]>): fc.Arbitrary<string[]> =>
  fc.array(arbitrary, { maxLength: 2 }).map((list) => list.flat())

const streamId = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.nat(60), fc.nat(3)).map(([ms, seq]) => `${ms}-${seq}`) },
  fc.constantFrom('0', '5-*', '40-*', '70-*', '18446744073709551615-*', '*x', '-', '$', '>'),
)
const groupName = fc.constantFrom('g', 'h')
const consumerName = fc.constantFrom('a', 'b', 'c')
const claimOption = fc.constantFrom<string[]>(
  ['FORCE'],
  ['JUSTID'],
  ['RETRYCOUNT', '3'],
  ['COUNT', '2'],
  ['LASTID', '30'],
)
const streamBound = fc.oneof(streamId, fc.constantFrom('-', '+', '(5-1', '(0', '30'))
const trimming = fc.oneof(
  { weight: 4, arbitrary: fc.constant<string[]>([]) },
  fc
    .tuple(
      fc.constantFrom<string[]>(['MAXLEN'], ['MAXLEN', '~'], ['MAXLEN', '='], ['MINID'], ['MINID', '~']),
      fc.nat(20).map(String),
      fc.constantFrom<string[]>([], [], ['LIMIT', '8']),
    )
    .map((parts) => parts.flat()),
  fc.constantFrom<string[]>(['NOMKSTREAM'], ['LIMIT', '3'], ['MAXLEN', '-1']),
)
const end = fc.constantFrom('LEFT', 'RIGHT')
/** Short enough to wait for in vain. */
const wait = word('0.001')
/** Limits at which encodings change. Options of a list's nodes are left out: where these are cut shows in DUMP. */
const limits = fc.oneof(
  fc.tuple(
    fc.constantFrom('hash-max-listpack-entries', 'zset-max-listpack-entries', 'set-max-intset-entries'),
    fc.constantFrom('0', '2', '4', '512'),
  ),
  fc.tuple(fc.constantFrom('hash-max-listpack-value', 'zset-max-listpack-value'), fc.constantFrom('0', '8', '64')),
  fc.tuple(word('stream-node-max-entries'), fc.constantFrom('0', '2', '3', '100')),
  fc.tuple(word('hll-sparse-max-bytes'), fc.constantFrom('0', '20', '3000')),
)

/** One command. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: command(fc.constantFrom('LPUSH', 'RPUSH'), key, some(field)) },
  command(fc.constantFrom('LPUSHX', 'RPUSHX'), key, some(field)),
  command(fc.constantFrom('LPOP', 'RPOP'), key),
  command(fc.constantFrom('LPOP', 'RPOP'), key, small),
  command(word('LLEN'), key),
  command(word('LINDEX'), key, index),
  { weight: 2, arbitrary: command(word('LRANGE'), key, index, index) },
  command(word('LSET'), key, index, field),
  command(word('LINSERT'), key, fc.constantFrom('BEFORE', 'AFTER', 'x'), field, field),
  command(word('LREM'), key, small, field),
  command(word('LTRIM'), key, index, index),
  command(
    word('LPOS'),
    key,
    field,
    few(fc.constantFrom(['RANK', '-1'], ['RANK', '2'], ['COUNT', '0'], ['MAXLEN', '2'])),
  ),
  { weight: 2, arbitrary: command(word('LMOVE'), key, key, end, end) },
  command(word('RPOPLPUSH'), key, key),
  command(word('LMPOP'), word('2'), key, key, end, few(fc.constantFrom(['COUNT', '2'], ['COUNT', '0']))),
  { weight: 6, arbitrary: command(word('SET'), key, value) },
  {
    weight: 3,
    arbitrary: command(
      word('SET'),
      key,
      value,
      fc.shuffledSubarray(['NX', 'XX', 'GET'], { maxLength: 2 }),
      expiryOption,
    ),
  },
  { weight: 3, arbitrary: command(word('GET'), key) },
  command(word('GETEX'), key, expiryOption),
  command(word('GETDEL'), key),
  command(word('GETSET'), key, value),
  command(word('SETNX'), key, value),
  command(word('SETEX'), key, seconds, value),
  command(word('PSETEX'), key, milliseconds, value),
  command(word('APPEND'), key, value),
  command(word('STRLEN'), key),
  command(fc.constantFrom('GETRANGE', 'SUBSTR'), key, index, index),
  command(
    word('SETRANGE'),
    key,
    fc.oneof(fc.integer({ min: -2, max: 80 }).map(String), fc.constantFrom('x', '536870912')),
    value,
  ),
  command(fc.constantFrom('INCR', 'DECR'), key),
  { weight: 2, arbitrary: command(fc.constantFrom('INCRBY', 'DECRBY'), key, integer) },
  { weight: 2, arbitrary: command(word('INCRBYFLOAT'), key, float) },
  command(word('MGET'), some(key)),
  command(
    fc.constantFrom('MSET', 'MSETNX'),
    fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 }).map((pairs) => pairs.flat()),
  ),
  command(word('LCS'), key, key, fc.subarray(['LEN', 'IDX', 'WITHMATCHLEN'])),
  { weight: 2, arbitrary: command(word('SETBIT'), key, bit, fc.constantFrom('0', '1', '1', '2')) },
  command(word('GETBIT'), key, bit),
  command(word('BITCOUNT'), key, bitRange),
  command(word('BITPOS'), key, fc.constantFrom('0', '1'), bitRange),
  command(word('BITOP'), fc.constantFrom('AND', 'OR', 'XOR', 'NOT'), key, some(key, 3)),
  {
    weight: 3,
    arbitrary: command(
      fc.constantFrom('BITFIELD', 'BITFIELD', 'BITFIELD_RO'),
      key,
      fc.array(fieldOperation, { maxLength: 4 }).map((list) => list.flat()),
    ),
  },
  { weight: 2, arbitrary: command(word('PFADD'), key, some(value)) },
  command(fc.constantFrom('PFCOUNT', 'PFMERGE'), some(key, 3)),
  command(word('PFDEBUG'), fc.constantFrom('ENCODING', 'TODENSE', 'DECODE'), key),
  { weight: 6, arbitrary: command(fc.constantFrom('HSET', 'HMSET'), key, pairs) },
  command(fc.constantFrom('HSET', 'HMSET'), key, some(value)),
  command(word('HSETNX'), key, field, value),
  { weight: 6, arbitrary: command(word('SADD'), key, some(member)) },
  { weight: 2, arbitrary: command(word('SREM'), key, some(member)) },
  command(word('SMOVE'), key, key, member),
  command(fc.constantFrom('SISMEMBER', 'SMISMEMBER'), key, member),
  command(fc.constantFrom('SMEMBERS', 'SCARD'), key),
  { weight: 2, arbitrary: command(fc.constantFrom('SINTER', 'SUNION', 'SDIFF'), some(key)) },
  { weight: 3, arbitrary: command(fc.constantFrom('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), key, some(key)) },
  command(
    word('SINTERCARD'),
    fc.constantFrom('2', '0', '3', 'x'),
    key,
    key,
    fc.constantFrom<string[]>([], ['LIMIT', '2']),
  ),
  // Drawn by chance, but what is left is the same: all, or none.
  command(word('SPOP'), key, fc.constantFrom('1000', '0', '-1', 'x')),
  command(word('SRANDMEMBER'), key),
  command(
    word('SSCAN'),
    key,
    fc.constantFrom('0', '0', 'x'),
    fc.constantFrom<string[]>(['COUNT', '1000'], ['COUNT', '1000', 'MATCH', 'f*'], ['COUNT', '0']),
  ),
  { weight: 6, arbitrary: command(word('ZADD'), key, few(addOption), scored) },
  command(word('ZADD'), key, some(value)),
  command(word('ZINCRBY'), key, float, field),
  command(fc.constantFrom('ZREM', 'ZSCORE', 'ZMSCORE', 'ZRANK', 'ZREVRANK'), key, field),
  command(word('GEOADD'), key, fc.subarray(['NX', 'XX', 'CH'], { maxLength: 2 }), coordinate, coordinate, field),
  command(fc.constantFrom('GEOPOS', 'GEOHASH'), key, some(field)),
  command(
    fc
      .constantFrom('GEOSEARCH', 'GEOSEARCH', 'GEOSEARCHSTORE')
      .chain((name) => command(word(name), name === 'GEOSEARCH' ? key : fc.tuple(key, key).map((both) => [...both]))),
    fc.oneof(command(word('FROMMEMBER'), field), command(word('FROMLONLAT'), coordinate, coordinate)),
    command(word('BYRADIUS'), fc.constantFrom('0', '100', '3000', '-1', 'x'), fc.constantFrom('km', 'MI', 'x')),
    few(fc.constantFrom<string[]>(['ASC'], ['COUNT', '2', 'ANY'], ['COUNT', '0'], ['WITHHASH'])),
  ),
  command(fc.constantFrom('ZCARD', 'ZPOPMIN', 'ZPOPMAX'), key),
  command(fc.constantFrom('ZPOPMIN', 'ZPOPMAX'), key, small),
  command(fc.constantFrom('ZRANGE', 'ZREVRANGE', 'ZREMRANGEBYRANK'), key, index, index),
  command(fc.constantFrom('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE', 'ZCOUNT', 'ZREMRANGEBYSCORE'), key, bound, bound),
  command(word('ZRANGE'), key, bound, bound, few(rangeOption)),
  command(word('ZRANGESTORE'), key, key, index, index, few(rangeOption)),
  command(fc.constantFrom('ZUNION', 'ZINTER', 'ZDIFF'), fc.constant('2'), key, key, word('WITHSCORES')),
  command(fc.constantFrom('ZUNIONSTORE', 'ZINTERSTORE'), key, fc.constant('2'), key, key, few(algebraOption)),
  command(word('ZDIFFSTORE'), key, fc.constant('2'), key, key),
  command(word('ZMPOP'), fc.constant('2'), key, key, fc.constantFrom('MIN', 'MAX')),
  { weight: 8, arbitrary: command(word('XADD'), key, trimming, streamId, pairs) },
  command(word('XTRIM'), key, trimming),
  command(word('XDEL'), key, some(streamId)),
  command(word('XLEN'), key),
  command(fc.constantFrom('XRANGE', 'XREVRANGE'), key, streamBound, streamBound),
  command(word('XREAD'), fc.constantFrom<string[]>([], ['COUNT', '2']), word('STREAMS'), key, key, streamId, streamId),
  command(word('XINFO'), word('STREAM'), key),
  command(word('XSETID'), key, streamId),
  { weight: 3, arbitrary: command(word('XGROUP'), word('CREATE'), key, groupName, streamId, word('MKSTREAM')) },
  command(word('XGROUP'), word('SETID'), key, groupName, streamId),
  command(word('XGROUP'), word('DESTROY'), key, groupName),
  command(word('XGROUP'), fc.constantFrom('CREATECONSUMER', 'DELCONSUMER'), key, groupName, consumerName),
  {
    weight: 4,
    arbitrary: command(
      word('XREADGROUP'),
      word('GROUP'),
      groupName,
      consumerName,
      fc.constantFrom<string[]>([], ['COUNT', '2'], ['NOACK']),
      word('STREAMS'),
      key,
      fc.constantFrom('>', '>', '0', '20'),
    ),
  },
  { weight: 2, arbitrary: command(word('XACK'), key, groupName, some(streamId)) },
  command(word('XPENDING'), key, groupName),
  {
    weight: 2,
    arbitrary: command(word('XCLAIM'), key, groupName, consumerName, word('0'), some(streamId), few(claimOption)),
  },
  command(word('XAUTOCLAIM'), key, groupName, consumerName, word('0'), streamBound, few(claimOption)),
  command(word('XINFO'), word('GROUPS'), key),
  { weight: 2, arbitrary: command(word('HDEL'), key, some(field)) },
  { weight: 2, arbitrary: command(fc.constantFrom('HGET', 'HSTRLEN', 'HEXISTS'), key, field) },
  command(word('HMGET'), key, some(field)),
  { weight: 2, arbitrary: command(fc.constantFrom(...UNORDERED), key) },
  command(word('HLEN'), key),
  { weight: 2, arbitrary: command(word('HINCRBY'), key, field, integer) },
  { weight: 2, arbitrary: command(word('HINCRBYFLOAT'), key, field, float) },
  command(word('HRANDFIELD'), key),
  command(
    word('HSCAN'),
    key,
    fc.constantFrom('0', '0', '0', 'x', ''),
    fc.constantFrom<string[]>(
      ['COUNT', '1000'],
      ['COUNT', '1000', 'MATCH', 'f*'],
      ['COUNT', '0'],
      ['MATCH'],
      ['NO', '1'],
    ),
  ),
  command(fc.constantFrom('BLPOP', 'BRPOP', 'BZPOPMIN', 'BZPOPMAX'), some(key), wait),
  command(word('BLMOVE'), key, key, end, end, wait),
  command(word('BLMPOP'), wait, word('2'), key, key, end),
  command(word('BZMPOP'), wait, word('2'), key, key, fc.constantFrom('MIN', 'MAX')),
  command(word('XREAD'), word('BLOCK'), word('1'), word('STREAMS'), key, key, streamId, streamId),
  command(
    word('XREADGROUP'),
    word('GROUP'),
    groupName,
    consumerName,
    word('BLOCK'),
    word('1'),
    word('STREAMS'),
    key,
    word('>'),
  ),
  command(word('ZINTERCARD'), word('2'), key, key, fc.constantFrom<string[]>([], ['LIMIT', '1'])),
  command(word('ZRANDMEMBER'), key),
  command(word('ZSCAN'), key, fc.constantFrom('0', 'x'), word('COUNT'), word('1000')),
  command(word('SCAN'), word('0'), word('COUNT'), word('1000'), fc.constantFrom<string[]>([], ['TYPE', 'hash'])),
  command(word('GEODIST'), key, field, field, fc.constantFrom('m', 'km', 'x')),
  command(word('SWAPDB'), word('0'), fc.constantFrom('1', 'x')),
  // Not REFCOUNT: Redis counts what shares a value, as a queued SET or a copy of what was appended to.
  command(word('OBJECT'), word('FREQ'), key),
  command(word('CONFIG'), word('SET'), limits),
  command(word('DEBUG'), word('RELOAD')),
  command(fc.constantFrom('DEL', 'UNLINK', 'EXISTS', 'TOUCH'), some(key)),
  command(fc.constantFrom('TYPE', 'PERSIST', 'EXPIRETIME', 'PEXPIRETIME', 'DUMP'), key),
  command(fc.constantFrom('TTL', 'PTTL'), key),
  command(word('EXPIRE'), key, seconds, conditionOfRelative),
  command(word('PEXPIRE'), key, milliseconds, conditionOfRelative),
  command(word('EXPIREAT'), key, atSeconds, condition),
  command(word('PEXPIREAT'), key, atMs, condition),
  command(fc.constantFrom('RENAME', 'RENAMENX'), key, key),
  command(
    word('COPY'),
    key,
    key,
    fc.constantFrom<string[]>([], ['REPLACE'], ['DB', '1'], ['DB', '0', 'REPLACE'], ['DB', 'x']),
  ),
  command(word('MOVE'), key, fc.constantFrom('0', '1', '16', 'x')),
  command(word('SELECT'), fc.constantFrom('0', '0', '1', '99')),
  command(word('OBJECT'), word('ENCODING'), key),
  command(word('DBSIZE')),
  command(word('RANDOMKEY')),
  command(fc.constantFrom('MULTI', 'EXEC', 'DISCARD', 'UNWATCH')),
  command(word('WATCH'), some(key, 2)),
  fc.constantFrom<string[]>(
    ['FLUSHDB'],
    ['FLUSHALL'],
    ['KEYS', '*'],
    ['ECHO', 'x'],
    ['PING'],
    ['GET'],
    ['NOSUCH', 'a'],
  ),
)
