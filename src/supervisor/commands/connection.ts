// Commands about the connection itself: PING, AUTH, HELLO, CLIENT, QUIT, RESET, SHUTDOWN. Texts are those of Redis.
import { createHash, timingSafeEqual } from 'node:crypto'
import { errorText } from '../../errors.ts'
import { wallMs } from '../../io/clock.ts'
import { REDIS_VERSION } from '../../lib/version.ts'
import type { Client } from '../port.ts'
import { help } from './help.ts'
import type { Call, SentinelCommand } from './spec.ts'

function ping({ client, words, reply }: Call): void {
  if (words.length > 2) return reply.error(errorText('arity', 'ping'))
  if (client.resp === 2 && client.channels.size + client.patterns.size > 0) {
    reply.array(2)
    reply.bulkText('pong')
    return reply.bulkText(words[1] ?? '')
  }
  if (words[1] === undefined) reply.simple('PONG')
  else reply.bulkText(words[1])
}

/** Compares in constant time, so that the time to refuse tells nothing about the password. */
function samePassword(given: string, password: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(password))
}

const logIn = ({ client, host }: Call, user: string, given: string): boolean => {
  const password = host.password()
  if (user !== 'default' || (password !== '' && !samePassword(given, password))) return false
  client.authenticated = true
  return true
}

function auth(call: Call): void {
  const { words, reply, host } = call
  if (words.length > 3) return reply.error(errorText('syntax'))
  if (words.length === 2 && host.password() === '') return reply.error(errorText('authNotConfigured'))
  const [user, given] = words.length === 2 ? ['default', words[1]!] : [words[1]!, words[2]!]
  if (logIn(call, user, given)) reply.ok()
  else reply.error(errorText('wrongPass'))
}

function hello(call: Call): void {
  const { client, words, reply, host } = call
  const version = words[1]
  if (version !== undefined && !/^\d+$/.test(version)) return reply.error(errorText('helloVersion'))
  if (version !== undefined && version !== '2' && version !== '3') return reply.error(errorText('noProto'))
  let name: string | undefined
  for (let i = 2; i < words.length; i++) {
    const option = words[i]!.toLowerCase()
    if (option === 'auth' && i + 2 < words.length) {
      if (!logIn(call, words[i + 1]!, words[i + 2]!)) return reply.error(errorText('wrongPass'))
      i += 2
    } else if (option === 'setname' && i + 1 < words.length) {
      name = words[++i]!
      if (!isName(name)) return reply.error(errorText('clientName'))
    } else return reply.error(errorText('helloOption', words[i]!))
  }
  if (!client.authenticated && host.password() !== '') return reply.error(errorText('helloNoAuth'))
  if (name !== undefined) client.name = name
  if (version !== undefined) client.resp = version === '3' ? 3 : 2
  reply.resp = client.resp
  const fields: readonly (readonly [string, string | number])[] = [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', client.resp],
    ['id', client.id],
    ['mode', 'sentinel'],
  ]
  reply.map(fields.length + 1)
  for (const [field, value] of fields) {
    reply.bulkText(field)
    if (typeof value === 'number') reply.int(value)
    else reply.bulkText(value)
  }
  reply.bulkText('modules')
  reply.array(0)
}

/** Printable ASCII without blanks: what Redis allows in names. */
const isName = (text: string): boolean => /^[!-~]*$/.test(text)

function clientLine(client: Client): string {
  const nowMs = wallMs()
  const subscribed = client.channels.size + client.patterns.size > 0
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', client.id],
    ['addr', client.wire.peer],
    ['laddr', client.wire.local],
    ['fd', -1],
    ['name', client.name],
    ['age', Math.floor((nowMs - client.createdMs) / 1000)],
    ['idle', Math.floor((nowMs - client.lastCommandMs) / 1000)],
    ['flags', subscribed ? 'P' : 'N'],
    ['db', 0],
    ['sub', client.channels.size],
    ['psub', client.patterns.size],
    ['ssub', 0],
    ['multi', -1],
    ['qbuf', 0],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', 0],
    ['obl', 0],
    ['oll', 0],
    ['omem', client.wire.pendingBytes],
    ['tot-mem', client.wire.pendingBytes],
    ['events', 'r'],
    ['cmd', client.lastCommand],
    ['user', 'default'],
    ['redir', -1],
    ['resp', client.resp],
  ]
  return fields.map(([field, value]) => `${field}=${value}`).join(' ')
}

