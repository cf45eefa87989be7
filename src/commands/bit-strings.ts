// What bitmaps and bit fields share: the arguments that name bits, and the string under a key as one with room for them.

import { fail } from '../errors.ts'
import { parseInt64 } from '../lib/decimal.ts'
import { STRING_RAW } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import type { Context } from './context.ts'
import { keyToChange, notifyNew } from './lookup.ts'

const HASH = 35

/** Argument i as the position of a bit, 0 or more. */
export function bitPosition(ctx: Context, i: number): number {
  const small = ctx.args.smallInt(i)
  return checkPosition(ctx, Number.isNaN(small) ? Number(ctx.args.int64(i) ?? fail('bitOffset')) : small)
}

/** The same where `#n` means n times `bits`. */
export function fieldPosition(ctx: Context, i: number, bits: number): number {
  const { args } = ctx
  if (args.len(i) === 0 || args.buffer[args.start(i)] !== HASH) return bitPosition(ctx, i)
  const text = args.bytes(i).subarray(1)
  const n = parseInt64(text, 0, text.length) ?? fail('bitOffset')
  return checkPosition(ctx, Number(BigInt.asIntN(64, n * BigInt(bits))))
}

/** Refuses a position beyond `proto-max-bulk-len`, except from our primary, which has accepted it already. */
function checkPosition(ctx: Context, position: number): number {
  if (position < 0) fail('bitOffset')
  const tooFar = Math.floor(position / 8) >= ctx.host.config.values['proto-max-bulk-len']
  if (tooFar && !ctx.session.isPrimary) fail('bitOffset')
  return position
}

/** A string with room for bits, and whether room had to be made. */
export interface Room {
  readonly h: number
  readonly grown: boolean
}

/** The string in the key of argument 1, which is about to change, with the byte of the bit at `position` in it: new bytes are 0. */
export function roomForBit(ctx: Context, position: number): Room {
  const { args, db } = ctx
  const length = Math.floor(position / 8) + 1
  const h = keyToChange(ctx, 1, TYPE_STRING)
  if (h === 0) {
    notifyNew(ctx, 1)
    return { h: db.putZeros(args.buffer, args.start(1), args.end(1), length, STRING_RAW), grown: true }
  }
  const before = db.valueLength(h)
  if (before < length) return { h: db.grow(h, length, STRING_RAW, before, length), grown: true }
  makeRaw(ctx, h)
  return { h, grown: false }
}

/** A string that is asked to change in place is raw from then on, even if nothing changes in it. */
export function makeRaw({ db }: Context, h: number): void {
  if (db.kind(h) !== STRING_RAW) db.mutate(h, STRING_RAW, 0, 0)
}
