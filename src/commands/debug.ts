// DEBUG: what tests and people who look for a fault ask of a server. Only for those whom `enable-debug-command` trusts.

import { dumpValue } from '../codec/dump.ts'
import { memoryOf } from '../config/values.ts'
import { fail } from '../errors.ts'
import { replyHelp } from '../facade/commands/help.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import { idleSeconds } from '../keyspace/uses.ts'
import { parseDouble } from '../lib/decimal.ts'
import { globMatch } from '../lib/glob.ts'
import { stringEncodingOf, stringRefcount } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import type { Context } from './context.ts'
import { Digest, digestAll, digestValue } from './digest.ts'
import type { CommandSpec } from './spec.ts'
import { isTrusted } from './trust.ts'

interface DebugCommand {
  /** Number of arguments, DEBUG itself included: at least and at most. */
  readonly count: readonly [min: number, max: number]
  /** As HELP shows it: the arguments, and a line on what it does. */
  readonly help: readonly [args: string, what: string]
  run(ctx: Context): void
}

/** What is not zero when C reads it as a number is yes. */
const flagOf = (ctx: Context, i: number): boolean => (Number.parseInt(ctx.args.str(i), 10) || 0) !== 0

/** Seconds in argument i as C's strtod reads them: what is no number is 0. */
function secondsOf(ctx: Context, i: number): number {
  const seconds = parseDouble(ctx.args.str(i)) ?? 0
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0
}

function countOf(ctx: Context, i: number): number {
  const n = ctx.args.int64(i) ?? fail('outOfRangePositive')
  return n < 0n || n > BigInt(Number.MAX_SAFE_INTEGER) ? fail('outOfRangePositive') : Number(n)
}

/** The entry of the key in argument i, also of one that has expired. */
function entryOf(ctx: Context, i: number): number {
  const { args, db } = ctx
  return db.peek(args.buffer, args.start(i), args.end(i)) || fail('noSuchKey')
}

function digestValues(ctx: Context): void {
  const { args, db, reply } = ctx
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) {
    const digest = new Digest()
    const h = db.peek(args.buffer, args.start(i), args.end(i))
    if (h !== 0) digestValue(db, h, digest)
    reply.simple(digest.hex)
  }
}

function object(ctx: Context): void {
  const { db, host, keyspace, reply } = ctx
  const h = entryOf(ctx, 2)
  // A payload is the type's byte, the value, and ten bytes of version and checksum.
  const length = dumpValue(db.kind(h), db.source(h), host.config.values.rdbcompression).length - 11
  const idle = keyspace.frequencies === undefined ? idleSeconds(keyspace, db, h) : 0
  const { bytes, start, end } = db.source(h)
  const refcount = db.type(h) === TYPE_STRING ? stringRefcount(db.encoding(h), bytes, start, end) : 1
  reply.simple(
    `Value at:0x${h.toString(16)} refcount:${refcount} ` +
      `encoding:${db.encodingName(h)} serializedlength:${length} lru:${db.clock(h)} lru_seconds_idle:${idle}`,
  )
}

function populate(ctx: Context): void {
  const { args, db, host, reply } = ctx
  const count = countOf(ctx, 2)
  const prefix = args.count > 3 ? args.bytes(3) : Buffer.from('key')
  const size = args.count > 4 ? countOf(ctx, 4) : 0
  if (size > host.config.values['proto-max-bulk-len']) fail('stringTooLong')
  for (let i = 0; i < count; i++) {
    const key = Buffer.concat([prefix, Buffer.from(`:${i}`)])
    if (db.find(key, 0, key.length) !== 0) continue
    const text = Buffer.from(`value:${i}`)
    const value = size === 0 ? text : Buffer.alloc(size)
    if (size !== 0) text.copy(value)
    db.put(key, 0, key.length, value, 0, value.length, stringEncodingOf(value, 0, value.length), NO_EXPIRY)
  }
  reply.ok()
}

const BIG_NUMBER = '1234567999999999999999999999999999999'