function clientReply({ client, words, reply }: Call): void {
  switch (words[2]!.toLowerCase()) {
    case 'on':
      client.replies = 'on'
      return reply.ok()
    case 'off':
      client.replies = 'off'
      return
    case 'skip':
      if (client.replies !== 'off') client.replies = 'skip-next'
      return
    default:
      reply.error(errorText('syntax'))
  }
}

/** CLIENT KILL: an old-style address, or filters that a client must all match. */
function kill({ client, words, reply, host }: Call): void {
  const byAddress = words.length === 3
  const tests = byAddress ? [addressFilter('peer', words[2]!)] : filtersOf(words.slice(2))
  if (typeof tests === 'string') return reply.error(tests)
  const skipMe = !byAddress && skipsCaller(words)
  const killed = [...host.clients.values()].filter(
    (one) => !(skipMe && one === client) && tests.every((matches) => matches(one)),
  )
  if (byAddress && killed.length === 0) return reply.error(errorText('noSuchClient'))
  for (const one of killed) if (one !== client) host.kill(one)
  if (killed.includes(client)) client.closing = true
  if (byAddress) reply.ok()
  else reply.int(killed.length)
}

type Filter = (client: Client) => boolean

const addressFilter =
  (end: 'peer' | 'local', address: string): Filter =>
  ({ wire }) =>
    wire[end] === address

/** The filters that the option/value pairs name, or the error in Redis's words for the first that is none. */
function filtersOf(words: readonly string[]): readonly Filter[] | string {
  const filters: Filter[] = []
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1]
    const filter = value === undefined ? errorText('syntax') : filterOf(words[i]!.toLowerCase(), value)
    if (typeof filter === 'string') return filter
    filters.push(filter)
  }
  return filters
}

function filterOf(field: string, value: string): Filter | string {
  switch (field) {
    case 'id':
      return /^[1-9]\d{0,17}$/.test(value) ? ({ id }) => String(id) === value : errorText('clientIdPositive')
    case 'addr':
      return addressFilter('peer', value)
    case 'laddr':
      return addressFilter('local', value)
    case 'user':
      return value === 'default' ? () => true : errorText('noSuchUser', value)
    case 'type': {
      const type = value.toLowerCase()
      return CLIENT_TYPES.has(type) ? (one) => typeOf(one) === type : errorText('clientType', value)
    }
    case 'skipme':
      return onOff(value, 'yes', 'no') === undefined ? errorText('syntax') : () => true
    default:
      return errorText('syntax')
  }
}

/** Redis's kinds of clients; a sentinel has those of the first two only. */
const CLIENT_TYPES = new Set(['normal', 'pubsub', 'master', 'slave', 'replica'])
const typeOf = ({ channels, patterns }: Client): string => (channels.size + patterns.size > 0 ? 'pubsub' : 'normal')

/** The last SKIPME decides; without one the caller is spared. */
function skipsCaller(words: readonly string[]): boolean {
  const last = words.findLastIndex((word, i) => i >= 2 && i % 2 === 0 && word.toLowerCase() === 'skipme')
  return last < 0 || words[last + 1]!.toLowerCase() === 'yes'
}

function setInfo({ client, words, reply }: Call): void {
  const [, , attribute, value] = words as [string, string, string, string]
  const field = attribute.toLowerCase()
  if (field !== 'lib-name' && field !== 'lib-ver') return reply.error(errorText('clientAttribute', attribute))
  if (!isName(value)) return reply.error(errorText('clientLibrary', field))
  if (field === 'lib-name') client.library = value
  else client.libraryVersion = value
  reply.ok()
}

const onOff = (word: string | undefined, on = 'on', off = 'off'): boolean | undefined =>
  word?.toLowerCase() === on ? true : word?.toLowerCase() === off ? false : undefined

