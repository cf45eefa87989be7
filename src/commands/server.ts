// The server itself: its statistics, snapshots, clock and end.

import { fail } from '../errors.ts'
import { REDIS_VERSION } from '../lib/version.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

function info(ctx: Context): void {
  const { args, reply, host } = ctx
  const sections = Array.from({ length: args.count - 1 }, (_, i) => args.str(i + 1).toLowerCase())
  reply.verbatim('txt', host.info(sections))
}

/** Redis draws here; what programs read is the line with its version. */
function lolwut(ctx: Context): void {
  if (ctx.args.count > 2 && ctx.args.is(1, 'version') && ctx.args.int64(2) === undefined) fail('notInteger')
  ctx.reply.verbatim('txt', `Redis ver. ${REDIS_VERSION}\n`)
}

function save(ctx: Context): void {
  ctx.host.persistence.save()
  ctx.reply.ok()
}

function bgsave(ctx: Context): void {
  const { args, reply, host } = ctx
  if (args.count > 2 || (args.count === 2 && !args.is(1, 'schedule'))) fail('syntax')
  reply.simple(host.persistence.bgsave(args.count === 2))
}

function bgrewriteaof({ reply, host }: Context): void {
  reply.simple(host.appendOnly.rewriteLog())
}

function lastsave(ctx: Context): void {
  ctx.reply.int(ctx.host.persistence.lastSaveSeconds())
}

function shutdown(ctx: Context): void {
  const { args, reply, host } = ctx
  const words = Array.from({ length: args.count - 1 }, (_, i) => args.str(i + 1).toLowerCase())
  if (words.some((word) => !['save', 'nosave', 'now', 'force', 'abort'].includes(word))) fail('syntax')
  const has = (word: string): boolean => words.includes(word)
  if (has('save') && has('nosave')) fail('syntax')
  if (has('abort')) {
    if (words.some((word) => word !== 'abort')) fail('syntax')
    if (!host.abortShutdown()) fail('noShutdown')
    return reply.ok()
  }
  const save = has('save') ? true : has('nosave') ? false : undefined
  if (save !== false && host.scripts.busy()) fail('scriptBusy')
  host.shutdown(ctx, { save, now: has('now'), force: has('force') })
}

function monitor(ctx: Context): void {
  const { reply, host, session, inExec } = ctx
  if (inExec) fail('denyBlocking', 'MONITOR')
  if (session.isReplica) return
  host.clients.setMonitor(session, true)
  reply.ok()
}

function time(ctx: Context): void {
  const { reply, host } = ctx
  const micros = host.wallMicros()
  reply.array(2)
  reply.bulkInt(micros / 1_000_000n)
  reply.bulkInt(micros % 1_000_000n)
}

/** Statistics, snapshots, time and end of the server. */
export const SERVER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'info',
    summary: 'Returns facts and statistics of the server.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: -1,
    flags: ['loading', 'stale'],
    categories: ['dangerous'],
    tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
    history: [['7.0.0', 'Added support for taking multiple section arguments.']],
    arguments: [{ name: 'section', type: 'string', optional: true, multiple: true }],
    run: info,
  },
  {
    name: 'lolwut',
    summary: 'Returns the version of Redis whose behaviour the server has.',
    since: '5.0.0',
    group: 'server',
    arity: -1,
    flags: ['readonly', 'fast'],
    arguments: [{ name: 'version', type: 'integer', token: 'VERSION', optional: true }],
    run: lolwut,
  },
  {
    name: 'save',
    summary: 'Writes a snapshot to disk; the server does nothing else meanwhile.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(N) where N is the total number of keys in all databases',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    run: save,
  },
  {
    name: 'bgsave',
    summary: 'Writes a snapshot to disk in the background.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    history: [['3.2.2', 'Added the `SCHEDULE` option.']],
    arguments: [{ name: 'schedule', type: 'pure-token', token: 'SCHEDULE', since: '3.2.2', optional: true }],
    run: bgsave,
  },
  {
    name: 'bgrewriteaof',
    summary: 'Rewrites the append-only log in the background.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    run: bgrewriteaof,
  },
  {
    name: 'lastsave',
    summary: 'Returns the time of the last successful snapshot.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    categories: ['admin', 'dangerous'],
    tips: ['nondeterministic_output'],
    run: lastsave,
  },
  {
    name: 'shutdown',
    summary: 'Ends the server, with a snapshot if it is configured to make them.',
    since: '1.0.0',
    group: 'server',
    complexity:
      'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    history: [['7.0.0', 'Added the `NOW`, `FORCE` and `ABORT` modifiers.']],
    arguments: [
      {
        name: 'nosave_save',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'nosave', type: 'pure-token', token: 'NOSAVE' },
          { name: 'save', type: 'pure-token', token: 'SAVE' },
        ],
      },
      { name: 'now', type: 'pure-token', token: 'NOW', since: '7.0.0', optional: true },
      { name: 'force', type: 'pure-token', token: 'FORCE', since: '7.0.0', optional: true },
      { name: 'abort', type: 'pure-token', token: 'ABORT', since: '7.0.0', optional: true },
    ],
    run: shutdown,
  },
  {
    name: 'monitor',
    summary: 'Shows every command that the server runs.',
    since: '1.0.0',
    group: 'server',
    arity: 1,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    run: monitor,
  },
  {
    name: 'time',
    summary: 'Returns the time of the server.',
    since: '2.6.0',
    group: 'server',
    complexity: 'O(1)',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    tips: ['nondeterministic_output'],
    run: time,
  },
]
