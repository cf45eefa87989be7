// The rows of the sorted set family, whose functions are in the files beside this one.

import { SCAN_ARGUMENTS } from './collection-scan.ts'
import { zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore } from './sorted-set-algebra.ts'
import { zrandmember } from './sorted-set-random.ts'
import {
  zcount,
  zlexcount,
  zrange,
  zrangebylex,
  zrangebyscore,
  zrangestore,
  zremrangebylex,
  zremrangebyrank,
  zremrangebyscore,
  zrevrange,
  zrevrangebylex,
  zrevrangebyscore,
} from './sorted-set-ranges.ts'
import {
  bzmpop,
  bzpopmax,
  bzpopmin,
  zadd,
  zcard,
  zincrby,
  zmpop,
  zmscore,
  zpopmax,
  zpopmin,
  zrank,
  zrem,
  zrevrank,
  zscan,
  zscore,
} from './sorted-sets.ts'
import { type ArgumentSpec, type CommandSpec, type KeySpec, keyAt } from './spec.ts'

// Arguments, and places of keys, that several commands have in common.
const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const MEMBER: ArgumentSpec = { name: 'member', type: 'string' }
const WITHSCORES: ArgumentSpec = { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', optional: true }
const LIMIT: ArgumentSpec = {
  name: 'offset_count',
  type: 'block',
  token: 'LIMIT',
  optional: true,
  arguments: [
    { name: 'offset', type: 'integer' },
    { name: 'count', type: 'integer' },
  ],
}
const LIMIT_SINCE_6_2: ArgumentSpec = {
  name: 'offset_count',
  type: 'block',
  token: 'LIMIT',
  since: '6.2.0',
  optional: true,
  arguments: [
    { name: 'offset', type: 'integer' },
    { name: 'count', type: 'integer' },
  ],
}
const WEIGHTS: ArgumentSpec = { name: 'weight', type: 'integer', token: 'WEIGHTS', optional: true, multiple: true }
const AGGREGATE: ArgumentSpec = {
  name: 'aggregate',
  type: 'oneof',
  token: 'AGGREGATE',
  optional: true,
  arguments: [
    { name: 'sum', type: 'pure-token', token: 'SUM' },
    { name: 'min', type: 'pure-token', token: 'MIN' },
    { name: 'max', type: 'pure-token', token: 'MAX' },
  ],
}
const NUMKEYS: ArgumentSpec = { name: 'numkeys', type: 'integer' }
const KEYS: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0, multiple: true }
const POP_FROM_KEYS: readonly ArgumentSpec[] = [
  NUMKEYS,
  KEYS,
  {
    name: 'where',
    type: 'oneof',
    arguments: [
      { name: 'min', type: 'pure-token', token: 'MIN' },
      { name: 'max', type: 'pure-token', token: 'MAX' },
    ],
  },
  { name: 'count', type: 'integer', token: 'COUNT', optional: true },
]
const TIMEOUT: ArgumentSpec = { name: 'timeout', type: 'double' }

/** What the two commands that wait for a member and pop it have in common. */
const WAIT_ROW = {
  since: '5.0.0',
  group: 'sorted-set',
  complexity: 'O(K + log N), K being the number of keys and N the number of members.',
  arity: -3,
  flags: ['write', 'noscript', 'blocking', 'fast'],
  keys: [{ flags: ['RW', 'access', 'delete'], begin: { index: 1 }, find: { last: -2, step: 1, limit: 0 } }],
  arguments: [KEYS, TIMEOUT],
  history: [['6.0.0', 'The time-out may have fractions.']],
} as const

