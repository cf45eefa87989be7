// The rows of the list family, whose functions are in the files beside this one.

import { blmove, blmpop, blpop, brpop, brpoplpush, lmove, lmpop, rpoplpush } from './list-moves.ts'
import {
  lindex,
  linsert,
  llen,
  lpop,
  lpos,
  lpush,
  lpushx,
  lrange,
  lrem,
  lset,
  ltrim,
  rpop,
  rpush,
  rpushx,
} from './lists.ts'
import { type ArgumentSpec, type CommandSpec, type KeySpec, keyAt } from './spec.ts'

// Arguments, and places of keys, that several commands have in common.
const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const ELEMENT: ArgumentSpec = { name: 'element', type: 'string' }
const ELEMENTS: ArgumentSpec = { ...ELEMENT, multiple: true }
const COUNT_SINCE_6_2: ArgumentSpec = { name: 'count', type: 'integer', since: '6.2.0', optional: true }
const RANGE: readonly ArgumentSpec[] = [
  { name: 'start', type: 'integer' },
  { name: 'stop', type: 'integer' },
]
const ENDS: readonly ArgumentSpec[] = [
  { name: 'left', type: 'pure-token', token: 'LEFT' },
  { name: 'right', type: 'pure-token', token: 'RIGHT' },
]
const FROM_TO: readonly ArgumentSpec[] = [
  { name: 'source', type: 'key', keySpecIndex: 0 },
  { name: 'destination', type: 'key', keySpecIndex: 1 },
]
const WHERE_FROM_TO: readonly ArgumentSpec[] = [
  { name: 'wherefrom', type: 'oneof', arguments: ENDS },
  { name: 'whereto', type: 'oneof', arguments: ENDS },
]
const POP_FROM_KEYS: readonly ArgumentSpec[] = [
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', keySpecIndex: 0, multiple: true },
  { name: 'where', type: 'oneof', arguments: ENDS },
  { name: 'count', type: 'integer', token: 'COUNT', optional: true },
]
const TO_INSERT: readonly KeySpec[] = [keyAt(1, 'RW', 'insert')]
const TO_READ: readonly KeySpec[] = [keyAt(1, 'RO', 'access')]
const TO_DELETE: readonly KeySpec[] = [keyAt(1, 'RW', 'delete')]
const TO_POP: readonly KeySpec[] = [keyAt(1, 'RW', 'access', 'delete')]
const TO_MOVE: readonly KeySpec[] = [...TO_POP, keyAt(2, 'RW', 'insert')]

const TIMEOUT: ArgumentSpec = { name: 'timeout', type: 'double' }

/** What the two commands that wait for an element and pop it have in common. */
const WAIT_ROW = {
  since: '2.0.0',
  group: 'list',
  complexity: 'O(K), K being the number of keys.',
  arity: -3,
  flags: ['write', 'noscript', 'blocking'],
  keys: [{ flags: ['RW', 'access', 'delete'], begin: { index: 1 }, find: { last: -2, step: 1, limit: 0 } }],
  arguments: [{ ...KEY, multiple: true }, TIMEOUT],
  history: [['6.0.0', 'The time-out may have fractions.']],
} as const

/** What the four commands that push have in common. */
const PUSH_ROW = {
  group: 'list',
  complexity: 'O(N), N being the number of elements added.',
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: TO_INSERT,
  arguments: [KEY, ELEMENTS],
} as const

/** What the two commands that pop have in common. */
const POP_ROW = {
  since: '1.0.0',
  group: 'list',
  complexity: 'O(N), N being the number of elements returned.',
  arity: -2,
  flags: ['write', 'fast'],
  keys: TO_POP,
  arguments: [KEY, COUNT_SINCE_6_2],
  history: [['6.2.0', 'The argument `count`.']],
} as const