/** A reply of each kind, for those who write clients. */
const SAMPLES: Readonly<Record<string, (ctx: Context) => void>> = {
  string: ({ reply }) => reply.bulkText('Hello World'),
  integer: ({ reply }) => reply.int(12345),
  double: ({ reply }) => reply.double('3.141'),
  bignum: ({ reply }) => (reply.resp === 3 ? reply.raw(Buffer.from(`(${BIG_NUMBER}\r\n`)) : reply.bulkText(BIG_NUMBER)),
  null: ({ reply }) => reply.null(),
  array: ({ reply }) => {
    reply.array(3)
    for (let i = 0; i < 3; i++) reply.int(i)
  },
  set: ({ reply }) => {
    reply.set(3)
    for (let i = 0; i < 3; i++) reply.int(i)
  },
  map: ({ reply }) => {
    reply.map(3)
    for (let i = 0; i < 3; i++) {
      reply.int(i)
      reply.bool(i === 1)
    }
  },
  attrib: ({ reply }) => {
    if (reply.resp === 3) {
      reply.raw(Buffer.from('|1\r\n'))
      reply.bulkText('key-popularity')
      reply.array(2)
      reply.bulkText('key:123')
      reply.int(90)
    }
    reply.bulkText('Some real reply following the attribute')
  },
  push: ({ reply }) => {
    if (reply.resp === 2) fail('debugResp2')
    reply.push(2)
    reply.bulkText('server-cpu-usage')
    reply.int(42)
    reply.bulkText('Some real reply following the push reply')
  },
  verbatim: ({ reply }) => reply.verbatim('txt', 'This is a verbatim\nstring'),
  true: ({ reply }) => reply.bool(true),
  false: ({ reply }) => reply.bool(false),
}

function protocol(ctx: Context): void {
  const sample = ctx.args.len(2) > 16 ? undefined : own(SAMPLES, ctx.args.str(2).toLowerCase())
  if (sample === undefined) {
    fail('debugProtocol', Object.keys(SAMPLES).join('|'))
  }
  sample(ctx)
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function reload(ctx: Context): void {
  const { args, host, reply } = ctx
  const how = { save: true, flush: true, merge: false }
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'merge')) how.merge = true
    else if (args.is(i, 'noflush')) how.flush = false
    else if (args.is(i, 'nosave')) how.save = false
    else fail('debugReload')
  }
  host.persistence.reload(how)
  host.log('DB reloaded by DEBUG RELOAD')
  reply.ok()
}

function replicate(ctx: Context): void {
  ctx.effects.replicateList(ctx.args.copyAll(2))
  ctx.reply.ok()
}

function packedThreshold(ctx: Context): void {
  const bytes = memoryOf(ctx.args.str(2))
  if (bytes === undefined || bytes >= 2n ** 32n) {
    fail('debugMemory')
  }
  ctx.host.debug.packedThresholdBytes = Number(bytes)
  ctx.reply.ok()
}

