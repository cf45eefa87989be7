// DUMP and RESTORE: a value as a checksummed payload that any server of the Redis family takes.

import { dumpValue, readDump } from '../codec/dump.ts'
import { fail } from '../errors.ts'
import { ANY_TYPE, NO_EXPIRY } from '../keyspace/database.ts'
import { FREQUENCY_MAX } from '../keyspace/frequencies.ts'
import { restoreUse } from '../keyspace/uses.ts'
import { integerArgument, timeText } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC } from './effects.ts'
import { keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt } from './spec.ts'

function dump(ctx: Context): void {
  const { db, host, reply } = ctx
  const h = readKey(ctx, 1, ANY_TYPE)
  if (h === 0) return reply.null()
  reply.bulk(dumpValue(db.kind(h), db.source(h), host.config.values.rdbcompression))
}

interface RestoreOptions {
  replace: boolean
  /** The time to live is a point in time. */
  absolute: boolean
  /** -1 if not given. */
  idleSeconds: number
  frequency: number
}

function restore(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const options = parseOptions(ctx)
  const old = keyToChange(ctx, 1, ANY_TYPE)
  if (old !== 0 && !options.replace) fail('busyKey')
  const expiryMs = expiryOf(ctx, options.absolute)
  const { keyspace } = ctx
  const content = readDump(buffer, args.start(3), args.end(3), {
    build: keyspace,
    verify: !ctx.host.debug.skipChecksums,
  })
  if (content.fault === 'checksum') fail('dumpVersion')
  if (content.fault === 'format') {
    ctx.host.log(`Bad data format in RESTORE: ${content.message}`)
    fail('badDump')
  }
  if (content.fault !== undefined) fail('failed', content.message)

  if (expiryMs !== NO_EXPIRY && expiryMs <= ctx.nowMs && keyspace.expiry === 'delete') {
    keyspace.releaseBuilt(content)
    if (old !== 0) removeOld(ctx, old)
    return reply.ok()
  }
  notifyNew(ctx, 1)
  const h = db.putBuilt(buffer, args.start(1), args.end(1), content, expiryMs)
  db.setClock(h, keyspace.clock)
  restoreUse(keyspace, db, h, options.idleSeconds, options.frequency)
  effects.dirty++
  if (expiryMs !== NO_EXPIRY && !options.absolute) replicateAbsolute(ctx, expiryMs)
  notifyKey(ctx, NOTIFY_GENERIC, 'restore', 1)
  reply.ok()
}

function parseOptions(ctx: Context): RestoreOptions {
  const { args } = ctx
  const options: RestoreOptions = { replace: false, absolute: false, idleSeconds: -1, frequency: -1 }
  for (let i = 4; i < args.count; i++) {
    const valueFollows = i + 1 < args.count
    if (args.is(i, 'replace')) {
      options.replace = true
    } else if (args.is(i, 'absttl')) {
      options.absolute = true
    } else if (args.is(i, 'idletime') && valueFollows && options.frequency < 0) {
      const seconds = integerArgument(ctx, ++i)
      if (seconds < 0n) fail('invalidIdle')
      options.idleSeconds = Number(seconds)
    } else if (args.is(i, 'freq') && valueFollows && options.idleSeconds < 0) {
      const frequency = integerArgument(ctx, ++i)
      if (frequency < 0n || frequency > BigInt(FREQUENCY_MAX)) fail('invalidFreq')
      options.frequency = Number(frequency)
    } else {
      fail('syntax')
    }
  }
  return options
}

/** The expiry in argument 2, as a Unix time in milliseconds; 0 is no expiry. */
function expiryOf(ctx: Context, absolute: boolean): number {
  const ttl = integerArgument(ctx, 2)
  if (ttl < 0n) fail('invalidTtl')
  if (ttl === 0n) return NO_EXPIRY
  return Number(ttl) + (absolute ? 0 : ctx.nowMs)
}

function removeOld(ctx: Context, old: number): void {
  const { args, db, effects } = ctx
  db.remove(old)
  effects.dirty++
  effects.replicate('DEL', args.bytes(1))
  notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
}

function replicateAbsolute(ctx: Context, expiryMs: number): void {
  const { args, effects } = ctx
  const argv: (string | Uint8Array)[] = args.copyAll()
  argv[2] = timeText(expiryMs)
  effects.replicateList([...argv, 'ABSTTL'])
}

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }

const RESTORE: CommandSpec = {
  name: 'restore',
  summary: 'Creates a key from a payload that DUMP returned.',
  since: '2.6.0',
  group: 'generic',
  complexity: 'O(N), N being the size of the value.',
  arity: -4,
  flags: ['write', 'denyoom'],
  categories: ['dangerous'],
  keys: [keyAt(1, 'OW', 'update')],
  arguments: [
    KEY,
    { name: 'ttl', type: 'integer' },
    { name: 'serialized-value', type: 'string' },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', since: '3.0.0', optional: true },
    { name: 'absttl', type: 'pure-token', token: 'ABSTTL', since: '5.0.0', optional: true },
    { name: 'seconds', type: 'integer', token: 'IDLETIME', since: '5.0.0', optional: true },
    { name: 'frequency', type: 'integer', token: 'FREQ', since: '5.0.0', optional: true },
  ],
  history: [
    ['3.0.0', 'Option `REPLACE`.'],
    ['5.0.0', 'Option `ABSTTL`.'],
    ['5.0.0', 'Options `IDLETIME` and `FREQ`.'],
  ],
  run: restore,
}

/** DUMP and RESTORE. */
export const DUMP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dump',
    summary: 'Returns the value of a key as a payload for RESTORE.',
    since: '2.6.0',
    group: 'generic',
    complexity: 'O(N), N being the size of the value.',
    arity: 2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    tips: ['nondeterministic_output'],
    arguments: [KEY],
    run: dump,
  },
  RESTORE,
  {
    ...RESTORE,
    name: 'restore-asking',
    summary: 'RESTORE, as nodes of a cluster send it to each other.',
    group: 'server',
    categories: ['keyspace', 'dangerous'],
    since: '3.0.0',
    flags: ['write', 'denyoom', 'asking'],
    system: true,
  },
]
