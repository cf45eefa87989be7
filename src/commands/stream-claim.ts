// XCLAIM and XAUTOCLAIM: pending entries get another consumer.

import { fail } from '../errors.ts'
import { compareIds, makeStreamId, parseId, STREAM_ID_MIN, type StreamId } from '../lib/stream-id.ts'
import { streamEntry } from '../store/stream.ts'
import {
  findGroup,
  findPending,
  groupLast,
  groupToChange,
  makePending,
  type Pending,
  removePending,
  setGroupLast,
  setPending,
  visitPending,
} from '../store/stream-groups.ts'
import { TYPE_STREAM } from '../types/value-type.ts'
import type { Context } from './context.ts'
import { keyToChange } from './lookup.ts'
import { boundArgument, idArgument } from './stream-arguments.ts'
import {
  consumerNames,
  nameArgument,
  replicateClaim,
  replicateLast,
  replicateOnlyThat,
  useConsumer,
} from './stream-groups.ts'
import { replyEntry } from './streams.ts'

const CLAIM_COUNT = 100
const CLAIM_COUNT_MAX = (2n ** 63n - 1n) / 16n
/** So many entries are looked at for each that may be claimed. */
const ATTEMPTS = 10
const ENTRY = makePending()

/** Argument i as an integer; `what` is for the error. */
function numberArgument(ctx: Context, i: number, what: string, command: string): number {
  return Number(ctx.args.int64(i) ?? fail('claimArgument', what, command))
}

interface ClaimOptions {
  /** When the entries are said to have been delivered; undefined: now. */
  atMs: number | undefined
  deliveries: number | undefined
  force: boolean
  justIds: boolean
  readonly last: StreamId
}

function parseClaim(ctx: Context, from: number): ClaimOptions {
  const { args, nowMs } = ctx
  const options: ClaimOptions = {
    atMs: undefined,
    deliveries: undefined,
    force: false,
    justIds: false,
    last: makeStreamId(),
  }
  for (let i = from; i < args.count; i++) {
    const more = i + 1 < args.count
    if (args.is(i, 'force')) options.force = true
    else if (args.is(i, 'justid')) options.justIds = true
    else if (more && args.is(i, 'idle')) options.atMs = nowMs - numberArgument(ctx, ++i, 'IDLE option', 'XCLAIM')
    else if (more && args.is(i, 'time')) options.atMs = numberArgument(ctx, ++i, 'TIME option', 'XCLAIM')
    else if (more && args.is(i, 'retrycount')) {
      options.deliveries = numberArgument(ctx, ++i, 'RETRYCOUNT option', 'XCLAIM')
    } else if (more && args.is(i, 'lastid')) idArgument(ctx, ++i, options.last)
    else fail('claimOption', args.str(i))
  }
  const { atMs, deliveries } = options
  if (atMs !== undefined && (atMs < 0 || atMs > nowMs)) options.atMs = nowMs
  if (deliveries !== undefined && deliveries < 0) options.deliveries = undefined
  return options
}

/** The stream of argument 1, whose group is in argument 2. */
function streamToClaim(ctx: Context): number {
  const { args, db, keyspace } = ctx
  const h = keyToChange(ctx, 1, TYPE_STREAM)
  if (h === 0 || findGroup(keyspace.nodes, db.root(h), nameArgument(ctx, 2)) === 0) {
    fail('noKeyOrGroup', args.str(1), args.str(2))
  }
  return h
}

