// The HyperLogLog family: strings that estimate how many different elements they have seen (types/hyperloglog.ts).

import { fail } from '../errors.ts'
import { type ByteRange, NO_EXPIRY } from '../keyspace/database.ts'
import {
  CorruptedError,
  copySketch,
  denseRegister,
  describeRuns,
  ESTIMATE_RANGE,
  emptySketch,
  estimate,
  forgetEstimate,
  histogramIn,
  histogramOf,
  isDense,
  isHyperLogLog,
  knownEstimate,
  mergeInto,
  type Place,
  placeOf,
  REGISTERS,
  raise,
  type Sketch,
  setDenseRegister,
  setEstimate,
  toDense,
} from '../types/hyperloglog.ts'
import { STRING_RAW } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { makeRaw } from './bit-strings.ts'
import type { Context } from './context.ts'
import { NOTIFY_STRING } from './effects.ts'
import { keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import { type CommandSpec, keyAt, keysFrom } from './spec.ts'

const PLACE: Place = { index: 0, rank: 0 }

/** The bytes of a string that must be a HyperLogLog. */
function sketchIn(ctx: Context, h: number): ByteRange {
  const value = ctx.db.value(h)
  if (!isHyperLogLog(value.bytes, value.start, value.end)) fail('hllType')
  return value
}

/** Puts a sketch under the key in argument i, whose entry is h, or 0 for a new one. */
function store(ctx: Context, i: number, h: number, { bytes, length }: Sketch): void {
  const { args, db } = ctx
  if (h === 0) {
    notifyNew(ctx, i)
    db.put(args.buffer, args.start(i), args.end(i), bytes, 0, length, STRING_RAW, NO_EXPIRY)
    return
  }
  const to = db.value(db.resize(h, length, STRING_RAW, 0, length))
  bytes.copy(to.bytes, to.start, 0, length)
}

const sparseBytesMax = (ctx: Context): number => ctx.host.config.values['hll-sparse-max-bytes']

function pfadd(ctx: Context): void {
  const { effects, reply } = ctx
  const h = keyToChange(ctx, 1, TYPE_STRING)
  const updates = h === 0 ? addToNew(ctx) : addToOld(ctx, h)
  effects.dirty += updates
  if (updates > 0) notifyKey(ctx, NOTIFY_STRING, 'pfadd', 1)
  reply.int(updates > 0 ? 1 : 0)
}

function addToNew(ctx: Context): number {
  const sketch = emptySketch()
  const updates = 1 + addElements(ctx, sketch)
  forgetEstimate(sketch.bytes, 0)
  store(ctx, 1, 0, sketch)
  return updates
}

function addToOld(ctx: Context, h: number): number {
  const { bytes, start, end } = sketchIn(ctx, h)
  if (isDense(bytes, start)) return addToDense(ctx, h)
  const sketch = copySketch(bytes, start, end)
  const updates = addElements(ctx, sketch)
  if (updates > 0) store(ctx, 1, h, sketch)
  else makeRaw(ctx, h)
  return updates
}

function addElements(ctx: Context, sketch: Sketch): number {
  const { args } = ctx
  const bytesMax = sparseBytesMax(ctx)
  let updates = 0
  for (let i = 2; i < args.count; i++) {
    placeOf(PLACE, args.buffer, args.start(i), args.end(i))
    if (raise(sketch, PLACE.index, PLACE.rank, bytesMax)) updates++
  }
  return updates
}

/** In place: most elements raise no register. */
function addToDense(ctx: Context, h: number): number {
  const { args, db } = ctx
  let updates = 0
  makeRaw(ctx, h)
  const { bytes, start } = db.value(h)
  for (let i = 2; i < args.count; i++) {
    placeOf(PLACE, args.buffer, args.start(i), args.end(i))
    if (denseRegister(bytes, start, PLACE.index) >= PLACE.rank) continue
    if (updates++ === 0) db.mutate(h, STRING_RAW)
    setDenseRegister(bytes, start, PLACE.index, PLACE.rank)
  }
  if (updates > 0) forgetEstimate(bytes, start)
  return updates
}

function pfcount(ctx: Context): void {
  const { reply } = ctx
  if (ctx.args.count > 2) return reply.int(estimate(histogramOf(mergedRegisters(ctx, 1).registers)))
  const h = readKey(ctx, 1, TYPE_STRING)
  if (h === 0) return reply.int(0)
  const { bytes, start, end } = sketchIn(ctx, h)
  const known = knownEstimate(bytes, start)
  if (known !== undefined) return reply.int(known)
  const n = estimate(histogramIn(bytes, start, end))
  remember(ctx, h, n)
  reply.int(n)
}

/** Keeps the estimate in the value, also on replicas; a replica itself leaves its data to its primary. */
function remember(ctx: Context, h: number, n: number | bigint): void {
  const { db, effects, host, session } = ctx
  if (host.replication.isReplica() && !session.isPrimary) return
  db.mutate(h, STRING_RAW, ...ESTIMATE_RANGE)
  const { bytes, start } = db.value(h)
  setEstimate(bytes, start, n)
  effects.dirty++
}

/** The highest of each register of those under the keys from argument `from` on, and whether any of them is dense. */
function mergedRegisters(ctx: Context, from: number): { registers: Uint8Array; dense: boolean } {
  const registers = new Uint8Array(REGISTERS)
  let dense = false
  for (let i = from; i < ctx.args.count; i++) {
    const h = readKey(ctx, i, TYPE_STRING)
    if (h === 0) continue
    const { bytes, start, end } = sketchIn(ctx, h)
    dense ||= isDense(bytes, start)
    mergeInto(registers, bytes, start, end)
  }
  return { registers, dense }
}

function pfmerge(ctx: Context): void {
  const { effects, reply } = ctx
  const { registers, dense } = mergedRegisters(ctx, 1)
  const h = keyToChange(ctx, 1, TYPE_STRING)
  const sketch = h === 0 ? emptySketch() : copyOf(ctx, h)
  if (dense) toDense(sketch)
  const bytesMax = sparseBytesMax(ctx)
  registers.forEach((rank, index) => {
    if (rank > 0) raise(sketch, index, rank, bytesMax)
  })
  forgetEstimate(sketch.bytes, 0)
  store(ctx, 1, h, sketch)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STRING, 'pfadd', 1)
  reply.ok()
}

