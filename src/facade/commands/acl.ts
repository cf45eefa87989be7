// ACL: users, what they may do, and what was denied to them. Names and rules are latin1 text, one character a byte.

import { CATEGORIES } from '../../acl/categories.ts'
import { channelRules, commandRules, flagsOf, keyRules } from '../../acl/describe.ts'
import { hasBlank } from '../../acl/rules.ts'
import type { Selector } from '../../acl/selector.ts'
import { judge } from '../../acl/verdict.ts'
import { fail } from '../../errors.ts'
import { formatDouble } from '../../lib/double.ts'
import type { Call } from '../call.ts'
import type { ArgumentSpec, CommandFlag, CommandRow } from '../row.ts'
import { fitsArity, subcommandOf } from '../table.ts'
import { help } from './help.ts'
import { keysOf } from './keys.ts'

/** Of an unknown name so much is shown. */
const SHOWN_MAX = 128
const LOG_ENTRIES_SHOWN = 10
const PASSWORD_BITS = 256
const PASSWORD_BITS_MAX = 4096

const bulk = ({ reply }: Call, latin1: string): void => reply.bulk(Buffer.from(latin1, 'latin1'))

/** Refuses with a text that quotes what was given, which may be any bytes: line ends must not end the reply. */
const refuse = (text: string): never =>
  fail(
    'aclRule',
    Buffer.from(text, 'latin1')
      .toString()
      .replace(/[\r\n]/g, ' '),
  )

function setuser(ctx: Call): void {
  const { args, host, reply } = ctx
  const name = args.latin1(2)
  if (hasBlank(name)) fail('aclUserName')
  const words = Array.from({ length: args.count - 3 }, (_, i) => args.latin1(i + 3))
  const problem = host.access.users.change(name, words)
  if (problem !== undefined) refuse(problem)
  reply.ok()
}

function deluser({ args, host, reply }: Call): void {
  const names = Array.from({ length: args.count - 2 }, (_, i) => args.latin1(i + 2))
  if (names.includes('default')) fail('aclDefaultUser')
  reply.int(names.filter((name) => host.access.users.remove(name)).length)
}

function describeSelector(ctx: Call, selector: Selector): void {
  bulk(ctx, 'commands')
  bulk(ctx, commandRules(selector, ctx.host.access.users.catalog))
  bulk(ctx, 'keys')
  bulk(ctx, keyRules(selector))
  bulk(ctx, 'channels')
  bulk(ctx, channelRules(selector))
}

function getuser(ctx: Call): void {
  const { args, host, reply } = ctx
  const user = host.access.users.get(args.latin1(2))
  if (user === undefined) return reply.null()
  const { rights } = user
  const flags = flagsOf(rights)
  reply.map(6)
  bulk(ctx, 'flags')
  reply.set(flags.length)
  for (const flag of flags) bulk(ctx, flag)
  bulk(ctx, 'passwords')
  reply.array(rights.passwords.length)
  for (const hash of rights.passwords) bulk(ctx, hash)
  describeSelector(ctx, rights.own)
  bulk(ctx, 'selectors')
  reply.array(rights.others.length)
  for (const selector of rights.others) {
    reply.map(3)
    describeSelector(ctx, selector)
  }
}

function list(ctx: Call): void {
  const lines = ctx.host.access.users.lines()
  ctx.reply.array(lines.length)
  for (const line of lines) bulk(ctx, line)
}

function users(ctx: Call): void {
  const all = ctx.host.access.users.all()
  ctx.reply.array(all.length)
  for (const { name } of all) bulk(ctx, name)
}

function whoami(ctx: Call): void {
  bulk(ctx, ctx.session.user.name)
}

function load({ host, reply }: Call): void {
  const { file } = host.access
  if (file === undefined) fail('aclNoFile')
  const errors = file.load()
  if (errors !== undefined) refuse(errors)
  reply.ok()
}