const SCORES: readonly ArgumentSpec[] = [
  { name: 'min', type: 'double' },
  { name: 'max', type: 'double' },
]
const SCORES_DOWN: readonly ArgumentSpec[] = [
  { name: 'max', type: 'double' },
  { name: 'min', type: 'double' },
]
const MEMBERS: readonly ArgumentSpec[] = [
  { name: 'min', type: 'string' },
  { name: 'max', type: 'string' },
]
const MEMBERS_DOWN: readonly ArgumentSpec[] = [
  { name: 'max', type: 'string' },
  { name: 'min', type: 'string' },
]
const RANKS: readonly ArgumentSpec[] = [
  { name: 'start', type: 'integer' },
  { name: 'stop', type: 'integer' },
]
const KEYS_AT_1: KeySpec = {
  flags: ['RO', 'access'],
  begin: { index: 1 },
  find: { keynumIndex: 0, firstKey: 1, step: 1 },
}

/** What the commands have in common that tell the rank of a member. */
const RANK_ROW = {
  since: '2.0.0',
  group: 'sorted-set',
  complexity: 'O(log N), N being the number of members.',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [keyAt(1, 'RO', 'access')],
  arguments: [KEY, MEMBER],
} as const

/** And those that count the members of a range. */
const COUNT_ROW = {
  group: 'sorted-set',
  complexity: 'O(log N), N being the number of members.',
  arity: 4,
  flags: ['readonly', 'fast'],
  keys: [keyAt(1, 'RO', 'access')],
} as const

/** And those that return a range. */
const RANGE_ROW = {
  group: 'sorted-set',
  complexity: 'O(log N + M), N being the number of members and M how many of them are returned.',
  arity: -4,
  flags: ['readonly'],
  keys: [keyAt(1, 'RO', 'access')],
} as const

/** And those that remove a range. */
const REMOVE_ROW = {
  group: 'sorted-set',
  complexity: 'O(log N + M), N being the number of members and M how many of them are removed.',
  arity: 4,
  flags: ['write'],
  keys: [keyAt(1, 'RW', 'delete')],
} as const

/** And those that pop members at one end. */
const POP_ROW = {
  since: '5.0.0',
  group: 'sorted-set',
  complexity: 'O(M log N), N being the number of members and M how many are popped.',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [keyAt(1, 'RW', 'access', 'delete')],
  arguments: [KEY, { name: 'count', type: 'integer', optional: true }],
} as const

/** And those that reply the result of an operation on sets. */
const REPLIED = {
  since: '6.2.0',
  group: 'sorted-set',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: [KEYS_AT_1],
} as const

/** And those that store it. */
const STORED = {
  group: 'sorted-set',
  arity: -4,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    keyAt(1, 'OW', 'update'),
    { flags: ['RO', 'access'], begin: { index: 2 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } },
  ],
} as const