function copyOf(ctx: Context, h: number): Sketch {
  const { bytes, start, end } = ctx.db.value(h)
  return copySketch(bytes, start, end)
}

// ---- for debugging ----

function pfdebug(ctx: Context): void {
  const { args, reply } = ctx
  const h = keyToChange(ctx, 2, TYPE_STRING)
  if (h === 0) fail('hllKey')
  sketchIn(ctx, h)
  makeRaw(ctx, h)
  if (args.is(1, 'getreg')) return replyRegisters(ctx, h)
  if (args.is(1, 'todense')) return reply.int(convert(ctx, h) ? 1 : 0)
  const { bytes, start, end } = ctx.db.value(h)
  const dense = isDense(bytes, start)
  if (args.is(1, 'encoding')) return reply.simple(dense ? 'dense' : 'sparse')
  if (!args.is(1, 'decode')) fail('pfdebugSubcommand', args.str(1))
  if (dense) fail('hllNotSparse')
  reply.bulkText(describeRuns(bytes, start, end))
}

function replyRegisters(ctx: Context, h: number): void {
  const registers = new Uint8Array(REGISTERS)
  const { bytes, start, end } = ctx.db.value(h)
  mergeInto(registers, bytes, start, end)
  convert(ctx, h)
  ctx.reply.array(REGISTERS)
  for (const register of registers) ctx.reply.int(register)
}

/** Makes the value dense; whether it was not. */
function convert(ctx: Context, h: number): boolean {
  const { bytes, start } = ctx.db.value(h)
  if (isDense(bytes, start)) return false
  const sketch = copyOf(ctx, h)
  toDense(sketch)
  store(ctx, 2, h, sketch)
  ctx.effects.dirty++
  return true
}

