// Commands on whole databases: their size, emptying and exchanging them.

import { type ErrorName, fail } from '../errors.ts'
import type { Database } from '../keyspace/database.ts'
import type { Context } from './context.ts'
import type { ArgumentSpec, CommandSpec } from './spec.ts'

const INT32_MAX = 2n ** 31n - 1n
const INT32_MIN = -(2n ** 31n)

function dbsize(ctx: Context): void {
  ctx.reply.int(ctx.db.size)
}

const flushdb = (ctx: Context): void => flush(ctx, ctx.db)
function flushall(ctx: Context): void {
  flush(ctx, undefined)
  ctx.host.persistence.flushed()
}

/** Empties one database, or all. ASYNC and SYNC are the same: memory goes back at once, or between commands. */
function flush(ctx: Context, only: Database | undefined): void {
  const { args, effects, keyspace, reply } = ctx
  if (args.count > 2 || (args.count === 2 && !args.is(1, 'async') && !args.is(1, 'sync'))) fail('syntax')
  // Replicated even if there was nothing to remove, as Redis does: a replica may know better.
  effects.dirty += Math.max(1, keyspace.flush(only))
  reply.ok()
}

function swapdb(ctx: Context): void {
  const { effects, keyspace, reply } = ctx
  const first = indexArgument(ctx, 1, 'firstDbIndex')
  const second = indexArgument(ctx, 2, 'secondDbIndex')
  const a = keyspace.databases[first] ?? fail('dbIndexRange')
  const b = keyspace.databases[second] ?? fail('dbIndexRange')
  if (a !== b) keyspace.swap(a, b)
  effects.dirty++
  reply.ok()
}

/** The number in argument i; whether there is such a database is checked when both are known. */
function indexArgument(ctx: Context, i: number, error: ErrorName): number {
  const n = ctx.args.int64(i) ?? fail(error)
  return n < INT32_MIN || n > INT32_MAX ? fail(error) : Number(n)
}

const FLUSH_MODE: readonly ArgumentSpec[] = [
  {
    name: 'async',
    type: 'oneof',
    optional: true,
    arguments: [
      { name: 'async', type: 'pure-token', token: 'ASYNC', since: '4.0.0' },
      { name: 'sync', type: 'pure-token', token: 'SYNC', since: '6.2.0' },
    ],
  },
]

/** What FLUSHDB and FLUSHALL have in common. */
const FLUSH = {
  since: '1.0.0',
  group: 'server',
  arity: -1,
  flags: ['write'],
  categories: ['keyspace', 'dangerous'],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  arguments: FLUSH_MODE,
  history: [
    ['4.0.0', 'Option `ASYNC`.'],
    ['6.2.0', 'Option `SYNC`.'],
  ],
} as const

/** Commands on whole databases. */
export const DATABASE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dbsize',
    summary: 'Tells the number of keys in the database.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: 1,
    flags: ['readonly', 'fast'],
    categories: ['keyspace'],
    tips: ['request_policy:all_shards', 'response_policy:agg_sum'],
    run: dbsize,
  },
  {
    ...FLUSH,
    name: 'flushdb',
    summary: 'Removes all keys of the database.',
    complexity:
      'O(N) between later commands, N being the number of keys in the database; O(1) if no other one has keys.',
    run: flushdb,
  },
  {
    ...FLUSH,
    name: 'flushall',
    summary: 'Removes all keys of all databases.',
    complexity: 'O(1)',
    run: flushall,
  },
  {
    name: 'swapdb',
    summary: 'Exchanges the contents of two databases.',
    since: '4.0.0',
    group: 'server',
    complexity: 'O(N), N being the number of keys that clients watch.',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['keyspace', 'dangerous'],
    arguments: [
      { name: 'index1', type: 'integer' },
      { name: 'index2', type: 'integer' },
    ],
    run: swapdb,
  },
]
