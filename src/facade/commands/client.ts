// CLIENT: connections seen from outside, and what a connection says about itself.

import { fail } from '../../errors.ts'
import { INT64_MAX } from '../../lib/decimal.ts'
import type { Call } from '../call.ts'
import type { ArgumentSpec, CommandRow } from '../row.ts'
import type { Session } from '../session.ts'
import { clientFilter, clientKind, matchesFilter } from './client-filter.ts'
import { clientLine } from './client-line.ts'
import { help } from './help.ts'
import { isPrintable, labelArgument, setClientName } from './labels.ts'
import { caching, redirection, tracking, trackingInfo } from './tracking.ts'

function onOrOff(ctx: Call): boolean {
  const { args } = ctx
  if (args.is(2, 'on')) return true
  if (args.is(2, 'off')) return false
  return fail('syntax')
}

function clientId(ctx: Call): void {
  ctx.reply.int(ctx.session.id)
}

function clientGetname(ctx: Call): void {
  const { reply, session } = ctx
  if (session.name === '') reply.null()
  else reply.bulkText(session.name)
}

function clientSetname(ctx: Call): void {
  setClientName(ctx.session, labelArgument(ctx.args, 2))
  ctx.reply.ok()
}

function clientSetinfo(ctx: Call): void {
  const { args, session, reply } = ctx
  const value = labelArgument(args, 3)
  const attribute = args.str(2)
  const isName = args.is(2, 'lib-name')
  if (!isName && !args.is(2, 'lib-ver')) fail('clientAttribute', attribute)
  if (!isPrintable(value)) fail('clientLibrary', attribute)
  if (isName) session.libName = value
  else session.libVersion = value
  reply.ok()
}

function clientInfo(ctx: Call): void {
  ctx.reply.verbatim('txt', `${clientLine(ctx.session, ctx.nowMs)}\n`)
}

/** The sessions that CLIENT LIST asks for. */
function listed(ctx: Call): Session[] {
  const { args, host } = ctx
  if (args.count === 2) return [...host.clients.all()]
  if (args.count === 4 && args.is(2, 'type')) {
    const kind = clientKind(args, 3)
    return [...host.clients.all()].filter((session) => session.kind === kind)
  }
  if (args.count === 3 || !args.is(2, 'id')) fail('syntax')
  const ids = Array.from({ length: args.count - 3 }, (_, i) => args.int64(i + 3) ?? fail('clientId'))
  return ids.flatMap((id) => host.clients.byId(Number(id)) ?? [])
}

function clientList(ctx: Call): void {
  const lines = listed(ctx).map((session) => `${clientLine(session, ctx.nowMs)}\n`)
  ctx.reply.verbatim('txt', lines.join(''))
}

function clientKill(ctx: Call): void {
  const { args, reply, session, host } = ctx
  const byAddress = args.count === 3
  const filter = byAddress ? { peer: args.str(2), skipMe: false } : clientFilter(args, host.access.users)
  const killed = [...host.clients.all()].filter((other) => matchesFilter(other, filter, session))
  if (byAddress && killed.length === 0) fail('noSuchClient')
  for (const other of killed) host.clients.kill(other)
  if (byAddress) reply.ok()
  else reply.int(killed.length)
}

function clientPause(ctx: Call): void {
  const { args, reply, host, nowMs } = ctx
  const writesOnly = args.count > 3 && args.is(3, 'write')
  if (args.count > 4) fail('syntax')
  if (args.count === 4 && !writesOnly && !args.is(3, 'all')) fail('pauseMode')
  const ms = args.int64(2) ?? fail('timeoutNotInteger')
  if (ms < 0n) fail('timeoutNegative')
  if (ms > INT64_MAX - BigInt(nowMs)) fail('timeoutRange')
  host.clients.pause(nowMs + Number(ms), writesOnly ? 'write' : 'all')
  reply.ok()
}

function clientUnpause(ctx: Call): void {
  ctx.host.clients.unpause()
  ctx.reply.ok()
}

function clientReply(ctx: Call): void {
  const { args, out, session } = ctx
  if (args.is(2, 'on')) {
    session.replyMode = 'on'
    out.ok()
  } else if (args.is(2, 'off')) {
    session.replyMode = 'off'
  } else if (args.is(2, 'skip')) {
    if (session.replyMode !== 'off') session.replyMode = 'skip-next'
  } else {
    fail('syntax')
  }
}

function clientUnblock(ctx: Call): void {
  const { args, reply, host } = ctx
  const asError = args.count === 4 && args.is(3, 'error')
  if (args.count > 4) fail('syntax')
  if (args.count === 4 && !asError && !args.is(3, 'timeout')) fail('unblockReason')
  const id = args.int64(2) ?? fail('notInteger')
  const target = host.clients.byId(Number(id))
  const mayEnd = target?.blocked?.kind === 'wait'
  reply.int(mayEnd && host.clients.unblock(target, asError ? 'error' : 'unblock') ? 1 : 0)
}

