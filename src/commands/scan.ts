// The generic family: walking over the keys of a database.

import { fail } from '../errors.ts'
import { globMatch } from '../lib/glob.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

const CURSOR = /^[+-]?\d{1,20}$/
const UINT64_MAX = 2n ** 64n - 1n
const COUNT_DEFAULT = 10
/**
 * Steps of the walk for each key asked for, and in any case: what an almost empty table may cost a call. With as many as a
 * segment has slots, a call meets all keys of a small database.
 */
const STEPS_PER_KEY = 10
const STEPS_MIN = 1024
/** Tries of RANDOMKEY where every key may be over its time and none may be deleted: on a replica, or in a pause. */
const RANDOM_TRIES_MAX = 100

function keys(ctx: Context): void {
  const { args, db, reply } = ctx
  const pattern = args.bytes(1)
  const all = isStar(pattern)
  const mark = reply.pos
  let count = 0
  db.forEach((h) => {
    if (db.isExpired(h)) return
    const { bytes, start, end } = db.key(h)
    if (!all && !globMatch(pattern, bytes, false, start, end)) return
    reply.bulk(bytes, start, end)
    count++
  })
  reply.arrayAt(mark, count)
  ctx.effects.visited = db.size
}

/** Whether a pattern matches everything. */
export function isStar(pattern: Uint8Array): boolean {
  return pattern.length === 1 && pattern[0] === 0x2a
}

interface ScanOptions {
  readonly count: number
  readonly pattern: Buffer | undefined
  /** Only keys of this type; a name that is no type matches nothing. */
  readonly type: string | undefined
}

function scan(ctx: Context): void {
  const { db, reply } = ctx
  let cursor = cursorOf(ctx.args.latin1(1))
  const { count, pattern, type } = parseScanOptions(ctx)
  const found: number[] = []
  let steps = Math.max(count * STEPS_PER_KEY, STEPS_MIN)
  do {
    cursor = db.scan(cursor, (h) => {
      found.push(h)
    })
  } while (cursor !== 0 && found.length < count && steps-- > 0)

  reply.array(2)
  reply.bulkInt(cursor)
  const mark = reply.pos
  let replied = 0
  for (const h of found) {
    const { bytes, start, end } = db.key(h)
    if (pattern !== undefined && !globMatch(pattern, bytes, false, start, end)) continue
    if (type !== undefined && db.valueType(h).name !== type) continue
    // Looked up, so that a key whose time is over goes; that moves no other entry.
    if (db.isExpired(h) && db.find(bytes, start, end) === 0) continue
    reply.bulk(bytes, start, end)
    replied++
  }
  reply.arrayAt(mark, replied)
}

/** A cursor as strtoul reads it. Ours are below 2⁴⁶; whatever else a client sends ends the walk at once. */
export function cursorOf(text: string): number {
  if (text === '') return 0
  if (!CURSOR.test(text)) fail('invalidCursor')
  const n = BigInt(text)
  if (n > UINT64_MAX || n < -UINT64_MAX) fail('invalidCursor')
  return Number(BigInt.asUintN(64, n))
}

function parseScanOptions(ctx: Context): ScanOptions {
  const { args } = ctx
  let count = COUNT_DEFAULT
  let pattern: Buffer | undefined
  let type: string | undefined
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 === args.count) fail('syntax')
    if (args.is(i, 'count')) count = Number(integerArgument(ctx, i + 1))
    else if (args.is(i, 'match')) pattern = args.bytes(i + 1)
    else if (args.is(i, 'type')) type = args.latin1(i + 1).toLowerCase()
    else fail('syntax')
    if (count < 1) fail('syntax')
  }
  return { count, pattern: pattern === undefined || isStar(pattern) ? undefined : pattern, type }
}

function randomkey(ctx: Context): void {
  const { db, host, keyspace, reply } = ctx
  const mayDelete = keyspace.expiry === 'delete' && !keyspace.paused
  for (let tries = 0; ; tries++) {
    const h = db.sample(host.random)
    if (h === 0) return reply.null()
    const { bytes, start, end } = db.key(h)
    if (!db.isExpired(h) || (!mayDelete && tries >= RANDOM_TRIES_MAX)) return reply.bulk(bytes, start, end)
    // Deletes the key, if this server may.
    db.find(bytes, start, end)
  }
}

/** The generic family: walks over the keys. */
export const SCAN_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'keys',
    summary: 'Returns all keys of the database that match a pattern.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(N), N being the number of keys in the database.',
    arity: 2,
    flags: ['readonly'],
    categories: ['dangerous'],
    tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
    arguments: [{ name: 'pattern', type: 'pattern' }],
    run: keys,
  },
  {
    name: 'scan',
    summary: 'Returns some keys of the database and a cursor for the next call.',
    since: '2.8.0',
    group: 'generic',
    complexity: 'O(1) a call, O(N) for the whole walk, N being the number of keys in the database.',
    arity: -2,
    flags: ['readonly'],
    tips: ['nondeterministic_output', 'request_policy:special'],
    arguments: [
      { name: 'cursor', type: 'integer' },
      { name: 'pattern', type: 'pattern', token: 'MATCH', optional: true },
      { name: 'count', type: 'integer', token: 'COUNT', optional: true },
      { name: 'type', type: 'string', token: 'TYPE', since: '6.0.0', optional: true },
    ],
    history: [['6.0.0', 'Option `TYPE`.']],
    run: scan,
  },
  {
    name: 'randomkey',
    summary: 'Returns one of the keys of the database.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 1,
    flags: ['readonly'],
    tips: ['request_policy:all_shards', 'nondeterministic_output'],
    run: randomkey,
  },
]
