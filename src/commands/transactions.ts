// Transactions. Queueing is the engine's part: between MULTI and EXEC it keeps what it would have run.

import { fail } from '../errors.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

function multi(ctx: Context): void {
  const { session, reply } = ctx
  if (session.transaction !== undefined) fail('nestedMulti')
  session.transaction = { queue: [], aborted: false, bytes: 0, flags: 0, commonFlags: -1 }
  reply.ok()
}

function exec(ctx: Context): void {
  ctx.host.transactions.exec(ctx)
}

function discard(ctx: Context): void {
  const { session, reply, host } = ctx
  if (session.transaction === undefined) fail('discardWithoutMulti')
  session.transaction = undefined
  host.transactions.unwatch(session)
  reply.ok()
}

function watch(ctx: Context): void {
  const { session, args, reply, host } = ctx
  if (session.transaction !== undefined) fail('watchInsideMulti')
  for (let i = 1; i < args.count && !session.watchBroken; i++)
    host.transactions.watch(session, session.db, args.copy(i))
  reply.ok()
}

function unwatch(ctx: Context): void {
  ctx.host.transactions.unwatch(ctx.session)
  ctx.reply.ok()
}

/** Transactions. */
export const TRANSACTIONS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'multi',
    summary: 'Begins a transaction.',
    since: '1.2.0',
    group: 'transactions',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    run: multi,
  },
  {
    name: 'exec',
    summary: 'Runs the commands of the transaction.',
    since: '1.2.0',
    group: 'transactions',
    complexity: 'Depends on commands in the transaction',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    run: exec,
  },
  {
    name: 'discard',
    summary: 'Drops the commands of the transaction.',
    since: '2.0.0',
    group: 'transactions',
    complexity: 'O(N), when N is the number of queued commands',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    run: discard,
  },
  {
    name: 'watch',
    summary: 'Makes the next transaction depend on keys that must not change until it runs.',
    since: '2.2.0',
    group: 'transactions',
    complexity: 'O(1) for every key.',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    keys: [{ flags: ['RO'], begin: { index: 1 }, find: { last: -1, step: 1, limit: 0 } }],
    arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, multiple: true }],
    run: watch,
  },
  {
    name: 'unwatch',
    summary: 'Forgets the watched keys of the connection.',
    since: '2.2.0',
    group: 'transactions',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    run: unwatch,
  },
]
