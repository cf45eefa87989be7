// The rows of consumer groups.

import { help } from '../facade/commands/help.ts'
import { type ArgumentSpec, type CommandSpec, type KeySpec, keyAt } from './spec.ts'
import { xautoclaim, xclaim } from './stream-claim.ts'
import {
  xack,
  xgroupCreate,
  xgroupCreateconsumer,
  xgroupDelconsumer,
  xgroupDestroy,
  xgroupSetid,
  xpending,
} from './stream-groups.ts'
import { xreadgroup } from './stream-read.ts'

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const COUNT: ArgumentSpec = { name: 'count', type: 'integer', token: 'COUNT', optional: true }
const GROUP: ArgumentSpec = { name: 'group', type: 'string' }
const CONSUMER: ArgumentSpec = { name: 'consumer', type: 'string' }
const ID: ArgumentSpec = { name: 'id', type: 'string' }
const MIN_IDLE: ArgumentSpec = { name: 'min-idle-time', type: 'string' }
const JUST_IDS: ArgumentSpec = { name: 'justid', type: 'pure-token', token: 'JUSTID', optional: true }
const GROUP_NAME: ArgumentSpec = { name: 'groupname', type: 'string' }
const CONSUMER_NAME: ArgumentSpec = { name: 'consumername', type: 'string' }
const ID_OR_LAST: ArgumentSpec = {
  name: 'id',
  type: 'oneof',
  arguments: [ID, { name: 'new_id', type: 'pure-token', token: '$' }],
}
const ENTRIES_READ: ArgumentSpec = { name: 'entries_read', type: 'integer', token: 'ENTRIESREAD', optional: true }
const STREAM_KEYS: KeySpec = {
  flags: ['RO', 'access'],
  begin: { keyword: 'STREAMS', startFrom: 4 },
  find: { last: -1, step: 1, limit: 2 },
}
/** What the subcommands of XGROUP have in common. */
const GROUP_ROW = { since: '5.0.0', group: 'stream', complexity: 'O(1)', flags: ['write'] } as const

/** XGROUP and the commands that read and acknowledge as part of a group. */
export const STREAM_GROUP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'xgroup',
    summary: 'Creates and changes consumer groups.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'Depends on the subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...GROUP_ROW,
        name: 'create',
        summary: 'Creates a consumer group of a stream.',
        arity: -5,
        flags: ['write', 'denyoom'],
        keys: [keyAt(2, 'RW', 'insert')],
        arguments: [
          KEY,
          GROUP_NAME,
          ID_OR_LAST,
          { name: 'mkstream', type: 'pure-token', token: 'MKSTREAM', optional: true },
          ENTRIES_READ,
        ],
        history: [['7.0.0', 'Option `ENTRIESREAD`.']],
        run: xgroupCreate,
      },
      {
        ...GROUP_ROW,
        name: 'createconsumer',
        summary: 'Creates a consumer of a group.',
        since: '6.2.0',
        arity: 5,
        flags: ['write', 'denyoom'],
        keys: [keyAt(2, 'RW', 'insert')],
        arguments: [KEY, GROUP_NAME, CONSUMER_NAME],
        run: xgroupCreateconsumer,
      },
      {
        ...GROUP_ROW,
        name: 'delconsumer',
        summary: 'Deletes a consumer of a group, with the entries it has pending.',
        arity: 5,
        keys: [keyAt(2, 'RW', 'delete')],
        arguments: [KEY, GROUP_NAME, CONSUMER_NAME],
        run: xgroupDelconsumer,
      },
      {
        ...GROUP_ROW,
        name: 'setid',
        summary: 'Sets up to which ID a group has delivered.',
        arity: -5,
        keys: [keyAt(2, 'RW', 'update')],
        arguments: [KEY, GROUP_NAME, ID_OR_LAST, ENTRIES_READ],
        history: [['7.0.0', 'Option `ENTRIESREAD`.']],
        run: xgroupSetid,
      },
      {
        ...GROUP_ROW,
        name: 'destroy',
        summary: 'Deletes a consumer group.',
        complexity: 'O(N), N being the number of pending entries.',
        arity: 4,
        keys: [keyAt(2, 'RW', 'delete')],
        arguments: [KEY, GROUP_NAME],
        run: xgroupDestroy,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '5.0.0',
        group: 'stream',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
  {
    name: 'xreadgroup',
    summary: 'Returns entries that a group has not delivered yet, or what a consumer has pending.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(M*log(N)) for each stream, N being the number of entries and M of those returned.',
    arity: -7,
    flags: ['write', 'blocking', 'movablekeys'],
    keys: [STREAM_KEYS],
    arguments: [
      { name: 'group_consumer', type: 'block', token: 'GROUP', arguments: [GROUP, CONSUMER] },
      COUNT,
      { name: 'milliseconds', type: 'integer', token: 'BLOCK', optional: true },
      { name: 'noack', type: 'pure-token', token: 'NOACK', optional: true },
      {
        name: 'streams',
        type: 'block',
        token: 'STREAMS',
        arguments: [
          { ...KEY, multiple: true },
          { ...ID, multiple: true },
        ],
      },
    ],
    run: xreadgroup,
  },
  {
    name: 'xack',
    summary: 'Acknowledges entries that a group has delivered.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(log(N)) for each ID, N being the number of pending entries.',
    arity: -4,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY, GROUP, { ...ID, multiple: true }],
    run: xack,
  },
  {
    name: 'xpending',
    summary: 'Tells which entries a group has delivered and nobody has acknowledged.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(N), N being the number of entries looked at.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    tips: ['nondeterministic_output'],
    arguments: [
      KEY,
      GROUP,
      {
        name: 'filters',
        type: 'block',
        optional: true,
        arguments: [
          { name: 'min-idle-time', type: 'integer', token: 'IDLE', since: '6.2.0', optional: true },
          { name: 'start', type: 'string' },
          { name: 'end', type: 'string' },
          { name: 'count', type: 'integer' },
          { ...CONSUMER, optional: true },
        ],
      },
    ],
    history: [['6.2.0', 'Option `IDLE`, and bounds that are not included.']],
    run: xpending,
  },
  {
    name: 'xclaim',
    summary: 'Gives pending entries to another consumer.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(log(N)) for each ID, N being the number of pending entries.',
    arity: -6,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    tips: ['nondeterministic_output'],
    arguments: [
      KEY,
      GROUP,
      CONSUMER,
      MIN_IDLE,
      { ...ID, multiple: true },
      { name: 'ms', type: 'integer', token: 'IDLE', optional: true },
      { name: 'unix-time-milliseconds', type: 'unix-time', token: 'TIME', optional: true },
      { name: 'count', type: 'integer', token: 'RETRYCOUNT', optional: true },
      { name: 'force', type: 'pure-token', token: 'FORCE', optional: true },
      JUST_IDS,
      { ...ID, token: 'LASTID', optional: true },
    ],
    run: xclaim,
  },
  {
    name: 'xautoclaim',
    summary: 'Gives entries that have been pending for long to another consumer.',
    since: '6.2.0',
    group: 'stream',
    complexity: 'O(1) if COUNT is small.',
    arity: -6,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    tips: ['nondeterministic_output'],
    arguments: [KEY, GROUP, CONSUMER, MIN_IDLE, { name: 'start', type: 'string' }, COUNT, JUST_IDS],
    history: [['7.0.0', 'The reply also tells which entries were gone.']],
    run: xautoclaim,
  },
]