/** Elements of the self-test: enough for dense ones, and some milliseconds. */
const TEST_ELEMENTS = 100_000

/** Adds elements to a dense and a sparse one: both must agree, and be as near as they promise. */
function pfselftest(ctx: Context): void {
  const sparse = emptySketch()
  const dense = emptySketch()
  toDense(dense)
  const element = Buffer.alloc(8)
  element.writeUInt32LE(ctx.host.random.uint32(), 4)
  for (let n = 1, checkpoint = 1; n <= TEST_ELEMENTS; n++) {
    element.writeUInt32LE(n, 0)
    placeOf(PLACE, element, 0, element.length)
    raise(sparse, PLACE.index, PLACE.rank, sparseBytesMax(ctx))
    raise(dense, PLACE.index, PLACE.rank, 0)
    if (n < checkpoint) continue
    const counted = Number(estimate(histogramIn(dense.bytes, 0, dense.length)))
    if (counted !== Number(estimate(histogramIn(sparse.bytes, 0, sparse.length)))) fail('hllTestDisagree')
    const error = Math.abs(counted - n)
    if (error > Math.max(1, Math.ceil(n * 6 * (1.04 / Math.sqrt(REGISTERS))))) fail('hllTestError', n, error)
    checkpoint *= 10
  }
  ctx.reply.ok()
}

/** A command that refuses corrupted values: nothing is replied or changed before all are known to be whole. */
function refusingCorrupted(run: (ctx: Context) => void): (ctx: Context) => void {
  return (ctx) => {
    try {
      run(ctx)
    } catch (error) {
      if (error instanceof CorruptedError) fail('hllCorrupted')
      throw error
    }
  }
}

/** The HyperLogLog family. */
export const HYPERLOGLOG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'pfadd',
    summary: 'Adds elements to a HyperLogLog; tells whether its estimate may have changed.',
    since: '2.8.9',
    group: 'hyperloglog',
    complexity: 'O(1) for each element.',
    arity: -2,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    arguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      { name: 'element', type: 'string', optional: true, multiple: true },
    ],
    run: refusingCorrupted(pfadd),
  },
  {
    name: 'pfcount',
    summary: 'Estimates how many different elements one HyperLogLog, or several together, have seen.',
    since: '2.8.9',
    group: 'hyperloglog',
    complexity: 'O(1) for one key, from memory if nothing was added; O(N) for several.',
    arity: -2,
    flags: ['readonly', 'may_replicate'],
    keys: [{ ...keysFrom(1, 1, 'RW', 'access'), notes: 'The estimate is kept in the value, on replicas too' }],
    arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, multiple: true }],
    run: refusingCorrupted(pfcount),
  },
  {
    name: 'pfmerge',
    summary: 'Merges HyperLogLogs into one.',
    since: '2.8.9',
    group: 'hyperloglog',
    complexity: 'O(N), N being the number of keys.',
    arity: -2,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'insert'), keysFrom(2, 1, 'RO', 'access')],
    arguments: [
      { name: 'destkey', type: 'key', keySpecIndex: 0 },
      { name: 'sourcekey', type: 'key', keySpecIndex: 1, multiple: true },
    ],
    run: refusingCorrupted(pfmerge),
  },
  {
    name: 'pfdebug',
    summary: 'Shows the inside of a HyperLogLog.',
    since: '2.8.9',
    group: 'hyperloglog',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'admin'],
    keys: [keyAt(2, 'RW', 'access')],
    arguments: [
      { name: 'subcommand', type: 'string' },
      { name: 'key', type: 'key', keySpecIndex: 0 },
    ],
    system: true,
    run: refusingCorrupted(pfdebug),
  },
  {
    name: 'pfselftest',
    summary: 'Tests that HyperLogLogs estimate as well as they promise.',
    since: '2.8.9',
    group: 'hyperloglog',
    complexity: 'O(1)',
    arity: 1,
    flags: ['admin'],
    system: true,
    run: pfselftest,
  },
]