function save({ host, reply }: Call): void {
  const { file } = host.access
  if (file === undefined) fail('aclNoFile')
  if (!file.save()) fail('aclSave')
  reply.ok()
}

function cat(ctx: Call): void {
  const { args, host, reply } = ctx
  if (args.count > 3) fail('subcommandSyntax', args.latin1(1), 'ACL')
  const members = args.count === 2 ? undefined : host.access.users.catalog.ofCategory(args.latin1(2))
  if (args.count === 3 && members === undefined) fail('aclCategory', args.str(2).slice(0, SHOWN_MAX))
  const names = members === undefined ? CATEGORIES : members.map(({ fullName }) => fullName)
  reply.array(names.length)
  for (const name of names) bulk(ctx, name)
}

function genpass(ctx: Call): void {
  const { args, host } = ctx
  if (args.count > 3) fail('subcommandSyntax', args.latin1(1), 'ACL')
  const bits = args.count === 2 ? BigInt(PASSWORD_BITS) : (args.int64(2) ?? fail('notInteger'))
  if (bits <= 0n || bits > BigInt(PASSWORD_BITS_MAX)) fail('aclPasswordBits', PASSWORD_BITS_MAX)
  bulk(ctx, host.access.randomHex(Math.ceil(Number(bits) / 4)))
}

function log(ctx: Call): void {
  const { args, host, reply, nowMs } = ctx
  const { log } = host.access
  if (args.count > 3) fail('subcommandSyntax', args.latin1(1), 'ACL')
  if (args.count === 3 && args.is(2, 'reset')) {
    log.clear()
    return reply.ok()
  }
  const count = args.count === 2 ? BigInt(LOG_ENTRIES_SHOWN) : (args.int64(2) ?? fail('notInteger'))
  const shown = count < 0n ? [] : log.entries.slice(0, Number(count))
  reply.array(shown.length)
  for (const entry of shown) {
    reply.map(7)
    bulk(ctx, 'count')
    reply.int(entry.count)
    for (const field of ['reason', 'context', 'object', 'username'] as const) {
      bulk(ctx, field)
      bulk(ctx, entry[field])
    }
    bulk(ctx, 'age-seconds')
    reply.double(formatDouble((nowMs - entry.atMs) / 1000))
    bulk(ctx, 'client-info')
    reply.bulkText(entry.client)
  }
}

function dryrun(ctx: Call): void {
  const { args, host, reply } = ctx
  const user = host.access.users.get(args.latin1(2))
  if (user === undefined) fail('aclNoUser', args.str(2).slice(0, SHOWN_MAX))
  const found = host.commands.lookup(args.buffer, args.start(3), args.end(3))
  const command = found?.subcommands === undefined ? found : subcommandOf(found, args, 4)
  if (command === undefined) fail('aclNoCommand', args.str(3).slice(0, SHOWN_MAX))
  if (!fitsArity(command, args.count - 3)) fail('arity', command.fullName)
  const denial = judge(user, command, args, 3, keysOf)
  if (denial === undefined) return reply.ok()
  if (denial.what === 'command') {
    return bulk(ctx, `This user has no permissions to run the '${command.fullName}' command`)
  }
  bulk(ctx, `This user has no permissions to access the '${args.latin1(denial.index)}' ${denial.what}`)
}

const ADMIN: readonly CommandFlag[] = ['admin', 'noscript', 'loading', 'stale']
const OPEN: readonly CommandFlag[] = ['noscript', 'loading', 'stale']
const USERNAME: ArgumentSpec = { name: 'username', type: 'string' }
const OF_USERS = 'O(N). Where N is the number of configured users.'
const OWN_ROW = { group: 'server', since: '6.0.0' } as const

