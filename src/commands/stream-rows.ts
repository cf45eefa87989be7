// The rows of the stream family.

import { help } from '../facade/commands/help.ts'
import { type ArgumentSpec, type CommandSpec, type KeySpec, keyAt } from './spec.ts'
import { xinfoConsumers, xinfoGroups, xinfoStream } from './stream-info.ts'
import { xread } from './stream-read.ts'
import { xadd, xdel, xlen, xrange, xrevrange, xsetid, xtrim } from './streams.ts'

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const COUNT: ArgumentSpec = { name: 'count', type: 'integer', token: 'COUNT', optional: true }
const START: ArgumentSpec = { name: 'start', type: 'string' }
const END: ArgumentSpec = { name: 'end', type: 'string' }
const TRIM: ArgumentSpec = {
  name: 'trim',
  type: 'block',
  arguments: [
    {
      name: 'strategy',
      type: 'oneof',
      arguments: [
        { name: 'maxlen', type: 'pure-token', token: 'MAXLEN' },
        { name: 'minid', type: 'pure-token', token: 'MINID', since: '6.2.0' },
      ],
    },
    {
      name: 'operator',
      type: 'oneof',
      optional: true,
      arguments: [
        { name: 'equal', type: 'pure-token', token: '=' },
        { name: 'approximately', type: 'pure-token', token: '~' },
      ],
    },
    { name: 'threshold', type: 'string' },
    { name: 'count', type: 'integer', token: 'LIMIT', since: '6.2.0', optional: true },
  ],
}
const STREAMS: ArgumentSpec = {
  name: 'streams',
  type: 'block',
  token: 'STREAMS',
  arguments: [
    { ...KEY, multiple: true },
    { name: 'id', type: 'string', multiple: true },
  ],
}

/** Keys behind the word STREAMS: the first half of what follows it. */
function keysAfterStreams(startFrom: number): KeySpec {
  return { flags: ['RO', 'access'], begin: { keyword: 'STREAMS', startFrom }, find: { last: -1, step: 1, limit: 2 } }
}

/** The stream family. */
export const STREAM_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'xadd',
    summary: 'Adds an entry to a stream, which is created if need be.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(1), and O(N) for trimming, N being the number of entries removed.',
    arity: -5,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    tips: ['nondeterministic_output'],
    arguments: [
      KEY,
      { name: 'nomkstream', type: 'pure-token', token: 'NOMKSTREAM', since: '6.2.0', optional: true },
      { ...TRIM, optional: true },
      {
        name: 'id_or_auto',
        type: 'oneof',
        arguments: [
          { name: 'auto_id', type: 'pure-token', token: '*' },
          { name: 'id', type: 'string' },
        ],
      },
      {
        name: 'field_value',
        type: 'block',
        multiple: true,
        arguments: [
          { name: 'field', type: 'string' },
          { name: 'value', type: 'string' },
        ],
      },
    ],
    history: [
      ['6.2.0', 'Options `NOMKSTREAM`, `MINID` and `LIMIT`.'],
      ['7.0.0', 'IDs of the form `<ms>-*`.'],
    ],
    run: xadd,
  },
  {
    name: 'xlen',
    summary: 'Returns the number of entries of a stream.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    arguments: [KEY],
    run: xlen,
  },
  {
    name: 'xrange',
    summary: 'Returns the entries of a stream between two IDs.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(log(N)+M), N being the number of entries and M of those returned.',
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, START, END, COUNT],
    history: [['6.2.0', 'Bounds that are not included.']],
    run: xrange,
  },
  {
    name: 'xrevrange',
    summary: 'Returns the entries of a stream between two IDs, the last one first.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(log(N)+M), N being the number of entries and M of those returned.',
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, END, START, COUNT],
    history: [['6.2.0', 'Bounds that are not included.']],
    run: xrevrange,
  },
  {
    name: 'xdel',
    summary: 'Deletes entries of a stream by their IDs.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(log(N)) for each entry, N being the number of entries.',
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    arguments: [KEY, { name: 'id', type: 'string', multiple: true }],
    run: xdel,
  },
  {
    name: 'xtrim',
    summary: 'Removes entries from the beginning of a stream, by number or by ID.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(N), N being the number of entries removed; whole nodes go at once.',
    arity: -4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    tips: ['nondeterministic_output'],
    arguments: [KEY, TRIM],
    history: [['6.2.0', 'Options `MINID` and `LIMIT`.']],
    run: xtrim,
  },
  {
    name: 'xsetid',
    summary: 'Sets what a stream remembers: its last ID, and on demand counts of the past.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [
      KEY,
      { name: 'last-id', type: 'string' },
      { name: 'entries_added', type: 'integer', token: 'ENTRIESADDED', since: '7.0.0', optional: true },
      { name: 'max_deleted_entry_id', type: 'string', token: 'MAXDELETEDID', since: '7.0.0', optional: true },
    ],
    history: [['7.0.0', 'Options `ENTRIESADDED` and `MAXDELETEDID`.']],
    run: xsetid,
  },
  {
    name: 'xread',
    summary: 'Returns the entries of streams that come after given IDs.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'O(log(N)+M) for each stream, N being the number of entries and M of those returned.',
    arity: -4,
    flags: ['readonly', 'blocking', 'movablekeys'],
    keys: [keysAfterStreams(1)],
    arguments: [COUNT, { name: 'milliseconds', type: 'integer', token: 'BLOCK', optional: true }, STREAMS],
    run: xread,
  },
  {
    name: 'xinfo',
    summary: 'Tells about streams.',
    since: '5.0.0',
    group: 'stream',
    complexity: 'Depends on the subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: 'stream',
        summary: 'Tells what a stream holds and remembers.',
        since: '5.0.0',
        group: 'stream',
        complexity: 'O(N), N being the number of nodes of the stream.',
        arity: -3,
        flags: ['readonly'],
        keys: [keyAt(2, 'RO', 'access')],
        arguments: [
          KEY,
          {
            name: 'full',
            type: 'block',
            token: 'FULL',
            optional: true,
            arguments: [COUNT],
          },
        ],
        history: [
          ['6.0.0', 'Option `FULL`.'],
          ['7.0.0', 'More counts.'],
        ],
        run: xinfoStream,
      },
      {
        name: 'groups',
        summary: 'Tells about the consumer groups of a stream.',
        since: '5.0.0',
        group: 'stream',
        complexity: 'O(N), N being the number of groups.',
        arity: 3,
        flags: ['readonly'],
        keys: [keyAt(2, 'RO', 'access')],
        arguments: [KEY],
        history: [['7.0.0', 'More counts.']],
        run: xinfoGroups,
      },
      {
        name: 'consumers',
        summary: 'Tells about the consumers of a group.',
        since: '5.0.0',
        group: 'stream',
        complexity: 'O(N), N being the number of consumers.',
        arity: 4,
        flags: ['readonly'],
        keys: [keyAt(2, 'RO', 'access')],
        tips: ['nondeterministic_output'],
        arguments: [KEY, { name: 'groupname', type: 'string' }],
        run: xinfoConsumers,
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
]
