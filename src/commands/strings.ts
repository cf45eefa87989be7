// The string family.

import { CommandError } from '../errors.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import { stringEncodingOf } from '../types/string.ts'
import type { Context } from './context.ts'
import { NOTIFY_STRING } from './effects.ts'
import { type CommandSpec, keyAt } from './spec.ts'

function get(ctx: Context): void {
  const { args, db, reply } = ctx
  const h = db.read(args.buffer, args.start(1), args.end(1))
  if (h === 0) return reply.null()
  const { bytes, start, end } = db.value(h)
  reply.bulk(bytes, start, end)
}

function set(ctx: Context): void {
  const { args, db, reply, effects } = ctx
  if (args.count > 3) throw new CommandError('ERR syntax error')
  const { buffer } = args
  const from = args.start(2)
  const to = args.end(2)
  db.put(buffer, args.start(1), args.end(1), buffer, from, to, stringEncodingOf(buffer, from, to), NO_EXPIRY)
  effects.dirty++
  effects.notify(db.index, NOTIFY_STRING, 'set', buffer, args.start(1), args.end(1))
  reply.ok()
}

/** The string family. */
export const STRING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'get',
    summary: 'Returns the string value of a key.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
    run: get,
  },
  {
    name: 'set',
    summary: 'Sets the string value of a key, whatever it held.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'update', 'variable_flags')],
    arguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      { name: 'value', type: 'string' },
    ],
    run: set,
  },
]
