// MIGRATE: keys move to another server. What is sent and what is removed is decided here; the connection is the host's.
//
// Redis stands still until the other server has answered. Here only the client that asked waits, so a key may change meanwhile.
// Invariant: a key is removed only while it holds exactly what the other server has acknowledged.

import { dumpValue } from '../codec/dump.ts'
import { fail } from '../errors.ts'
import { ANY_TYPE, type Database, NO_EXPIRY } from '../keyspace/database.ts'
import { integerArgument } from './arguments.ts'
import type { Context, MigrateOrder } from './context.ts'
import { type Effects, NOTIFY_GENERIC } from './effects.ts'
import { type CommandSpec, keyAt } from './spec.ts'

const DEFAULT_TIMEOUT_MS = 1000
const FIRST_OPTION = 6

/** A key as it was sent. */
export interface SentKey {
  readonly key: Buffer
  readonly payload: Uint8Array
  readonly expiryMs: number
}

function migrate(ctx: Context): void {
  const { db, host, reply, session } = ctx
  const order = parseOrder(ctx)
  const keys = order.keys.filter((key) => db.read(key, 0, key.length, ANY_TYPE) !== 0)
  if (keys.length === 0) return reply.simple('NOKEY')
  if (ctx.inExec || session.isPrimary) fail('migrateWaits')
  host.migrate(session, db.index, { ...order, keys })
}

function parseOrder(ctx: Context): MigrateOrder {
  const { args } = ctx
  const order = { copy: false, replace: false, auth: [] as Buffer[], keys: [args.copy(3)] }
  for (let i = FIRST_OPTION; i < args.count; i++) {
    const more = args.count - i - 1
    if (args.is(i, 'copy')) order.copy = true
    else if (args.is(i, 'replace')) order.replace = true
    else if (args.is(i, 'auth')) order.auth = authArguments(ctx, ++i, 1)
    else if (args.is(i, 'auth2')) {
      order.auth = authArguments(ctx, i + 1, 2)
      i += 2
    } else if (args.is(i, 'keys')) {
      if (args.len(3) !== 0) fail('migrateKeys')
      if (more > 0) order.keys = args.copyAll(i + 1)
      break
    } else fail('syntax')
  }
  const timeoutMs = Number(integerArgument(ctx, 5))
  const db = Number(integerArgument(ctx, 4))
  const address = { host: args.str(1), port: Number(args.str(2)) }
  return { ...order, ...address, db, timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS }
}

function authArguments({ args }: Context, i: number, count: number): Buffer[] {
  if (i + count > args.count) fail('syntax')
  return Array.from({ length: count }, (_, k) => args.copy(i + k))
}

/** What a key holds now; undefined if there is none. */
export function readToSend(db: Database, key: Buffer, compress: boolean): SentKey | undefined {
  const h = db.find(key, 0, key.length)
  if (h === 0) return undefined
  return { key, payload: dumpValue(db.kind(h), db.source(h), compress), expiryMs: db.expiryMs(h) }
}

/** The command that makes the key on the other server. */
export function restoreCommand({ key, payload, expiryMs }: SentKey, replace: boolean, nowMs: number): Uint8Array[] {
  const ttl = expiryMs === NO_EXPIRY ? 0 : Math.max(1, expiryMs - nowMs)
  const options = replace ? [Buffer.from('REPLACE')] : []
  return [Buffer.from('RESTORE'), key, Buffer.from(String(ttl)), payload, ...options]
}

/** Removes those of the keys that are still what was sent; those that are not stay, and come back. */
export function removeSent(db: Database, effects: Effects, sent: readonly SentKey[], compress: boolean): SentKey[] {
  const changed: SentKey[] = []
  const removed: Buffer[] = []
  for (const one of sent) {
    const now = readToSend(db, one.key, compress)
    if (now === undefined) continue
    if (now.expiryMs !== one.expiryMs || Buffer.compare(now.payload, one.payload) !== 0) {
      changed.push(one)
      continue
    }
    db.remove(db.find(one.key, 0, one.key.length))
    effects.notify(db.index, NOTIFY_GENERIC, 'del', one.key)
    removed.push(one.key)
  }
  if (removed.length > 0) effects.replicateList(['DEL', ...removed])
  effects.dirty += removed.length
  return changed
}

/** MIGRATE. */
export const MIGRATE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'migrate',
    summary: 'Moves keys to another server.',
    since: '2.6.0',
    group: 'generic',
    complexity: 'O(N), N being the size of the values, here and there.',
    arity: -6,
    flags: ['write', 'movablekeys'],
    categories: ['dangerous'],
    keys: [
      keyAt(3, 'RW', 'access', 'delete'),
      {
        flags: ['RW', 'access', 'delete', 'incomplete'],
        begin: { keyword: 'KEYS', startFrom: -2 },
        find: { last: -1, step: 1, limit: 0 },
      },
    ],
    tips: ['nondeterministic_output'],
    arguments: [
      { name: 'host', type: 'string' },
      { name: 'port', type: 'integer' },
      {
        name: 'key_or_empty_string',
        type: 'oneof',
        arguments: [
          { name: 'key', type: 'key', keySpecIndex: 0 },
          { name: 'empty_string', type: 'pure-token', token: '' },
        ],
      },
      { name: 'destination-db', type: 'integer' },
      { name: 'timeout', type: 'integer' },
      { name: 'copy', type: 'pure-token', token: 'COPY', since: '3.0.0', optional: true },
      { name: 'replace', type: 'pure-token', token: 'REPLACE', since: '3.0.0', optional: true },
      {
        name: 'authentication',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'password', type: 'string', token: 'AUTH', since: '4.0.7', optional: true },
          {
            name: 'username_password',
            type: 'block',
            token: 'AUTH2',
            since: '6.0.0',
            optional: true,
            arguments: [
              { name: 'username', type: 'string' },
              { name: 'password', type: 'string' },
            ],
          },
        ],
      },
      {
        name: 'key',
        type: 'key',
        keySpecIndex: 1,
        token: 'KEYS',
        since: '3.0.6',
        optional: true,
        multiple: true,
      },
    ],
    history: [
      ['3.0.0', 'Options `COPY` and `REPLACE`.'],
      ['3.0.6', 'Option `KEYS`.'],
      ['4.0.7', 'Option `AUTH`.'],
      ['6.0.0', 'Option `AUTH2`.'],
    ],
    run: migrate,
  },
]
