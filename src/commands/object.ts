// OBJECT: how a value is stored.

import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import { frequencyOf, idleSeconds } from '../keyspace/uses.ts'
import { stringRefcount } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import type { Context } from './context.ts'
import { type ArgumentSpec, type CommandSpec, keyAt } from './spec.ts'

/** The entry of the key in argument 2; if there is none, replies null and returns 0. Neither a read nor a touch. */
function subject(ctx: Context): number {
  const { args, db, reply } = ctx
  const h = db.find(args.buffer, args.start(2), args.end(2))
  if (h === 0) reply.null()
  return h
}

function encoding(ctx: Context): void {
  const h = subject(ctx)
  if (h !== 0) ctx.reply.bulkText(ctx.db.encodingName(h))
}

function refcount(ctx: Context): void {
  const h = subject(ctx)
  if (h === 0) return
  const { db, reply } = ctx
  if (db.type(h) !== TYPE_STRING || keepsUses(ctx)) return reply.int(1)
  const { bytes, start, end } = db.value(h)
  reply.int(stringRefcount(db.encoding(h), bytes, start, end))
}

/** Whether each key is to have a use of its own to be evicted by: Redis shares no integers then. */
function keepsUses({ host }: Context): boolean {
  const { maxmemory, 'maxmemory-policy': policy } = host.config.values
  return maxmemory !== 0 && /-l[rf]u$/.test(policy)
}

function idletime(ctx: Context): void {
  const h = subject(ctx)
  if (h === 0) return
  if (ctx.keyspace.frequencies !== undefined) fail('lfuSelected')
  ctx.reply.int(idleSeconds(ctx.keyspace, ctx.db, h))
}

function freq(ctx: Context): void {
  const h = subject(ctx)
  if (h === 0) return
  if (ctx.keyspace.frequencies === undefined) fail('lfuNotSelected')
  ctx.reply.int(frequencyOf(ctx.keyspace, ctx.db, h))
}

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }

/** What the subcommands have in common that tell something about a key. */
const ABOUT_KEY = {
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: [keyAt(2, 'RO')],
  tips: ['nondeterministic_output'],
  arguments: [KEY],
} as const

/** OBJECT. */
export const OBJECT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'object',
    summary: 'Tells how values are stored.',
    since: '2.2.3',
    group: 'generic',
    complexity: 'Depends on the subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...ABOUT_KEY,
        name: 'encoding',
        summary: 'Tells in which encoding the value of a key is stored.',
        since: '2.2.3',
        run: encoding,
      },
      {
        ...ABOUT_KEY,
        name: 'freq',
        summary: 'Tells how frequently a key is used, under an LFU eviction policy.',
        since: '4.0.0',
        run: freq,
      },
      {
        ...ABOUT_KEY,
        name: 'idletime',
        summary: 'Tells how many seconds ago a key was last used.',
        since: '2.2.3',
        run: idletime,
      },
      {
        ...ABOUT_KEY,
        name: 'refcount',
        summary: 'Tells how many references the value of a key has; small integers count as shared.',
        since: '2.2.3',
        run: refcount,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '6.2.0',
        group: 'generic',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
]