const row = { flags: ['noscript', 'loading', 'stale'], categories: ['slow', 'connection'] }

const CLIENT: SentinelCommand = {
  name: 'client',
  arity: -2,
  ...row,
  summary: 'Commands about connections',
  subcommands: [
    {
      name: 'id',
      arity: 2,
      ...row,
      summary: 'ID of this connection',
      run: ({ client, reply }) => reply.int(client.id),
    },
    {
      name: 'info',
      arity: 2,
      ...row,
      summary: 'Describes this connection',
      run: ({ client, reply }) => reply.verbatim('txt', `${clientLine(client)}\n`),
    },
    {
      name: 'list',
      arity: -2,
      ...row,
      summary: 'Describes all connections',
      run: ({ reply, host }) =>
        reply.verbatim('txt', [...host.clients.values()].map((client) => `${clientLine(client)}\n`).join('')),
    },
    {
      name: 'setname',
      arity: 3,
      ...row,
      usage: '<name>',
      summary: 'Names this connection',
      run: ({ client, words, reply }) => {
        if (!isName(words[2]!)) return reply.error(errorText('clientName'))
        client.name = words[2]!
        reply.ok()
      },
    },
    {
      name: 'getname',
      arity: 2,
      ...row,
      summary: 'Name of this connection',
      run: ({ client, reply }) => (client.name === '' ? reply.null() : reply.bulkText(client.name)),
    },
    {
      name: 'setinfo',
      arity: 4,
      ...row,
      usage: '(LIB-NAME|LIB-VER) <value>',
      summary: 'Tells the library in use',
      run: setInfo,
    },
    { name: 'reply', arity: 3, ...row, usage: '(ON|OFF|SKIP)', summary: 'Switches replies', run: clientReply },
    {
      name: 'kill',
      arity: -3,
      ...row,
      usage: '(<ip:port>|<filter> <value> ...)',
      summary: 'Closes connections',
      run: kill,
    },
    {
      name: 'no-evict',
      arity: 3,
      ...row,
      usage: '(ON|OFF)',
      summary: 'Accepted; a sentinel evicts no clients',
      run: ({ client, words, reply }) => {
        const on = onOff(words[2])
        if (on === undefined) return reply.error(errorText('syntax'))
        client.noEvict = on
        reply.ok()
      },
    },
    { name: 'help', arity: 2, ...row, summary: 'Shows this help', run: (call) => help(call, CLIENT) },
  ],
}

function reset({ client, reply, host }: Call): void {
  client.channels.clear()
  client.patterns.clear()
  client.name = ''
  client.resp = 2
  client.replies = 'on'
  client.authenticated = host.password() === ''
  reply.simple('RESET')
}

const open = { open: true, subscribed: true }

export const CONNECTION_COMMANDS: readonly SentinelCommand[] = [
  {
    name: 'ping',
    arity: -1,
    flags: ['fast'],
    categories: ['fast', 'connection'],
    subscribed: true,
    summary: 'Answers PONG',
    run: ping,
  },
  {
    name: 'auth',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth'],
    categories: ['fast', 'connection'],
    open: true,
    summary: 'Logs in',
    run: auth,
  },
  {
    name: 'hello',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth'],
    categories: ['fast', 'connection'],
    open: true,
    summary: 'Chooses the protocol version',
    run: hello,
  },
  CLIENT,
  {
    name: 'quit',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth'],
    categories: ['fast', 'connection'],
    ...open,
    summary: 'Closes the connection',
    run: ({ client, reply }) => {
      reply.ok()
      client.closing = true
    },
  },
  {
    name: 'reset',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth'],
    categories: ['fast', 'connection'],
    ...open,
    summary: 'Resets the connection',
    run: reset,
  },
  {
    name: 'shutdown',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['admin', 'slow', 'dangerous'],
    summary: 'Stops this sentinel',
    run: ({ client, words, reply, host }) => {
      const known = new Set(['nosave', 'save', 'now', 'force'])
      if (words.slice(1).some((word) => !known.has(word.toLowerCase()))) return reply.error(errorText('syntax'))
      client.closing = true
      host.shutdown()
    },
  },
]
