// Arguments that commands of streams share: IDs, bounds of ranges, and up to where a stream is trimmed.

import { fail } from '../errors.ts'
import {
  copyId,
  decrementId,
  idText,
  incrementId,
  makeStreamId,
  parseId,
  type SequenceForm,
  STREAM_ID_MAX,
  STREAM_ID_MIN,
  type StreamId,
} from '../lib/stream-id.ts'
import { streamEdgeId, streamTrim, type Trim } from '../store/stream.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'

/** Most bytes of the fields and values of one entry. */
export const ENTRY_BYTES_MAX = 2 ** 30
/** Entries that approximate trimming removes at once, by default per entry of a node, and at most. */
const TRIM_NODES = 100
const TRIM_DEFAULT = 10_000
const TRIM_MAX = 1_000_000

/** Reads the ID in argument i, in one of the forms `ms`, `ms-seq` and, with `star`, `ms-*`. */
export function idArgument(ctx: Context, i: number, into: StreamId, star = false): SequenceForm {
  const form = parseId(ctx.args.latin1(i), into)
  if (form === undefined || (form === 'star' && !star)) fail('streamId')
  return form
}

/** Reads the bound in argument i: an ID, `-`, `+`, or one of these forms after `(`, which excludes it. */
export function boundArgument(ctx: Context, i: number, end: boolean): StreamId {
  const text = ctx.args.latin1(i)
  const id = makeStreamId()
  const excluded = text.length > 1 && text.startsWith('(')
  if (!excluded && (text === '-' || text === '+')) return copyId(id, text === '-' ? STREAM_ID_MIN : STREAM_ID_MAX)
  const form = parseId(excluded ? text.slice(1) : text, id, end)
  if (form === undefined || form === 'star') fail('streamId')
  if (excluded && !(end ? decrementId(id) : incrementId(id))) fail(end ? 'streamEnd' : 'streamStart')
  return id
}

/** What stands before the ID of XADD, and all that XTRIM takes. */
export interface TrimArguments {
  trim: Trim | undefined
  /** Index of the threshold. */
  thresholdAt: number
  noStream: boolean
  /** How XADD's ID is given; undefined for `*`. */
  idForm: SequenceForm | undefined
  readonly id: StreamId
  /** Index of XADD's ID. */
  idAt: number
}

/** What nearly every XADD says: an ID of the server's choice, and nothing before it. */
const STAR_ALONE: TrimArguments = {
  trim: undefined,
  thresholdAt: 0,
  noStream: false,
  idForm: undefined,
  id: makeStreamId(),
  idAt: 2,
}

/** Parses the options from argument 2 on: up to the ID for XADD, to the end for XTRIM. */
export function parseTrim(ctx: Context, isAdd: boolean): Readonly<TrimArguments> {
  const { args } = ctx
  if (isAdd && args.count > 2 && args.is(2, '*')) return STAR_ALONE
  const parsed: TrimArguments = {
    trim: undefined,
    thresholdAt: 0,
    noStream: false,
    idForm: undefined,
    id: makeStreamId(),
    idAt: args.count,
  }
  let kind: 'maxlen' | 'minid' | undefined
  let approximate = false
  let maxLength: bigint | undefined
  const minId = makeStreamId()
  let limit: bigint | undefined
  for (let i = 2; i < args.count; i++) {
    const more = i + 1 < args.count
    if (isAdd && args.is(i, '*')) {
      parsed.idAt = i
      break
    }
    if (more && (args.is(i, 'maxlen') || args.is(i, 'minid'))) {
      if (kind !== undefined) fail('trimBoth')
      kind = args.is(i, 'maxlen') ? 'maxlen' : 'minid'
      const operator = i + 2 < args.count && (args.is(i + 1, '~') || args.is(i + 1, '='))
      approximate = operator && args.is(i + 1, '~')
      i += operator ? 2 : 1
      if (kind === 'minid') idArgument(ctx, i, minId)
      else maxLength = integerArgument(ctx, i)
      if (maxLength !== undefined && maxLength < 0n) fail('trimMaxlen')
      parsed.thresholdAt = i
    } else if (more && args.is(i, 'limit')) {
      limit = integerArgument(ctx, ++i)
      if (limit < 0n) fail('trimLimit')
    } else if (isAdd && args.is(i, 'nomkstream')) {
      parsed.noStream = true
    } else if (isAdd) {
      parsed.idForm = idArgument(ctx, i, parsed.id, true)
      parsed.idAt = i
      break
    } else {
      fail('syntax')
    }
  }
  if (kind === undefined) {
    if (limit !== undefined && limit !== 0n) fail('trimLimitAlone')
    if (!isAdd) fail('trimNothing')
    if (limit !== undefined && !ctx.session.isPrimary) fail('trimLimitExact')
    return parsed
  }
  const most = maxLength === undefined ? undefined : Number(maxLength)
  parsed.trim = { maxLength: most, minId, approximate, limit: trimLimit(ctx, limit, approximate) }
  return parsed
}

/** How many entries may go. What our primary sends says exactly what it did: there is no limit then. */
function trimLimit(ctx: Context, given: bigint | undefined, approximate: boolean): number {
  if (ctx.session.isPrimary) return 0
  if (given !== undefined) {
    if (!approximate) fail('trimLimitExact')
    return Number(given)
  }
  if (!approximate) return 0
  const limit = TRIM_NODES * ctx.keyspace.limits['stream-node-max-entries']
  return limit <= 0 ? TRIM_DEFAULT : Math.min(limit, TRIM_MAX)
}

/** Trims the stream of an entry, if there is anything to do; how many went. */
export function trimStream(ctx: Context, h: number, trim: Trim): number {
  const { db, keyspace } = ctx
  const { nodes } = keyspace
  const root = db.rootToChange(h, true)
  const before = nodes.count(root)
  try {
    return streamTrim(nodes, root, trim)
  } finally {
    if (nodes.count(root) !== before) db.afterChange(h)
  }
}

/** The arguments, with approximate trimming put as what it has come to: how many entries are left, or which is the first. */
export function exactTrim(ctx: Context, h: number, trim: TrimArguments): (string | Uint8Array)[] {
  const argv: (string | Uint8Array)[] = ctx.args.copyAll()
  if (trim.trim?.approximate !== true) return argv
  argv[trim.thresholdAt - 1] = '='
  const { nodes } = ctx.keyspace
  const root = ctx.db.root(h)
  argv[trim.thresholdAt] =
    trim.trim.maxLength !== undefined
      ? String(nodes.count(root))
      : idText(streamEdgeId(nodes, root, false, makeStreamId()))
  return argv
}