/** The rows of this family. */
export const LIST_COMMANDS: readonly CommandSpec[] = [
  {
    ...PUSH_ROW,
    name: 'lpush',
    summary: 'Adds elements at the left end of a list, which is made if there is none.',
    since: '1.0.0',
    history: [['2.4.0', 'Several elements at once.']],
    run: lpush,
  },
  {
    ...PUSH_ROW,
    name: 'rpush',
    summary: 'Adds elements at the right end of a list, which is made if there is none.',
    since: '1.0.0',
    history: [['2.4.0', 'Several elements at once.']],
    run: rpush,
  },
  {
    ...PUSH_ROW,
    name: 'lpushx',
    summary: 'Adds elements at the left end of a list that is there.',
    since: '2.2.0',
    history: [['4.0.0', 'Several elements at once.']],
    run: lpushx,
  },
  {
    ...PUSH_ROW,
    name: 'rpushx',
    summary: 'Adds elements at the right end of a list that is there.',
    since: '2.2.0',
    history: [['4.0.0', 'Several elements at once.']],
    run: rpushx,
  },
  {
    ...POP_ROW,
    name: 'lpop',
    summary: 'Removes and returns elements at the left end of a list.',
    run: lpop,
  },
  {
    ...POP_ROW,
    name: 'rpop',
    summary: 'Removes and returns elements at the right end of a list.',
    run: rpop,
  },
  {
    name: 'llen',
    summary: 'Returns the number of elements of a list.',
    since: '1.0.0',
    group: 'list',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    arguments: [KEY],
    run: llen,
  },
  {
    name: 'lindex',
    summary: 'Returns the element at an index of a list.',
    since: '1.0.0',
    group: 'list',
    complexity: 'O(log N), N being the number of elements of the list.',
    arity: 3,
    flags: ['readonly'],
    keys: TO_READ,
    arguments: [KEY, { name: 'index', type: 'integer' }],
    run: lindex,
  },
  {
    name: 'lrange',
    summary: 'Returns the elements between two indexes of a list.',
    since: '1.0.0',
    group: 'list',
    complexity: 'O(log N + M), N being the number of elements of the list and M how many are returned.',
    arity: 4,
    flags: ['readonly'],
    keys: TO_READ,
    arguments: [KEY, ...RANGE],
    run: lrange,
  },
  {
    name: 'lset',
    summary: 'Puts another element at an index of a list.',
    since: '1.0.0',
    group: 'list',
    complexity: 'O(log N), N being the number of elements of the list.',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY, { name: 'index', type: 'integer' }, ELEMENT],
    run: lset,
  },
  {
    name: 'linsert',
    summary: 'Adds an element to a list, before or after another one.',
    since: '2.2.0',
    group: 'list',
    complexity: 'O(N), N being the number of elements before the other one.',
    arity: 5,
    flags: ['write', 'denyoom'],
    keys: TO_INSERT,
    arguments: [
      KEY,
      {
        name: 'where',
        type: 'oneof',
        arguments: [
          { name: 'before', type: 'pure-token', token: 'BEFORE' },
          { name: 'after', type: 'pure-token', token: 'AFTER' },
        ],
      },
      { name: 'pivot', type: 'string' },
      ELEMENT,
    ],
    run: linsert,
  },
  {
    name: 'lrem',
    summary: 'Removes the elements of a list that are equal to a given one.',
    since: '1.0.0',
    group: 'list',
    complexity: 'O(N + M log N), N being the number of elements of the list and M how many are removed.',
    arity: 4,
    flags: ['write'],
    keys: TO_DELETE,
    arguments: [KEY, { name: 'count', type: 'integer' }, ELEMENT],
    run: lrem,
  },
  {
    name: 'ltrim',
    summary: 'Removes all elements of a list but those between two indexes.',
    since: '1.0.0',
    group: 'list',
    complexity: 'O(N), N being the number of elements removed.',
    arity: 4,
    flags: ['write'],
    keys: TO_DELETE,
    arguments: [KEY, ...RANGE],
    run: ltrim,
  },
  {
    name: 'lpos',
    summary: 'Returns the indexes at which an element is in a list.',
    since: '6.0.6',
    group: 'list',
    complexity: 'O(N), N being the number of elements looked at.',
    arity: -3,
    flags: ['readonly'],
    keys: TO_READ,
    arguments: [
      KEY,
      ELEMENT,
      { name: 'rank', type: 'integer', token: 'RANK', optional: true },
      { name: 'num-matches', type: 'integer', token: 'COUNT', optional: true },
      { name: 'len', type: 'integer', token: 'MAXLEN', optional: true },
    ],
    run: lpos,
  },
  {
    name: 'lmove',
    summary: 'Moves an element from an end of a list to an end of another one, and returns it.',
    since: '6.2.0',
    group: 'list',
    complexity: 'O(1)',
    arity: 5,
    flags: ['write', 'denyoom'],
    keys: TO_MOVE,
    arguments: [...FROM_TO, ...WHERE_FROM_TO],
    run: lmove,
  },
  {
    name: 'rpoplpush',
    summary: 'Moves the right element of a list to the left end of another one, and returns it.',
    since: '1.2.0',
    group: 'list',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom'],
    keys: TO_MOVE,
    arguments: FROM_TO,
    deprecatedSince: '6.2.0',
    replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments',
    run: rpoplpush,
  },
  {
    name: 'lmpop',
    summary: 'Removes and returns elements at an end of the first of several lists that has any.',
    since: '7.0.0',
    group: 'list',
    complexity: 'O(K + M), K being the number of keys and M how many elements are popped.',
    arity: -4,
    flags: ['write', 'movablekeys'],
    keys: [{ flags: ['RW', 'access', 'delete'], begin: { index: 1 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }],
    arguments: POP_FROM_KEYS,
    run: lmpop,
  },
  {
    ...WAIT_ROW,
    name: 'blpop',
    summary: 'Removes and returns the left element of the first of several lists that has any, or waits for one.',
    run: blpop,
  },
  {
    ...WAIT_ROW,
    name: 'brpop',
    summary: 'Removes and returns the right element of the first of several lists that has any, or waits for one.',
    run: brpop,
  },
  {
    name: 'blmove',
    summary: 'Moves an element from an end of a list to an end of another one and returns it, or waits for one.',
    since: '6.2.0',
    group: 'list',
    complexity: 'O(1)',
    arity: 6,
    flags: ['write', 'denyoom', 'noscript', 'blocking'],
    keys: TO_MOVE,
    arguments: [...FROM_TO, ...WHERE_FROM_TO, TIMEOUT],
    run: blmove,
  },
  {
    name: 'brpoplpush',
    summary: 'Moves the right element of a list to the left end of another one and returns it, or waits for one.',
    since: '2.2.0',
    group: 'list',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom', 'noscript', 'blocking'],
    keys: TO_MOVE,
    arguments: [...FROM_TO, TIMEOUT],
    history: [['6.0.0', 'The time-out may have fractions.']],
    deprecatedSince: '6.2.0',
    replacedBy: '`BLMOVE` with the `RIGHT` and `LEFT` arguments',
    run: brpoplpush,
  },
  {
    name: 'blmpop',
    summary: 'Removes and returns elements at an end of the first of several lists that has any, or waits for one.',
    since: '7.0.0',
    group: 'list',
    complexity: 'O(K + M), K being the number of keys and M how many elements are popped.',
    arity: -5,
    flags: ['write', 'blocking', 'movablekeys'],
    keys: [{ flags: ['RW', 'access', 'delete'], begin: { index: 2 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }],
    arguments: [TIMEOUT, ...POP_FROM_KEYS],
    run: blmpop,
  },
]
