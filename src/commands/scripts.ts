// EVAL and its relatives, and SCRIPT. What runs the scripts is `host.scripts`.
import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import type { ArgumentSpec, KeySpec } from '../facade/row.ts'
import { integerArgument } from './arguments.ts'
import type { Context, ScriptSource } from './context.ts'
import type { CommandSpec } from './spec.ts'

/** Number of keys among the arguments behind it. */
function keyCount(ctx: Context): number {
  const n = integerArgument(ctx, 2)
  if (n > ctx.args.count - 3) fail('keysTooMany')
  if (n < 0) fail('keysNegative')
  return Number(n)
}

function evaluate(ctx: Context, source: (ctx: Context) => ScriptSource, readOnly: boolean): void {
  const keys = keyCount(ctx)
  ctx.host.scripts.evaluate(ctx, source(ctx), keys, readOnly)
}

const bySource = ({ args }: Context): ScriptSource => ({ source: args.bytes(1) })
const byDigest = ({ args }: Context): ScriptSource => ({ sha: args.latin1(1) })

function load({ args, reply, host }: Context): void {
  reply.bulkText(host.scripts.load(args.bytes(2)))
}

function exists({ args, reply, host }: Context): void {
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) reply.int(host.scripts.exists(args.latin1(i)) ? 1 : 0)
}

function flush({ args, reply, host }: Context): void {
  if (args.count > 3 || (args.count === 3 && !args.is(2, 'sync') && !args.is(2, 'async'))) fail('scriptFlushMode')
  host.scripts.flush()
  reply.ok()
}

/** What is off can be switched off. */
function debug({ args, reply }: Context): void {
  if (args.is(2, 'no')) return reply.ok()
  fail(args.is(2, 'yes') || args.is(2, 'sync') ? 'scriptDebugger' : 'scriptDebugMode')
}

function kill({ reply, host }: Context): void {
  host.scripts.kill('script')
  reply.ok()
}

const COMPLEXITY = 'Depends on the script that is executed.'

export function scriptKeys(notes: string | undefined, ...flags: string[]): readonly KeySpec[] {
  return [
    {
      flags,
      ...(notes === undefined ? {} : { notes }),
      begin: { index: 2 },
      find: { keynumIndex: 0, firstKey: 1, step: 1 },
    },
  ]
}

export function callArguments(name: string): readonly ArgumentSpec[] {
  return [
    { name, type: 'string' },
    { name: 'numkeys', type: 'integer' },
    { name: 'key', type: 'key', keySpecIndex: 0, optional: true, multiple: true },
    { name: 'arg', type: 'string', optional: true, multiple: true },
  ]
}

/** Scripts. */
export const SCRIPT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'eval',
    summary: 'Runs a script in Lua.',
    since: '2.6.0',
    group: 'scripting',
    complexity: COMPLEXITY,
    arity: -3,
    flags: ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    keys: scriptKeys(
      'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE',
      'RW',
      'access',
      'update',
    ),
    arguments: callArguments('script'),
    run: (ctx) => evaluate(ctx, bySource, false),
  },
  {
    name: 'evalsha',
    summary: 'Runs a script that the server knows already, by the SHA-1 of its source.',
    since: '2.6.0',
    group: 'scripting',
    complexity: COMPLEXITY,
    arity: -3,
    flags: ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    keys: scriptKeys(undefined, 'RW', 'access', 'update'),
    arguments: callArguments('sha1'),
    run: (ctx) => evaluate(ctx, byDigest, false),
  },
  {
    name: 'eval_ro',
    summary: 'Runs a script that does not write.',
    since: '7.0.0',
    group: 'scripting',
    complexity: COMPLEXITY,
    arity: -3,
    flags: ['readonly', 'noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    keys: scriptKeys('We cannot tell how the keys will be used so we assume the worst, RO and ACCESS', 'RO', 'access'),
    arguments: callArguments('script'),
    run: (ctx) => evaluate(ctx, bySource, true),
  },
  {
    name: 'evalsha_ro',
    summary: 'Runs a script that does not write and that the server knows already, by the SHA-1 of its source.',
    since: '7.0.0',
    group: 'scripting',
    complexity: COMPLEXITY,
    arity: -3,
    flags: ['readonly', 'noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    keys: scriptKeys(undefined, 'RO', 'access'),
    arguments: callArguments('sha1'),
    run: (ctx) => evaluate(ctx, byDigest, true),
  },
  {
    name: 'script',
    summary: 'The scripts that the server knows.',
    since: '2.6.0',
    group: 'scripting',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: 'debug',
        summary: 'Refuses: there is no debugger of scripts here.',
        since: '3.2.0',
        group: 'scripting',
        complexity: 'O(1)',
        arity: 3,
        flags: ['noscript'],
        arguments: [
          {
            name: 'mode',
            type: 'oneof',
            arguments: [
              { name: 'yes', type: 'pure-token', token: 'YES' },
              { name: 'sync', type: 'pure-token', token: 'SYNC' },
              { name: 'no', type: 'pure-token', token: 'NO' },
            ],
          },
        ],
        run: debug,
      },
      {
        name: 'exists',
        summary: 'Tells which scripts the server knows.',
        since: '2.6.0',
        group: 'scripting',
        complexity:
          'O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).',
        arity: -3,
        flags: ['noscript'],
        tips: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
        arguments: [{ name: 'sha1', type: 'string', multiple: true }],
        run: exists,
      },
      {
        name: 'flush',
        summary: 'Forgets all scripts.',
        since: '2.6.0',
        group: 'scripting',
        complexity: 'O(N) with N being the number of scripts in cache',
        arity: -2,
        flags: ['noscript'],
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        history: [['6.2.0', 'Added the `ASYNC` and `SYNC` flushing mode modifiers.']],
        arguments: [
          {
            name: 'async',
            type: 'oneof',
            since: '6.2.0',
            optional: true,
            arguments: [
              { name: 'async', type: 'pure-token', token: 'ASYNC' },
              { name: 'sync', type: 'pure-token', token: 'SYNC' },
            ],
          },
        ],
        run: flush,
      },
      {
        name: 'kill',
        summary: 'Ends the script that keeps the server busy, if it has not written.',
        since: '2.6.0',
        group: 'scripting',
        complexity: 'O(1)',
        arity: 2,
        flags: ['noscript', 'allow_busy'],
        tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
        run: kill,
      },
      {
        name: 'load',
        summary: 'Makes a script known to the server without running it.',
        since: '2.6.0',
        group: 'scripting',
        complexity: 'O(N) with N being the length in bytes of the script body.',
        arity: 3,
        flags: ['noscript', 'stale'],
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        arguments: [{ name: 'script', type: 'string' }],
        run: load,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '5.0.0',
        group: 'scripting',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
]