const COMMANDS: Readonly<Record<string, DebugCommand>> = {
  'change-repl-id': {
    count: [2, 2],
    help: ['', 'Gives the history of writes a new replication ID, so that replicas copy everything anew.'],
    run: ({ host, reply }) => {
      host.log('Changing replication IDs after receiving DEBUG change-repl-id')
      host.replication.changeId()
      reply.ok()
    },
  },
  'config-rewrite-force-all': {
    count: [2, 2],
    help: ['', 'Writes every option into the configuration file.'],
    run: ({ host, reply }) => {
      host.rewriteConfig(true)
      reply.ok()
    },
  },
  digest: {
    count: [2, 2],
    help: ['', 'Tells a signature of all data; equal data have equal ones.'],
    run: ({ keyspace, reply }) => reply.simple(digestAll(keyspace).hex),
  },
  'digest-value': {
    count: [2, Number.POSITIVE_INFINITY],
    help: ['<key> [<key> ...]', 'Tells the signature of the value of each key.'],
    run: digestValues,
  },
  error: {
    count: [3, 3],
    help: ['<text>', 'Answers with an error of this text.'],
    run: ({ args, reply }) => reply.error(args.str(2)),
  },
  log: {
    count: [3, 3],
    help: ['<text>', 'Writes a line to the log.'],
    run: ({ args, host, reply }) => {
      host.log(`DEBUG LOG: ${args.bytes(2).toString('utf8', 0, 8192)}`)
      reply.ok()
    },
  },
  object: {
    count: [3, 3],
    help: ['<key>', 'Tells how the value of the key is stored.'],
    run: object,
  },
  'pause-cron': {
    count: [3, 3],
    help: ['<0|1>', 'Stops what the server does ten times a second, or goes on with it.'],
    run: (ctx) => {
      ctx.host.debug.cronPaused = flagOf(ctx, 2)
      ctx.reply.ok()
    },
  },
  populate: {
    count: [3, 5],
    help: ['<count> [<prefix>] [<size>]', 'Makes so many keys that are not there yet; replicas do not get them.'],
    run: populate,
  },
  protocol: {
    count: [3, 3],
    help: ['<type>', `Answers with a reply of this type: ${Object.keys(SAMPLES).join(', ')}.`],
    run: protocol,
  },
  loadaof: {
    count: [2, 2],
    help: ['', 'Writes out what is to be appended to the log, and loads it in place of the data.'],
    run: ({ host, reply }) => {
      host.appendOnly.loadLog()
      reply.ok()
    },
  },
  'quicklist-packed-threshold': {
    count: [3, 3],
    help: ['<size>', 'Sets from which size on an element of a list has a node of its own; 0: as usual.'],
    run: packedThreshold,
  },
  reload: {
    count: [2, Number.POSITIVE_INFINITY],
    help: ['[MERGE] [NOFLUSH] [NOSAVE]', 'Writes a snapshot and loads it in place of the data.'],
    run: reload,
  },
  replicate: {
    count: [3, Number.POSITIVE_INFINITY],
    help: ['<command> [<arg> ...]', 'Sends a command to the replicas that is not run here.'],
    run: replicate,
  },
  segfault: {
    count: [2, 2],
    help: ['', 'Ends the process as a crash would.'],
    run: ({ host }) => host.crash(),
  },
  replybuffer: {
    count: [4, 4],
    help: ['<PEAK-RESET-TIME|RESIZING> <value>', 'Does nothing: connections have no buffers of their own for replies.'],
    run: (ctx) => ctx.reply.ok(),
  },
  'set-active-expire': {
    count: [3, 3],
    help: ['<0|1>', 'Says whether keys whose time is over are looked for, or deleted only when met.'],
    run: (ctx) => {
      ctx.host.setActiveExpire(flagOf(ctx, 2))
      ctx.reply.ok()
    },
  },
  'set-disable-deny-scripts': {
    count: [3, 3],
    help: ['<0|1>', 'Says whether scripts may call commands that are not for them, too.'],
    run: (ctx) => {
      ctx.host.debug.scriptsCallAll = flagOf(ctx, 2)
      ctx.reply.ok()
    },
  },
  'set-skip-checksum-validation': {
    count: [3, 3],
    help: ['<0|1>', 'Says whether the checksums of snapshots and of payloads for RESTORE are looked at.'],
    run: (ctx) => {
      ctx.host.debug.skipChecksums = flagOf(ctx, 2)
      ctx.reply.ok()
    },
  },
  sleep: {
    count: [3, 3],
    help: ['<seconds>', 'Stops the whole server for so long; fractions are allowed.'],
    run: (ctx) => {
      ctx.host.sleep(secondsOf(ctx, 2) * 1000)
      ctx.reply.ok()
    },
  },
  'stringmatch-len': {
    count: [4, 4],
    help: ['<pattern> <text>', 'Tells whether the text matches the glob pattern.'],
    run: ({ args, reply }) => reply.int(globMatch(args.bytes(2), args.bytes(3)) ? 1 : 0),
  },
}

const HELP = [
  'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  ...Object.entries(COMMANDS).flatMap(
    ([
      name,
      {
        help: [args, what],
      },
    ]) => [`${name.toUpperCase()} ${args}`.trim(), `    ${what}`],
  ),
  'HELP',
  '    Lists the subcommands.',
]

const NAME_BYTES_MAX = 64

function debug(ctx: Context): void {
  const { args, host, session } = ctx
  if (!isTrusted(host.config.values['enable-debug-command'], session)) fail('debugNotAllowed')
  if (args.count === 2 && args.is(1, 'help')) return replyHelp(ctx, HELP)
  const known = args.len(1) <= NAME_BYTES_MAX
  const command = known ? own(COMMANDS, args.str(1).toLowerCase()) : undefined
  if (command === undefined || args.count < command.count[0] || args.count > command.count[1]) {
    fail('subcommandSyntax', args.bytes(1).toString('utf8', 0, 128), 'DEBUG')
  }
  command.run(ctx)
}

/** DEBUG. */
export const DEBUG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'debug',
    summary: 'Commands for debugging and tests.',
    since: '1.0.0',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    system: true,
    run: debug,
  },
]