/** ACL and its subcommands. */
export const ACL_COMMANDS: readonly CommandRow<Call>[] = [
  {
    ...OWN_ROW,
    name: 'acl',
    summary: 'Commands about users and their rights.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...OWN_ROW,
        name: 'cat',
        summary: 'Lists the categories of commands, or the commands of one.',
        complexity: 'O(1) since the categories and commands are a fixed set.',
        arity: -2,
        flags: OPEN,
        arguments: [{ name: 'categoryname', type: 'string', optional: true }],
        run: cat,
      },
      {
        ...OWN_ROW,
        name: 'deluser',
        summary: 'Removes users and ends their connections.',
        complexity: 'O(1) amortized time considering the typical user.',
        arity: -3,
        flags: ADMIN,
        arguments: [{ ...USERNAME, multiple: true }],
        run: deluser,
      },
      {
        ...OWN_ROW,
        name: 'dryrun',
        summary: 'Says whether a user may run a command, without running it.',
        since: '7.0.0',
        complexity: 'O(1).',
        arity: -4,
        flags: ADMIN,
        arguments: [
          USERNAME,
          { name: 'command', type: 'string' },
          { name: 'arg', type: 'string', optional: true, multiple: true },
        ],
        run: dryrun,
      },
      {
        ...OWN_ROW,
        name: 'genpass',
        summary: 'Makes a random password.',
        complexity: 'O(1)',
        arity: -2,
        flags: OPEN,
        arguments: [{ name: 'bits', type: 'integer', optional: true }],
        run: genpass,
      },
      {
        ...OWN_ROW,
        name: 'getuser',
        summary: 'Returns the rights of a user.',
        complexity: 'O(N). Where N is the number of password, command and pattern rules that the user has.',
        arity: 3,
        flags: ADMIN,
        history: [
          ['6.2.0', 'Added Pub/Sub channel patterns.'],
          [
            '7.0.0',
            'Added selectors and changed the format of key and channel patterns from a list to their rule representation.',
          ],
        ],
        arguments: [USERNAME],
        run: getuser,
      },
      {
        ...OWN_ROW,
        name: 'help',
        summary: 'Lists the subcommands.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
      {
        ...OWN_ROW,
        name: 'list',
        summary: 'Returns all users with their rules.',
        complexity: OF_USERS,
        arity: 2,
        flags: ADMIN,
        run: list,
      },
      {
        ...OWN_ROW,
        name: 'load',
        summary: 'Takes the users of the ACL file.',
        complexity: OF_USERS,
        arity: 2,
        flags: ADMIN,
        run: load,
      },
      {
        ...OWN_ROW,
        name: 'log',
        summary: 'Returns what was denied of late, or forgets it.',
        complexity: 'O(N) with N being the number of entries shown.',
        arity: -2,
        flags: ADMIN,
        arguments: [
          {
            name: 'operation',
            type: 'oneof',
            optional: true,
            arguments: [
              { name: 'count', type: 'integer' },
              { name: 'reset', type: 'pure-token', token: 'RESET' },
            ],
          },
        ],
        run: log,
      },
      {
        ...OWN_ROW,
        name: 'save',
        summary: 'Writes the users into the ACL file.',
        complexity: OF_USERS,
        arity: 2,
        flags: ADMIN,
        run: save,
      },
      {
        ...OWN_ROW,
        name: 'setuser',
        summary: 'Makes or changes a user.',
        complexity: 'O(N). Where N is the number of rules provided.',
        arity: -3,
        flags: ADMIN,
        history: [
          ['6.2.0', 'Added Pub/Sub channel patterns.'],
          ['7.0.0', 'Added selectors and key based permissions.'],
        ],
        arguments: [USERNAME, { name: 'rule', type: 'string', optional: true, multiple: true }],
        run: setuser,
      },
      {
        ...OWN_ROW,
        name: 'users',
        summary: 'Returns the names of all users.',
        complexity: OF_USERS,
        arity: 2,
        flags: ADMIN,
        run: users,
      },
      {
        ...OWN_ROW,
        name: 'whoami',
        summary: 'Returns the name of the user of this connection.',
        complexity: 'O(1)',
        arity: 2,
        flags: OPEN,
        run: whoami,
      },
    ],
  },
]