function clientNoEvict(ctx: Call): void {
  ctx.session.noEvict = onOrOff(ctx)
  ctx.reply.ok()
}

function clientNoTouch(ctx: Call): void {
  const { session, host, reply } = ctx
  session.noTouch = onOrOff(ctx)
  host.sessionChanged(session)
  reply.ok()
}

const ON_OFF: readonly ArgumentSpec[] = [
  { name: 'on', type: 'pure-token', token: 'ON' },
  { name: 'off', type: 'pure-token', token: 'OFF' },
]

/** What the subcommands have in common that are about the connection itself. */
const OWN_ROW = {
  group: 'connection',
  complexity: 'O(1)',
  flags: ['noscript', 'loading', 'stale'],
} as const

/** CLIENT and its subcommands. */
export const CLIENT_COMMANDS: readonly CommandRow<Call>[] = [
  {
    name: 'client',
    summary: 'Commands about client connections.',
    since: '2.4.0',
    group: 'connection',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...OWN_ROW,
        name: 'caching',
        summary: 'Says whether the keys of the next command are tracked.',
        since: '6.0.0',
        arity: 3,
        arguments: [
          {
            name: 'mode',
            type: 'oneof',
            arguments: [
              { name: 'yes', type: 'pure-token', token: 'YES' },
              { name: 'no', type: 'pure-token', token: 'NO' },
            ],
          },
        ],
        run: caching,
      },
      {
        ...OWN_ROW,
        name: 'getname',
        summary: 'Returns the name of the connection.',
        since: '2.6.9',
        arity: 2,
        run: clientGetname,
      },
      {
        ...OWN_ROW,
        name: 'getredir',
        summary: 'Returns the ID of the client that tracking messages go to.',
        since: '6.0.0',
        arity: 2,
        run: redirection,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '5.0.0',
        group: 'connection',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
      {
        ...OWN_ROW,
        name: 'id',
        summary: 'Returns the ID of the connection.',
        since: '5.0.0',
        arity: 2,
        run: clientId,
      },
      {
        ...OWN_ROW,
        name: 'info',
        summary: 'Describes the connection in one line.',
        since: '6.2.0',
        arity: 2,
        tips: ['nondeterministic_output'],
        run: clientInfo,
      },
      {
        name: 'kill',
        summary: 'Closes connections.',
        since: '2.4.0',
        group: 'connection',
        complexity: 'O(N) where N is the number of client connections',
        arity: -3,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        history: [
          ['2.8.12', 'Added new filter format.'],
          ['2.8.12', '`ID` option.'],
          ['3.2.0', 'Added `master` type in for `TYPE` option.'],
          ['5.0.0', 'Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.'],
          ['6.2.0', '`LADDR` option.'],
        ],
        arguments: [
          {
            name: 'filter',
            type: 'oneof',
            arguments: [
              { name: 'ip:port', type: 'string', deprecatedSince: '2.8.12' },
              {
                name: 'new-format',
                type: 'oneof',
                multiple: true,
                arguments: [
                  { name: 'client-id', type: 'integer', token: 'ID', since: '2.8.12', optional: true },
                  {
                    name: 'normal_master_slave_pubsub',
                    type: 'oneof',
                    token: 'TYPE',
                    since: '2.8.12',
                    optional: true,
                    arguments: [
                      { name: 'normal', type: 'pure-token', token: 'NORMAL' },
                      { name: 'master', type: 'pure-token', token: 'MASTER', since: '3.2.0' },
                      { name: 'slave', type: 'pure-token', token: 'SLAVE' },
                      { name: 'replica', type: 'pure-token', token: 'REPLICA', since: '5.0.0' },
                      { name: 'pubsub', type: 'pure-token', token: 'PUBSUB' },
                    ],
                  },
                  { name: 'username', type: 'string', token: 'USER', optional: true },
                  { name: 'ip:port', type: 'string', token: 'ADDR', optional: true },
                  { name: 'ip:port', type: 'string', token: 'LADDR', since: '6.2.0', optional: true },
                  { name: 'yes/no', type: 'string', token: 'SKIPME', optional: true },
                ],
              },
            ],
          },
        ],
        run: clientKill,
      },
      {
        name: 'list',
        summary: 'Describes connections, one a line.',
        since: '2.4.0',
        group: 'connection',
        complexity: 'O(N) where N is the number of client connections',
        arity: -2,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        tips: ['nondeterministic_output'],
        history: [
          ['2.8.12', 'Added unique client `id` field.'],
          ['5.0.0', 'Added optional `TYPE` filter.'],
          ['6.0.0', 'Added `user` field.'],
          ['6.2.0', 'Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.'],
          ['7.0.0', 'Added `resp`, `multi-mem`, `rbs` and `rbp` fields.'],
          ['7.0.3', 'Added `ssub` field.'],
        ],
        arguments: [
          {
            name: 'normal_master_replica_pubsub',
            type: 'oneof',
            token: 'TYPE',
            since: '5.0.0',
            optional: true,
            arguments: [
              { name: 'normal', type: 'pure-token', token: 'NORMAL' },
              { name: 'master', type: 'pure-token', token: 'MASTER' },
              { name: 'replica', type: 'pure-token', token: 'REPLICA' },
              { name: 'pubsub', type: 'pure-token', token: 'PUBSUB' },
            ],
          },
          {
            name: 'id',
            type: 'block',
            token: 'ID',
            since: '6.2.0',
            optional: true,
            arguments: [{ name: 'client-id', type: 'integer', multiple: true }],
          },
        ],
        run: clientList,
      },
      {
        name: 'no-evict',
        summary: 'Exempts the connection from client eviction.',
        since: '7.0.0',
        group: 'connection',
        complexity: 'O(1)',
        arity: 3,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        arguments: [{ name: 'enabled', type: 'oneof', arguments: ON_OFF }],
        run: clientNoEvict,
      },
      {
        ...OWN_ROW,
        name: 'no-touch',
        summary: 'Keeps the reads of the connection from counting as accesses of the keys.',
        since: '7.2.0',
        arity: 3,
        arguments: [{ name: 'enabled', type: 'oneof', arguments: ON_OFF }],
        run: clientNoTouch,
      },
      {
        ...OWN_ROW,
        name: 'setinfo',
        summary: 'Tells which client library the connection uses.',
        since: '7.2.0',
        arity: 4,
        arguments: [
          {
            name: 'attr',
            type: 'oneof',
            arguments: [
              { name: 'libname', type: 'string', token: 'LIB-NAME' },
              { name: 'libver', type: 'string', token: 'LIB-VER' },
            ],
          },
        ],
        run: clientSetinfo,
      },
      {
        name: 'pause',
        summary: 'Holds back the commands of clients for a while.',
        since: '2.9.50',
        group: 'connection',
        complexity: 'O(1)',
        arity: -3,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        history: [['6.2.0', '`CLIENT PAUSE WRITE` mode added along with the `mode` option.']],
        arguments: [
          { name: 'timeout', type: 'integer' },
          {
            name: 'mode',
            type: 'oneof',
            since: '6.2.0',
            optional: true,
            arguments: [
              { name: 'write', type: 'pure-token', token: 'WRITE' },
              { name: 'all', type: 'pure-token', token: 'ALL' },
            ],
          },
        ],
        run: clientPause,
      },
      {
        ...OWN_ROW,
        name: 'reply',
        summary: 'Turns the replies to the connection on and off.',
        since: '3.2.0',
        arity: 3,
        arguments: [
          {
            name: 'on_off_skip',
            type: 'oneof',
            arguments: [...ON_OFF, { name: 'skip', type: 'pure-token', token: 'SKIP' }],
          },
        ],
        run: clientReply,
      },
      {
        ...OWN_ROW,
        name: 'setname',
        summary: 'Names the connection.',
        since: '2.6.9',
        arity: 3,
        arguments: [{ name: 'connection-name', type: 'string' }],
        run: clientSetname,
      },
      {
        name: 'tracking',
        summary: 'Turns tracking of read keys for client-side caches on and off.',
        since: '6.0.0',
        group: 'connection',
        complexity: 'O(1). Some options may introduce additional complexity.',
        arity: -3,
        flags: ['noscript', 'loading', 'stale'],
        arguments: [
          { name: 'status', type: 'oneof', arguments: ON_OFF },
          { name: 'client-id', type: 'integer', token: 'REDIRECT', optional: true },
          { name: 'prefix', type: 'string', token: 'PREFIX', optional: true, multiple: true, multipleToken: true },
          { name: 'bcast', type: 'pure-token', token: 'BCAST', optional: true },
          { name: 'optin', type: 'pure-token', token: 'OPTIN', optional: true },
          { name: 'optout', type: 'pure-token', token: 'OPTOUT', optional: true },
          { name: 'noloop', type: 'pure-token', token: 'NOLOOP', optional: true },
        ],
        run: tracking,
      },
      {
        ...OWN_ROW,
        name: 'trackinginfo',
        summary: 'Tells how the connection uses tracking.',
        since: '6.2.0',
        arity: 2,
        run: trackingInfo,
      },
      {
        name: 'unblock',
        summary: 'Ends the waiting of a blocked connection.',
        since: '5.0.0',
        group: 'connection',
        complexity: 'O(log N) where N is the number of client connections',
        arity: -3,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        arguments: [
          { name: 'client-id', type: 'integer' },
          {
            name: 'timeout_error',
            type: 'oneof',
            optional: true,
            arguments: [
              { name: 'timeout', type: 'pure-token', token: 'TIMEOUT' },
              { name: 'error', type: 'pure-token', token: 'ERROR' },
            ],
          },
        ],
        run: clientUnblock,
      },
      {
        name: 'unpause',
        summary: 'Ends the pause of clients.',
        since: '6.2.0',
        group: 'connection',
        complexity: 'O(N) Where N is the number of paused clients',
        arity: 2,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        run: clientUnpause,
      },
    ],
  },
]
