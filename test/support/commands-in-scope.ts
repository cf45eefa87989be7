// The commands that this version of Vedette has, by the issue that asked for them; the compatibility tests hold each
// against redis-server.

export const STRING_COMMANDS =
  'append decr decrby get getdel getex getrange getset incr incrby incrbyfloat lcs mget mset msetnx psetex set setex setnx setrange strlen substr'
export const BITMAP_COMMANDS = 'setbit getbit bitcount bitpos bitop bitfield bitfield_ro'
export const HYPERLOGLOG_COMMANDS = 'pfadd pfcount pfmerge pfdebug pfselftest'
export const GENERIC_COMMANDS =
  'copy del dump exists expire expireat expiretime keys migrate move object persist pexpire pexpireat pexpiretime pttl randomkey rename renamenx restore restore-asking scan sort sort_ro touch ttl type unlink wait'
export const LIST_COMMANDS =
  'lpush rpush lpushx rpushx lpop rpop llen lindex lrange lset linsert lrem ltrim lpos lmove rpoplpush lmpop blpop brpop blmove brpoplpush blmpop'
export const HASH_COMMANDS =
  'hset hmset hsetnx hget hmget hdel hlen hstrlen hexists hgetall hkeys hvals hincrby hincrbyfloat hrandfield hscan'
export const SET_COMMANDS =
  'sadd srem smembers sismember smismember scard spop srandmember smove sinter sintercard sinterstore sunion sunionstore sdiff sdiffstore sscan'
export const SORTED_SET_COMMANDS =
  'zadd zincrby zrem zscore zmscore zcard zrank zrevrank zcount zlexcount zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex zrangestore zremrangebyrank zremrangebyscore zremrangebylex zpopmin zpopmax zmpop bzpopmin bzpopmax bzmpop zrandmember zscan zunion zinter zdiff zunionstore zinterstore zdiffstore zintercard'
export const GEO_COMMANDS =
  'geoadd geopos geodist geohash geosearch geosearchstore georadius georadius_ro georadiusbymember georadiusbymember_ro'
export const STREAM_COMMANDS =
  'xadd xlen xrange xrevrange xdel xtrim xsetid xread xinfo xgroup xreadgroup xack xpending xclaim xautoclaim'
export const TRANSACTION_COMMANDS = 'multi exec discard watch unwatch'
export const SCRIPT_COMMANDS = 'eval evalsha eval_ro evalsha_ro script'
export const PUBSUB_COMMANDS =
  'subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe publish spublish pubsub'
export const CONNECTION_COMMANDS = 'auth client echo hello ping quit reset select'
export const SERVER_COMMANDS =
  'acl command config dbsize debug latency lolwut memory module slowlog flushall flushdb info lastsave monitor role save bgsave bgrewriteaof shutdown time replicaof slaveof psync sync replconf'
export const CLUSTER_COMMANDS = 'cluster readonly readwrite asking'

export const COMMANDS_IN_SCOPE: readonly string[] = [
  STRING_COMMANDS,
  BITMAP_COMMANDS,
  HYPERLOGLOG_COMMANDS,
  GENERIC_COMMANDS,
  LIST_COMMANDS,
  HASH_COMMANDS,
  SET_COMMANDS,
  SORTED_SET_COMMANDS,
  GEO_COMMANDS,
  STREAM_COMMANDS,
  SCRIPT_COMMANDS,
  TRANSACTION_COMMANDS,
  PUBSUB_COMMANDS,
  CONNECTION_COMMANDS,
  SERVER_COMMANDS,
  CLUSTER_COMMANDS,
]
  .join(' ')
  .split(' ')
