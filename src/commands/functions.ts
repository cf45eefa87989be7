// FCALL and FUNCTION: libraries of functions. What keeps and runs them is `host.scripts`.
import { dumpLibraries, readLibraries } from '../codec/dump.ts'
import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import { globMatch } from '../lib/glob.ts'
import type { Context, LibraryFacts, RestorePolicy } from './context.ts'
import { callArguments, scriptKeys } from './scripts.ts'
import type { CommandSpec } from './spec.ts'

function call(ctx: Context, readOnly: boolean): void {
  const { args, host } = ctx
  const name = args.str(1)
  if (!host.scripts.libraries.has(name)) fail('functionUnknown')
  const keys = args.int64(2) ?? fail('functionKeys')
  if (keys > args.count - 3) fail('keysTooMany')
  if (keys < 0) fail('keysNegative')
  host.scripts.callFunction(ctx, name, Number(keys), readOnly)
}

function load({ args, reply, host, session, effects }: Context): void {
  const last = args.count - 1
  let replace = false
  for (let i = 2; i < last; i++) {
    if (!args.is(i, 'replace')) fail('functionOption', args.str(i))
    replace = true
  }
  const name = host.scripts.libraries.load(args.bytes(last), { replace, patient: session.isPrimary })
  effects.dirty++
  reply.bulkText(name)
}

function remove({ args, reply, host, effects }: Context): void {
  host.scripts.libraries.remove(args.str(2))
  effects.dirty++
  reply.ok()
}

function flush({ args, reply, host, effects }: Context): void {
  if (args.count > 3) fail('subcommandSyntax', args.str(1), 'FUNCTION')
  if (args.count === 3 && !args.is(2, 'sync') && !args.is(2, 'async')) fail('functionFlushMode')
  host.scripts.libraries.flush()
  effects.dirty++
  reply.ok()
}

function list(ctx: Context): void {
  const { reply, host } = ctx
  const { pattern, withCode } = listOptions(ctx)
  const mark = reply.pos
  let count = 0
  for (const library of host.scripts.libraries.list()) {
    if (pattern !== undefined && !globMatch(pattern, Buffer.from(library.name), true)) continue
    count++
    replyLibrary(ctx, library, withCode)
  }
  reply.arrayAt(mark, count)
}

function listOptions({ args }: Context): { pattern: Buffer | undefined; withCode: boolean } {
  let pattern: Buffer | undefined
  let withCode = false
  for (let i = 2; i < args.count; i++) {
    if (!withCode && args.is(i, 'withcode')) withCode = true
    else if (pattern === undefined && args.is(i, 'libraryname')) {
      if (++i === args.count) fail('functionPattern')
      pattern = args.bytes(i)
    } else fail('functionArgument', args.str(i))
  }
  return { pattern, withCode }
}

function replyLibrary({ reply }: Context, { name, code, functions }: LibraryFacts, withCode: boolean): void {
  reply.map(withCode ? 4 : 3)
  reply.bulkText('library_name')
  reply.bulkText(name)
  reply.bulkText('engine')
  reply.bulkText(ENGINE)
  reply.bulkText('functions')
  reply.array(functions.length)
  for (const { name: called, description, flags } of functions) {
    reply.map(3)
    reply.bulkText('name')
    reply.bulkText(called)
    reply.bulkText('description')
    if (description === undefined) reply.null()
    else reply.bulk(description)
    reply.bulkText('flags')
    reply.set(flags.length)
    for (const flag of flags) reply.simple(flag)
  }
  if (!withCode) return
  reply.bulkText('library_code')
  reply.bulk(code)
}

function stats({ reply, host }: Context): void {
  const busy = host.scripts.busyCall()
  if (busy !== undefined && !busy.isFunction) fail('scriptBusy')
  const { libraries, functions } = host.scripts.libraries.counts()
  reply.map(2)
  reply.bulkText('running_script')
  if (busy === undefined) reply.null()
  else {
    reply.map(3)
    reply.bulkText('name')
    reply.bulkText(busy.name)
    reply.bulkText('command')
    reply.array(busy.argv.length)
    for (const word of busy.argv) reply.bulk(word)
    reply.bulkText('duration_ms')
    reply.int(busy.ms)
  }
  reply.bulkText('engines')
  reply.map(1)
  reply.bulkText(ENGINE)
  reply.map(2)
  reply.bulkText('libraries_count')
  reply.int(libraries)
  reply.bulkText('functions_count')
  reply.int(functions)
}

function dump({ reply, host }: Context): void {
  const codes = Array.from(host.scripts.libraries.list(), ({ code }) => code)
  reply.bulk(dumpLibraries(codes, host.config.values.rdbcompression))
}

const POLICIES: readonly RestorePolicy[] = ['flush', 'append', 'replace']

