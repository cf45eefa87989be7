// MODULE. There are no modules here: native code in the process could break every promise that the server makes. Tools that ask
// get the answers of a Redis that has none loaded and can load none.

import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import type { Context } from './context.ts'
import type { ArgumentSpec, CommandFlag, CommandSpec } from './spec.ts'
import { isTrusted } from './trust.ts'

const LOADS: readonly CommandFlag[] = ['admin', 'noscript', 'no_async_loading']

/** As in Redis whoever is not trusted is not told more. */
function demandTrust({ host, session }: Context): void {
  if (!isTrusted(host.config.values['enable-module-command'], session)) fail('moduleNotAllowed')
}

function refuseToLoad(ctx: Context): void {
  demandTrust(ctx)
  const { host, args } = ctx
  host.log(`Module ${args.str(2)} was not loaded: this server has no modules`)
  fail('noModules')
}

const rowOf = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  summary: string,
  details: Pick<CommandSpec, 'run'> & Partial<CommandSpec>,
): CommandSpec => ({ name, summary, since: '4.0.0', group: 'server', complexity: 'O(1)', arity, flags, ...details })

const PATH: ArgumentSpec = { name: 'path', type: 'string' }
const ARG: ArgumentSpec = { name: 'arg', type: 'string' }
const CONFIGS: ArgumentSpec = {
  name: 'configs',
  type: 'block',
  token: 'CONFIG',
  optional: true,
  multiple: true,
  multipleToken: true,
  arguments: [
    { name: 'name', type: 'string' },
    { name: 'value', type: 'string' },
  ],
}

/** MODULE and its subcommands. */
export const MODULE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'module',
    summary: 'Modules; there are none here.',
    since: '4.0.0',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      rowOf('list', 2, ['admin', 'noscript'], 'Lists the modules: none.', {
        complexity: 'O(N) where N is the number of loaded modules.',
        tips: ['nondeterministic_output_order'],
        run: ({ reply }) => reply.array(0),
      }),
      rowOf('load', -3, LOADS, 'Refuses to load a module.', {
        arguments: [PATH, { ...ARG, optional: true, multiple: true }],
        run: refuseToLoad,
      }),
      rowOf('loadex', -3, LOADS, 'Refuses to load a module.', {
        since: '7.0.0',
        arguments: [
          PATH,
          CONFIGS,
          { name: 'args', type: 'block', token: 'ARGS', optional: true, multiple: true, arguments: [ARG] },
        ],
        run: refuseToLoad,
      }),
      rowOf('unload', 3, LOADS, 'Refuses: no module is loaded.', {
        arguments: [{ name: 'name', type: 'string' }],
        run: (ctx) => {
          demandTrust(ctx)
          fail('noSuchModule')
        },
      }),
      rowOf('help', 2, ['loading', 'stale'], 'Lists the subcommands.', { since: '5.0.0', run: help }),
    ],
  },
]