/** The sorted set family. */
export const SORTED_SET_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'zadd',
    summary: 'Adds members with their scores to a sorted set, or gives members new scores.',
    since: '1.2.0',
    group: 'sorted-set',
    complexity: 'O(log N) for each member added, N being the number of members.',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [
      KEY,
      {
        name: 'condition',
        type: 'oneof',
        since: '3.0.2',
        optional: true,
        arguments: [
          { name: 'nx', type: 'pure-token', token: 'NX' },
          { name: 'xx', type: 'pure-token', token: 'XX' },
        ],
      },
      {
        name: 'comparison',
        type: 'oneof',
        since: '6.2.0',
        optional: true,
        arguments: [
          { name: 'gt', type: 'pure-token', token: 'GT' },
          { name: 'lt', type: 'pure-token', token: 'LT' },
        ],
      },
      { name: 'change', type: 'pure-token', token: 'CH', since: '3.0.2', optional: true },
      { name: 'increment', type: 'pure-token', token: 'INCR', since: '3.0.2', optional: true },
      { name: 'score_member', type: 'block', multiple: true, arguments: [{ name: 'score', type: 'double' }, MEMBER] },
    ],
    history: [
      ['2.4.0', 'Several members at once.'],
      ['3.0.2', 'The options XX, NX, CH and INCR.'],
      ['6.2.0', 'The options GT and LT.'],
    ],
    run: zadd,
  },
  {
    name: 'zincrby',
    summary: 'Adds to the score of a member; a missing member counts as 0.',
    since: '1.2.0',
    group: 'sorted-set',
    complexity: 'O(log N), N being the number of members.',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    arguments: [KEY, { name: 'increment', type: 'integer' }, MEMBER],
    run: zincrby,
  },
  {
    name: 'zrem',
    summary: 'Removes members from a sorted set; the key goes with its last member.',
    since: '1.2.0',
    group: 'sorted-set',
    complexity: 'O(M log N), N being the number of members and M how many are removed.',
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    arguments: [KEY, { name: 'member', type: 'string', multiple: true }],
    history: [['2.4.0', 'Several members at once.']],
    run: zrem,
  },
  {
    name: 'zscore',
    summary: 'Returns the score of a member.',
    since: '1.2.0',
    group: 'sorted-set',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, MEMBER],
    run: zscore,
  },
  {
    name: 'zmscore',
    summary: 'Returns the scores of several members, null for those that do not exist.',
    since: '6.2.0',
    group: 'sorted-set',
    complexity: 'O(N), N being the number of members asked for.',
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, { name: 'member', type: 'string', multiple: true }],
    run: zmscore,
  },
  {
    name: 'zcard',
    summary: 'Returns the number of members of a sorted set.',
    since: '1.2.0',
    group: 'sorted-set',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    arguments: [KEY],
    run: zcard,
  },
  {
    ...RANK_ROW,
    name: 'zrank',
    summary: 'Returns how many members have a lower score than the given one.',
    run: zrank,
  },
  {
    ...RANK_ROW,
    name: 'zrevrank',
    summary: 'Returns how many members have a higher score than the given one.',
    run: zrevrank,
  },
  {
    ...COUNT_ROW,
    name: 'zcount',
    summary: 'Counts the members whose scores lie in a range.',
    since: '2.0.0',
    arguments: [KEY, ...SCORES],
    run: zcount,
  },
  {
    ...COUNT_ROW,
    name: 'zlexcount',
    summary: 'Counts the members that lie in a range of strings, where all scores are equal.',
    since: '2.8.9',
    arguments: [KEY, ...MEMBERS],
    run: zlexcount,
  },
  {
    ...RANGE_ROW,
    name: 'zrange',
    summary: 'Returns a range of members, by rank, by score or by the members themselves.',
    since: '1.2.0',
    arguments: [
      KEY,
      { name: 'start', type: 'string' },
      { name: 'stop', type: 'string' },
      {
        name: 'sortby',
        type: 'oneof',
        since: '6.2.0',
        optional: true,
        arguments: [
          { name: 'byscore', type: 'pure-token', token: 'BYSCORE' },
          { name: 'bylex', type: 'pure-token', token: 'BYLEX' },
        ],
      },
      { name: 'rev', type: 'pure-token', token: 'REV', since: '6.2.0', optional: true },
      LIMIT_SINCE_6_2,
      WITHSCORES,
    ],
    history: [['6.2.0', 'The options REV, BYSCORE, BYLEX and LIMIT.']],
    run: zrange,
  },
  {
    ...RANGE_ROW,
    name: 'zrevrange',
    summary: 'Returns a range of members by rank, the highest first.',
    since: '1.2.0',
    arguments: [KEY, ...RANKS, WITHSCORES],
    deprecatedSince: '6.2.0',
    replacedBy: '`ZRANGE` with `REV`',
    run: zrevrange,
  },
  {
    ...RANGE_ROW,
    name: 'zrangebyscore',
    summary: 'Returns the members whose scores lie in a range.',
    since: '1.0.5',
    arguments: [
      KEY,
      ...SCORES,
      { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', since: '2.0.0', optional: true },
      LIMIT,
    ],
    history: [['2.0.0', 'The option WITHSCORES.']],
    deprecatedSince: '6.2.0',
    replacedBy: '`ZRANGE` with `BYSCORE`',
    run: zrangebyscore,
  },
  {
    ...RANGE_ROW,
    name: 'zrevrangebyscore',
    summary: 'Returns the members whose scores lie in a range, the highest first.',
    since: '2.2.0',
    arguments: [KEY, ...SCORES_DOWN, WITHSCORES, LIMIT],
    history: [['2.1.6', 'Scores may be open ends.']],
    deprecatedSince: '6.2.0',
    replacedBy: '`ZRANGE` with `REV` and `BYSCORE`',
    run: zrevrangebyscore,
  },
  {
    ...RANGE_ROW,
    name: 'zrangebylex',
    summary: 'Returns the members that lie in a range of strings, where all scores are equal.',
    since: '2.8.9',
    arguments: [KEY, ...MEMBERS, LIMIT],
    deprecatedSince: '6.2.0',
    replacedBy: '`ZRANGE` with `BYLEX`',
    run: zrangebylex,
  },
  {
    ...RANGE_ROW,
    name: 'zrevrangebylex',
    summary: 'Returns the members that lie in a range of strings, the last first, where all scores are equal.',
    since: '2.8.9',
    arguments: [KEY, ...MEMBERS_DOWN, LIMIT],
    deprecatedSince: '6.2.0',
    replacedBy: '`ZRANGE` with `REV` and `BYLEX`',
    run: zrevrangebylex,
  },
  {
    name: 'zrangestore',
    summary: 'Stores a range of members of a sorted set in another key.',
    since: '6.2.0',
    group: 'sorted-set',
    complexity: 'O(log N + M), N being the number of members and M how many of them are stored.',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update'), keyAt(2, 'RO', 'access')],
    arguments: [
      { name: 'dst', type: 'key', keySpecIndex: 0 },
      { name: 'src', type: 'key', keySpecIndex: 1 },
      ...MEMBERS,
      {
        name: 'sortby',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'byscore', type: 'pure-token', token: 'BYSCORE' },
          { name: 'bylex', type: 'pure-token', token: 'BYLEX' },
        ],
      },
      { name: 'rev', type: 'pure-token', token: 'REV', optional: true },
      LIMIT,
    ],
    run: zrangestore,
  },
  {
    ...REMOVE_ROW,
    name: 'zremrangebyrank',
    summary: 'Removes the members in a range of ranks.',
    since: '2.0.0',
    arguments: [KEY, ...RANKS],
    run: zremrangebyrank,
  },
  {
    ...REMOVE_ROW,
    name: 'zremrangebyscore',
    summary: 'Removes the members whose scores lie in a range.',
    since: '1.2.0',
    arguments: [KEY, ...SCORES],
    run: zremrangebyscore,
  },
  {
    ...REMOVE_ROW,
    name: 'zremrangebylex',
    summary: 'Removes the members that lie in a range of strings, where all scores are equal.',
    since: '2.8.9',
    arguments: [KEY, ...MEMBERS],
    run: zremrangebylex,
  },
  {
    ...POP_ROW,
    name: 'zpopmin',
    summary: 'Removes and returns the members with the lowest scores.',
    run: zpopmin,
  },
  {
    ...POP_ROW,
    name: 'zpopmax',
    summary: 'Removes and returns the members with the highest scores.',
    run: zpopmax,
  },
  {
    name: 'zmpop',
    summary: 'Removes and returns the lowest or highest members of the first of several sorted sets that has any.',
    since: '7.0.0',
    group: 'sorted-set',
    complexity: 'O(K + M log N), K being the number of keys, N the number of members and M how many are popped.',
    arity: -4,
    flags: ['write', 'movablekeys'],
    keys: [{ flags: ['RW', 'access', 'delete'], begin: { index: 1 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }],
    arguments: POP_FROM_KEYS,
    run: zmpop,
  },
  {
    ...WAIT_ROW,
    name: 'bzpopmin',
    summary:
      'Removes and returns the lowest member of the first of several sorted sets that has any, or waits for one.',
    run: bzpopmin,
  },
  {
    ...WAIT_ROW,
    name: 'bzpopmax',
    summary:
      'Removes and returns the highest member of the first of several sorted sets that has any, or waits for one.',
    run: bzpopmax,
  },
  {
    name: 'bzmpop',
    summary: 'Removes and returns members of the first of several sorted sets that has any, or waits for one.',
    since: '7.0.0',
    group: 'sorted-set',
    complexity: 'O(K + M log N), K being the number of keys, N the number of members and M how many are popped.',
    arity: -5,
    flags: ['write', 'blocking', 'movablekeys'],
    keys: [{ flags: ['RW', 'access', 'delete'], begin: { index: 2 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }],
    arguments: [TIMEOUT, ...POP_FROM_KEYS],
    run: bzmpop,
  },
  {
    name: 'zrandmember',
    summary: 'Returns random members of a sorted set.',
    since: '6.2.0',
    group: 'sorted-set',
    complexity: 'O(N), N being the number of members returned.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    tips: ['nondeterministic_output'],
    arguments: [
      KEY,
      { name: 'options', type: 'block', optional: true, arguments: [{ name: 'count', type: 'integer' }, WITHSCORES] },
    ],
    run: zrandmember,
  },
  {
    name: 'zscan',
    summary: 'Returns some members of a sorted set with their scores, and a cursor for the next call.',
    since: '2.8.0',
    group: 'sorted-set',
    complexity: 'O(1) a call, O(N) for the whole walk, N being the number of members.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    tips: ['nondeterministic_output'],
    arguments: [KEY, ...SCAN_ARGUMENTS],
    run: zscan,
  },
  {
    ...REPLIED,
    name: 'zunion',
    summary: 'Returns the union of sorted sets.',
    complexity: 'O(N + M log M), N being the number of members of all sets and M that of the result.',
    arguments: [NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITHSCORES],
    run: zunion,
  },
  {
    ...REPLIED,
    name: 'zinter',
    summary: 'Returns the intersection of sorted sets.',
    complexity:
      'O(N K + M log M), N being the number of members of the smallest set, K the number of sets and M the size of the result.',
    arguments: [NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITHSCORES],
    run: zinter,
  },
  {
    ...REPLIED,
    name: 'zdiff',
    summary: 'Returns the members of the first sorted set that are in none of the others.',
    complexity: 'O(N + M log M), N being the number of members of all sets and M that of the result.',
    arguments: [NUMKEYS, KEYS, WITHSCORES],
    run: zdiff,
  },
  {
    ...STORED,
    name: 'zunionstore',
    summary: 'Stores the union of sorted sets.',
    since: '2.0.0',
    complexity: 'O(N + M log M), N being the number of members of all sets and M that of the result.',
    arguments: [
      { name: 'destination', type: 'key', keySpecIndex: 0 },
      NUMKEYS,
      { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
      WEIGHTS,
      AGGREGATE,
    ],
    run: zunionstore,
  },
  {
    ...STORED,
    name: 'zinterstore',
    summary: 'Stores the intersection of sorted sets.',
    since: '2.0.0',
    complexity:
      'O(N K + M log M), N being the number of members of the smallest set, K the number of sets and M the size of the result.',
    arguments: [
      { name: 'destination', type: 'key', keySpecIndex: 0 },
      NUMKEYS,
      { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
      WEIGHTS,
      AGGREGATE,
    ],
    run: zinterstore,
  },
  {
    ...STORED,
    name: 'zdiffstore',
    summary: 'Stores the members of the first sorted set that are in none of the others.',
    since: '6.2.0',
    complexity: 'O(N + M log M), N being the number of members of all sets and M that of the result.',
    arguments: [
      { name: 'destination', type: 'key', keySpecIndex: 0 },
      NUMKEYS,
      { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
    ],
    run: zdiffstore,
  },
  {
    name: 'zintercard',
    summary: 'Counts the members of the intersection of sorted sets.',
    since: '7.0.0',
    group: 'sorted-set',
    complexity: 'O(N K), N being the number of members of the smallest set and K the number of sets.',
    arity: -3,
    flags: ['readonly', 'movablekeys'],
    keys: [KEYS_AT_1],
    arguments: [NUMKEYS, KEYS, { name: 'limit', type: 'integer', token: 'LIMIT', optional: true }],
    run: zintercard,
  },
]