function restore({ args, reply, host, session, effects }: Context): void {
  if (args.count > 4) fail('subcommandSyntax', args.str(1), 'FUNCTION')
  const policy = args.count === 3 ? 'append' : (POLICIES.find((name) => args.is(3, name)) ?? fail('functionPolicy'))
  const content = readLibraries(args.buffer, args.start(2), args.end(2), !host.debug.skipChecksums)
  if (content === 'checksum') fail('dumpVersion')
  if (content === 'type') fail('functionDumpType')
  if (content === 'format') fail('functionDump')
  host.scripts.libraries.restore(content, policy, session.isPrimary)
  effects.dirty++
  reply.ok()
}

function kill({ reply, host }: Context): void {
  host.scripts.kill('function')
  reply.ok()
}

const ENGINE = 'LUA'
const ALL_SHARDS = ['request_policy:all_shards', 'response_policy:all_succeeded']
const COMPLEXITY = 'Depends on the function that is executed.'
const ABOUT = { since: '7.0.0', group: 'scripting' } as const

/** Functions. */
export const FUNCTION_COMMANDS: readonly CommandSpec[] = [
  {
    ...ABOUT,
    name: 'fcall',
    summary: 'Calls a function.',
    complexity: COMPLEXITY,
    arity: -3,
    flags: ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    keys: scriptKeys(
      'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE',
      'RW',
      'access',
      'update',
    ),
    arguments: callArguments('function'),
    run: (ctx) => call(ctx, false),
  },
  {
    ...ABOUT,
    name: 'fcall_ro',
    summary: 'Calls a function that does not write.',
    complexity: COMPLEXITY,
    arity: -3,
    flags: ['readonly', 'noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    keys: scriptKeys('We cannot tell how the keys will be used so we assume the worst, RO and ACCESS', 'RO', 'access'),
    arguments: callArguments('function'),
    run: (ctx) => call(ctx, true),
  },
  {
    ...ABOUT,
    name: 'function',
    summary: 'The libraries of functions.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...ABOUT,
        name: 'load',
        summary: 'Takes a library in, and with REPLACE in place of one of that name.',
        complexity: 'O(1) (considering compilation time is redundant)',
        arity: -3,
        flags: ['write', 'denyoom', 'noscript'],
        tips: ALL_SHARDS,
        arguments: [
          { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true },
          { name: 'function-code', type: 'string' },
        ],
        run: load,
      },
      {
        ...ABOUT,
        name: 'delete',
        summary: 'Removes a library.',
        complexity: 'O(1)',
        arity: 3,
        flags: ['write', 'noscript'],
        tips: ALL_SHARDS,
        arguments: [{ name: 'library-name', type: 'string' }],
        run: remove,
      },
      {
        ...ABOUT,
        name: 'list',
        summary: 'Lists the libraries with their functions.',
        complexity: 'O(N) where N is the number of functions',
        arity: -2,
        flags: ['noscript'],
        tips: ['nondeterministic_output_order'],
        arguments: [
          { name: 'library-name-pattern', type: 'string', token: 'LIBRARYNAME', optional: true },
          { name: 'withcode', type: 'pure-token', token: 'WITHCODE', optional: true },
        ],
        run: list,
      },
      {
        ...ABOUT,
        name: 'stats',
        summary: 'Tells which function keeps the server busy, and how many there are.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['noscript', 'allow_busy'],
        tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
        run: stats,
      },
      {
        ...ABOUT,
        name: 'dump',
        summary: 'Returns all libraries as a payload for RESTORE.',
        complexity: 'O(N) where N is the number of functions',
        arity: 2,
        flags: ['noscript'],
        run: dump,
      },
      {
        ...ABOUT,
        name: 'restore',
        summary: 'Takes in the libraries of a payload that DUMP returned.',
        complexity: 'O(N) where N is the number of functions on the payload',
        arity: -3,
        flags: ['write', 'denyoom', 'noscript'],
        tips: ALL_SHARDS,
        arguments: [
          { name: 'serialized-value', type: 'string' },
          {
            name: 'policy',
            type: 'oneof',
            optional: true,
            arguments: [
              { name: 'flush', type: 'pure-token', token: 'FLUSH' },
              { name: 'append', type: 'pure-token', token: 'APPEND' },
              { name: 'replace', type: 'pure-token', token: 'REPLACE' },
            ],
          },
        ],
        run: restore,
      },
      {
        ...ABOUT,
        name: 'flush',
        summary: 'Removes all libraries.',
        complexity: 'O(N) where N is the number of functions deleted',
        arity: -2,
        flags: ['write', 'noscript'],
        tips: ALL_SHARDS,
        arguments: [
          {
            name: 'async',
            type: 'oneof',
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
        ...ABOUT,
        name: 'kill',
        summary: 'Ends the function that keeps the server busy, if it has not written.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['noscript', 'allow_busy'],
        tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
        run: kill,
      },
      {
        ...ABOUT,
        name: 'help',
        summary: 'Lists the subcommands.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
]
