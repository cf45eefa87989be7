// CONFIG: the options of the running server. What is known, allowed and in range is the store's to say.

import type { OptionRow } from '../config/option.ts'
import { type ListeningPlace, SERVER_OPTIONS, samePlace } from '../config/server-options.ts'
import { optionName } from '../config/store.ts'
import { fail, failWith } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'
import { isTrusted } from './trust.ts'

function configGet(ctx: Context): void {
  const { args, reply, host } = ctx
  const patterns = Array.from({ length: args.count - 2 }, (_, i) => args.str(i + 2))
  const found = host.config.get(patterns)
  reply.map(found.length)
  for (const [name, text] of found) {
    reply.bulkText(name)
    reply.bulkText(text)
  }
}

function configSet(ctx: Context): void {
  const { args, reply, host, session } = ctx
  if (args.count % 2 !== 0) fail('syntax')
  const pairs: [string, string][] = []
  for (let i = 2; i < args.count; i += 2) pairs.push([args.str(i), args.str(i + 1)])
  if (host.loading() && pairs.some(([name]) => waitsForLoading(name))) fail('loading')
  const trusted = isTrusted(host.config.values['enable-protected-configs'], session)
  const set = (): string | undefined => host.config.set(pairs, trusted)
  const address = newAddress(ctx, pairs, trusted)
  if (address !== undefined) return listenElsewhere(ctx, address, set)
  const refusal = set()
  if (refusal !== undefined) failWith(refusal)
  reply.ok()
}

function waitsForLoading(name: string): boolean {
  const own = optionName(SERVER_OPTIONS, name) as keyof typeof SERVER_OPTIONS | undefined
  return own !== undefined && (SERVER_OPTIONS[own] as OptionRow).notWhileLoading === true
}

/** Where the server listens once the pairs are set; undefined: where it does now, or they are refused. */
function newAddress(
  { host }: Context,
  pairs: readonly [string, string][],
  trusted: boolean,
): ListeningPlace | undefined {
  const { values, preview } = host.config
  const changed = preview(pairs, trusted)
  if (typeof changed === 'string') return undefined
  const { bind, port, 'tls-port': tlsPort } = values
  const place = { bind, port, 'tls-port': tlsPort, ...changed }
  return samePlace(place, values) ? undefined : place
}

/** Sockets are opened elsewhere, so that the reply comes later. */
function listenElsewhere(ctx: Context, place: ListeningPlace, set: () => string | undefined): void {
  const { host, session, inExec } = ctx
  if (inExec) fail('configSetInMulti')
  let error: string | undefined
  host.clients.block(session, {
    kind: 'order',
    timeoutAtMs: 0,
    finish: (reply) => (error === undefined ? reply.ok() : reply.error(error)),
  })
  host.listenAnew(place, set, (failure) => {
    error = failure
    host.clients.unblock(session, 'ready')
  })
}

function configResetstat(ctx: Context): void {
  ctx.host.resetStats()
  ctx.reply.ok()
}

function configRewrite(ctx: Context): void {
  ctx.host.rewriteConfig()
  ctx.reply.ok()
}

/** CONFIG and its subcommands. */
export const CONFIG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'config',
    summary: 'Commands about the configuration.',
    since: '2.0.0',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: 'get',
        summary: 'Returns the options that match patterns, with their values.',
        since: '2.0.0',
        group: 'server',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        arity: -3,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        history: [['7.0.0', 'Added the ability to pass multiple pattern parameters in one call']],
        arguments: [
          { name: 'parameter', type: 'block', multiple: true, arguments: [{ name: 'parameter', type: 'string' }] },
        ],
        run: configGet,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '5.0.0',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
      {
        name: 'resetstat',
        summary: 'Sets the statistics of the server to zero.',
        since: '2.0.0',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        run: configResetstat,
      },
      {
        name: 'rewrite',
        summary: 'Writes the configuration in use into the configuration file.',
        since: '2.8.0',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        run: configRewrite,
      },
      {
        name: 'set',
        summary: 'Changes options of the running server.',
        since: '2.0.0',
        group: 'server',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        arity: -4,
        flags: ['admin', 'noscript', 'loading', 'stale'],
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        history: [['7.0.0', 'Added the ability to set multiple parameters in one call.']],
        arguments: [
          {
            name: 'parameter_value',
            type: 'block',
            multiple: true,
            arguments: [
              { name: 'parameter', type: 'string' },
              { name: 'value', type: 'string' },
            ],
          },
        ],
        run: configSet,
      },
    ],
  },
]
