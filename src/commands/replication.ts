// Commands of replication: who follows whom, the handshake and syncs of replicas, and waiting for them.

import { fail } from '../errors.ts'
import type { Context, FailoverOrder } from './context.ts'
import type { ArgumentSpec, CommandSpec } from './spec.ts'

const PORT_MAX = 65535

function replicaof(ctx: Context): void {
  const { args, host, session } = ctx
  if (args.is(1, 'no') && args.is(2, 'one')) {
    ctx.reply.simple(host.replication.becomePrimary(session))
    return
  }
  if (session.isReplica) fail('replicaClient')
  const port = args.smallInt(2)
  if (!(port >= 0 && port <= PORT_MAX)) fail('primaryPort')
  ctx.reply.simple(host.replication.replicaOf(args.str(1), port))
}

function failover(ctx: Context): void {
  const { args, host } = ctx
  const isAbort = args.count === 2 && args.is(1, 'abort')
  host.replication.failover(isAbort ? 'abort' : failoverOrder(ctx))
  ctx.reply.ok()
}

function failoverOrder({ args }: Context): FailoverOrder {
  let order: FailoverOrder = { target: undefined, force: false, timeoutMs: 0 }
  for (let i = 1; i < args.count; i++) {
    const left = args.count - 1 - i
    if (args.is(i, 'timeout') && left >= 1 && order.timeoutMs === 0) {
      const timeoutMs = Number(args.int64(++i) ?? fail('notInteger'))
      if (timeoutMs <= 0) fail('failoverTimeout')
      order = { ...order, timeoutMs }
    } else if (args.is(i, 'to') && left >= 2 && order.target === undefined) {
      const port = Number(args.int64(i + 2) ?? fail('notInteger'))
      order = { ...order, target: { host: args.str(i + 1), port } }
      i += 2
    } else if (args.is(i, 'force') && !order.force) order = { ...order, force: true }
    else fail('syntax')
  }
  return order
}

function role(ctx: Context): void {
  ctx.host.replication.role(ctx.reply)
}

function replconf(ctx: Context): void {
  ctx.host.replication.replconf(ctx)
}

function psync(ctx: Context): void {
  ctx.host.replication.psync(ctx)
}

function wait(ctx: Context): void {
  const replicas = ctx.args.int64(1) ?? fail('notInteger')
  const timeoutMs = ctx.args.int64(2) ?? fail('timeoutNotInteger')
  if (timeoutMs < 0n) fail('timeoutNegative')
  if (timeoutMs > BigInt(Number.MAX_SAFE_INTEGER)) fail('timeoutRange')
  ctx.host.replication.wait(ctx, Number(replicas), Number(timeoutMs))
}

const PRIMARY_ARGUMENTS: readonly ArgumentSpec[] = [
  {
    name: 'args',
    type: 'oneof',
    arguments: [
      {
        name: 'host-port',
        type: 'block',
        arguments: [
          { name: 'host', type: 'string' },
          { name: 'port', type: 'integer' },
        ],
      },
      {
        name: 'no-one',
        type: 'block',
        arguments: [
          { name: 'no', type: 'pure-token', token: 'NO' },
          { name: 'one', type: 'pure-token', token: 'ONE' },
        ],
      },
    ],
  },
]

/** Commands of replication. */
export const REPLICATION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'replicaof',
    summary: 'Makes this server a replica of another one, or a primary.',
    since: '5.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: 3,
    flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
    arguments: PRIMARY_ARGUMENTS,
    run: replicaof,
  },
  {
    name: 'slaveof',
    summary: 'The former name of REPLICAOF.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: 3,
    flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
    deprecatedSince: '5.0.0',
    replacedBy: '`REPLICAOF`',
    arguments: PRIMARY_ARGUMENTS,
    run: replicaof,
  },
  {
    name: 'failover',
    summary: 'Hands the role of the primary to one of its replicas, in step with it.',
    since: '6.2.0',
    group: 'server',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'stale'],
    arguments: [
      {
        name: 'target',
        type: 'block',
        token: 'TO',
        optional: true,
        arguments: [
          { name: 'host', type: 'string' },
          { name: 'port', type: 'integer' },
          { name: 'force', type: 'pure-token', token: 'FORCE', optional: true },
        ],
      },
      { name: 'abort', type: 'pure-token', token: 'ABORT', optional: true },
      { name: 'milliseconds', type: 'integer', token: 'TIMEOUT', optional: true },
    ],
    run: failover,
  },
  {
    name: 'role',
    summary: 'Tells whether this server is a primary or a replica, and how its replication stands.',
    since: '2.8.12',
    group: 'server',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    categories: ['admin', 'dangerous'],
    run: role,
  },
  {
    name: 'replconf',
    summary: 'What a replica and its primary tell each other beside the stream.',
    since: '3.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
    system: true,
    run: replconf,
  },
  {
    name: 'psync',
    summary: 'Asks a primary for its stream of writes, from an offset on if possible.',
    since: '2.8.0',
    group: 'server',
    arity: -3,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    arguments: [
      { name: 'replicationid', type: 'string' },
      { name: 'offset', type: 'integer' },
    ],
    run: psync,
  },
  {
    name: 'sync',
    summary: 'Asks a primary for a snapshot and its stream of writes, the old way.',
    since: '1.0.0',
    group: 'server',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    run: psync,
  },
  {
    name: 'wait',
    summary: 'Waits until replicas have acknowledged the writes of this connection.',
    since: '3.0.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 3,
    flags: ['noscript'],
    categories: ['connection'],
    tips: ['request_policy:all_shards', 'response_policy:agg_min'],
    arguments: [
      { name: 'numreplicas', type: 'integer' },
      { name: 'timeout', type: 'integer' },
    ],
    run: wait,
  },
]
