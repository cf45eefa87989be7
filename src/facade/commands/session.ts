// Commands about the connection itself that both processes have: its protocol version, its user and its end.

import { fail } from '../../errors.ts'
import { REDIS_VERSION } from '../../lib/version.ts'
import { contextOf } from '../access.ts'
import type { Call } from '../call.ts'
import type { CommandRow } from '../row.ts'
import { labelArgument, setClientName } from './labels.ts'

function ping(ctx: Call): void {
  const { args, reply, session } = ctx
  if (args.count > 2) fail('arity', 'ping')
  if (session.resp === 2 && session.subscriptions > 0) {
    reply.array(2)
    reply.bulkText('pong')
    return args.count === 1 ? reply.bulkText('') : reply.bulk(args.buffer, args.start(1), args.end(1))
  }
  if (args.count === 1) return reply.simple('PONG')
  reply.bulk(args.buffer, args.start(1), args.end(1))
}

/** Logs in with the password in argument i or refuses; the session stays what it was when refused. */
function authenticate(ctx: Call, name: string, i: number): void {
  const { args, session, host } = ctx
  const { users } = host.access
  const user = users.authenticate(name, args.latin1(i))
  if (user === undefined) {
    host.access.denied(session, { reason: 'auth', context: contextOf(session), object: args.latin1(0), username: name })
    fail('wrongPass')
  }
  session.authenticated = true
  session.user = user
}

function auth(ctx: Call): void {
  const { args, reply, host } = ctx
  if (args.count > 3) fail('syntax')
  if (args.count === 2 && host.access.users.default.rights.noPassword) fail('authNotConfigured')
  if (args.count === 2) authenticate(ctx, 'default', 1)
  else authenticate(ctx, args.latin1(1), 2)
  reply.ok()
}

/** The protocol version that HELLO asks for; undefined: as it is. */
function protocolVersion(ctx: Call): 2 | 3 | undefined {
  if (ctx.args.count < 2) return undefined
  const version = ctx.args.int64(1)
  if (version === undefined) fail('helloVersion')
  if (version !== 2n && version !== 3n) fail('noProto')
  return version === 2n ? 2 : 3
}

function hello(ctx: Call): void {
  const { args, reply, session, host } = ctx
  const version = protocolVersion(ctx)
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'auth') && i + 2 < args.count) {
      authenticate(ctx, args.latin1(i + 1), i + 2)
      i += 2
    } else if (args.is(i, 'setname') && i + 1 < args.count) {
      setClientName(session, labelArgument(args, i + 1))
      i++
    } else {
      fail('helloOption', args.str(i))
    }
  }
  if (!session.authenticated && host.access.users.asksPassword) fail('helloNoAuth')
  if (version !== undefined) {
    session.resp = version
    reply.resp = version
  }
  const facts: readonly (readonly [string, string | number])[] = [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', session.resp],
    ['id', session.id],
    ...host.hello(),
  ]
  reply.map(facts.length + 1)
  for (const [name, value] of facts) {
    reply.bulkText(name)
    if (typeof value === 'number') reply.int(value)
    else reply.bulkText(value)
  }
  reply.bulkText('modules')
  reply.array(0)
}

function reset(ctx: Call): void {
  const { reply, session, host } = ctx
  if (session.isReplica || session.isPrimary) fail('resetKind')
  host.clients.setMonitor(session, false)
  host.pubsub.unsubscribeAll(session)
  host.forget(session)
  host.tracking.disable(session)
  session.transaction = undefined
  session.db = 0
  session.resp = 2
  session.user = host.access.users.default
  session.authenticated = !host.access.users.asksPassword
  session.name = ''
  session.replyMode = 'on'
  session.noTouch = false
  host.sessionChanged(session)
  reply.resp = 2
  reply.simple('RESET')
}

/** What the session listened to ends here, not when its peer has closed too. */
function quit(ctx: Call): void {
  const { reply, session, host } = ctx
  host.pubsub.unsubscribeAll(session)
  host.forget(session)
  reply.ok()
  session.outlet.closeAfterReply()
}

/** Commands about the connection itself. */
export const SESSION_COMMANDS: readonly CommandRow<Call>[] = [
  {
    name: 'ping',
    summary: 'Tells that the server answers, or sends a message back.',
    since: '1.0.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: -1,
    flags: ['fast'],
    tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
    arguments: [{ name: 'message', type: 'string', optional: true }],
    run: ping,
  },
  {
    name: 'auth',
    summary: 'Authenticates the connection.',
    since: '1.0.0',
    group: 'connection',
    complexity: 'O(N) where N is the number of passwords defined for the user',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    history: [['6.0.0', 'Added ACL style (username and password).']],
    arguments: [
      { name: 'username', type: 'string', since: '6.0.0', optional: true },
      { name: 'password', type: 'string' },
    ],
    run: auth,
  },
  {
    name: 'hello',
    summary: 'Chooses the protocol version; authenticates and names the connection on request.',
    since: '6.0.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    history: [
      [
        '6.2.0',
        "`protover` made optional; when called without arguments the command reports the current connection's context.",
      ],
    ],
    arguments: [
      {
        name: 'arguments',
        type: 'block',
        optional: true,
        arguments: [
          { name: 'protover', type: 'integer' },
          {
            name: 'username_password',
            type: 'block',
            token: 'AUTH',
            optional: true,
            arguments: [
              { name: 'username', type: 'string' },
              { name: 'password', type: 'string' },
            ],
          },
          { name: 'clientname', type: 'string', token: 'SETNAME', optional: true },
        ],
      },
    ],
    run: hello,
  },
  {
    name: 'reset',
    summary: 'Puts the connection back into the state of a new one.',
    since: '6.2.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    run: reset,
  },
  {
    name: 'quit',
    summary: 'Closes the connection.',
    since: '1.0.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    run: quit,
  },
]