export function xclaim(ctx: Context): void {
  const { args, db, effects, keyspace, reply, nowMs } = ctx
  const { nodes } = keyspace
  const h = streamToClaim(ctx)
  const minIdle = Math.max(numberArgument(ctx, 4, 'min-idle-time', 'XCLAIM'), 0)
  const ids: StreamId[] = []
  for (let i = 5; i < args.count; i++) {
    const id = makeStreamId()
    const form = parseId(args.latin1(i), id)
    if (form === undefined || form === 'star') break
    ids.push(id)
  }
  const options = parseClaim(ctx, 5 + ids.length)
  const root = db.rootToChange(h, true)
  const group = groupToChange(nodes, root, nameArgument(ctx, 2))
  let lastMoved = compareIds(options.last, groupLast(nodes, group, makeStreamId())) > 0
  if (lastMoved) setGroupLast(nodes, group, options.last)
  const mark = reply.pos
  let claimed = 0
  for (const id of ids) {
    const known = findPending(nodes, group, id, ENTRY)
    const entry = streamEntry(nodes, root, id)
    if (entry === undefined) {
      if (!known) continue
      forget(ctx, root, group, ENTRY)
    } else {
      if (!known) {
        if (!options.force) continue
        Object.assign(ENTRY.id, id)
        ENTRY.consumer = 0
        ENTRY.deliveries = 1
      } else if (minIdle > 0 && nowMs - ENTRY.atMs < minIdle) continue
      ENTRY.atMs = options.atMs ?? nowMs
      if (options.deliveries !== undefined) ENTRY.deliveries = options.deliveries
      else if (!options.justIds) ENTRY.deliveries++
      ENTRY.consumer = useConsumer(ctx, root, group, 1, 2, 3)
      setPending(nodes, root, group, ENTRY)
      if (options.justIds) reply.bulkId(id)
      else replyEntry(ctx, entry)
      claimed++
      replicateClaim(ctx, 1, 2, args.copy(3), group, ENTRY)
    }
    effects.dirty++
    lastMoved = false
  }
  if (lastMoved) {
    replicateLast(ctx, 1, 2, group)
    effects.dirty++
  }
  replicateOnlyThat(ctx)
  reply.arrayAt(mark, claimed)
}

/** Removes a pending entry of a stream's entry that is gone, and replicates that. */
function forget(ctx: Context, root: number, group: number, entry: Pending): void {
  const { nodes } = ctx.keyspace
  const name = consumerNames(nodes, group).get(entry.consumer)
  if (name !== undefined) replicateClaim(ctx, 1, 2, name, group, entry)
  removePending(nodes, root, group, entry.id)
}

export function xautoclaim(ctx: Context): void {
  const { args, db, effects, keyspace, reply, nowMs } = ctx
  const { nodes } = keyspace
  const minIdle = Math.max(numberArgument(ctx, 4, 'min-idle-time', 'XAUTOCLAIM'), 0)
  const from = boundArgument(ctx, 5, false)
  const { count, justIds } = parseAutoClaim(ctx)
  const h = streamToClaim(ctx)
  const root = db.rootToChange(h, true)
  const group = groupToChange(nodes, root, nameArgument(ctx, 2))
  const { taken, next } = candidates(ctx, root, group, from, minIdle, count)
  reply.array(3)
  reply.bulkId(next)
  const mark = reply.pos
  const gone: StreamId[] = []
  for (const entry of taken) {
    const found = streamEntry(nodes, root, entry.id)
    effects.dirty++
    if (found === undefined) {
      forget(ctx, root, group, entry)
      gone.push(entry.id)
      continue
    }
    entry.atMs = nowMs
    if (!justIds) entry.deliveries++
    entry.consumer = useConsumer(ctx, root, group, 1, 2, 3)
    setPending(nodes, root, group, entry)
    if (justIds) reply.bulkId(entry.id)
    else replyEntry(ctx, found)
    replicateClaim(ctx, 1, 2, args.copy(3), group, entry)
  }
  reply.arrayAt(mark, taken.length - gone.length)
  reply.array(gone.length)
  for (const id of gone) reply.bulkId(id)
  replicateOnlyThat(ctx)
}

function parseAutoClaim(ctx: Context): { count: number; justIds: boolean } {
  const { args } = ctx
  let count = CLAIM_COUNT
  let justIds = false
  for (let i = 6; i < args.count; i++) {
    if (i + 1 < args.count && args.is(i, 'count')) {
      const given = args.int64(++i)
      if (given === undefined || given < 1n || given > CLAIM_COUNT_MAX) fail('claimCount')
      count = Number(given)
    } else if (args.is(i, 'justid')) justIds = true
    else fail('syntax')
  }
  return { count, justIds }
}

/** The pending entries from an ID on that are to be claimed or forgotten, and where to go on; 0-0 at the end. */
function candidates(
  { keyspace, nowMs }: Context,
  root: number,
  group: number,
  from: StreamId,
  minIdle: number,
  count: number,
): { taken: Pending[]; next: StreamId } {
  const { nodes } = keyspace
  const taken: Pending[] = []
  const next = { ...STREAM_ID_MIN }
  let attempts = count * ATTEMPTS
  visitPending(nodes, group, from, (entry) => {
    if (attempts-- === 0 || taken.length === count) {
      Object.assign(next, entry.id)
      return false
    }
    const isGone = streamEntry(nodes, root, entry.id) === undefined
    if (isGone || minIdle === 0 || nowMs - entry.atMs >= minIdle) taken.push({ ...entry, id: { ...entry.id } })
    return true
  })
  return { taken, next }
}
