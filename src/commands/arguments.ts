// Arguments that mean the same in many commands: integers, database numbers and points in time. Each function ends the
// command with the error that Redis gives for what it does not accept.

import { fail } from '../errors.ts'
import type { Database } from '../keyspace/database.ts'
import { INT64_MAX, INT64_MIN, parseDouble } from '../lib/decimal.ts'
import type { Context } from './context.ts'

const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)
/** Up to this a number of seconds is exact as milliseconds, the time of day added: 2⁴³. */
const PLAIN_TIME_MAX = 2 ** 43

/** How a command gives a time: seconds or milliseconds, from now on or since 1970. */
export type TimeUnit = 'ex' | 'px' | 'exat' | 'pxat'

/** Argument i as a signed 64-bit integer. */
export function integerArgument(ctx: Context, i: number): bigint {
  return ctx.args.int64(i) ?? fail('notInteger')
}

/** Argument i as a signed 32-bit integer. */
export function int32Argument(ctx: Context, i: number): number {
  const n = integerArgument(ctx, i)
  if (n < INT32_MIN || n > INT32_MAX) fail('outOfRangeBetween', INT32_MIN, INT32_MAX)
  return Number(n)
}

/** The database whose number is in argument i. */
export function databaseArgument(ctx: Context, i: number): Database {
  return ctx.keyspace.databases[int32Argument(ctx, i)] ?? fail('dbIndexRange')
}

/** The expiry in argument i, which must be positive, as a Unix time in milliseconds; `command` is for the error. */
export function expiryArgument(ctx: Context, i: number, unit: TimeUnit, command: string): number {
  const small = ctx.args.smallInt(i)
  if (small > 0 && small <= PLAIN_TIME_MAX) return plainTimeMs(small, unit, ctx.nowMs)
  const n = integerArgument(ctx, i)
  if (n <= 0n) fail('invalidExpire', command)
  return timeMs(n, unit, ctx.nowMs, command)
}

/** The point in time in argument i, which may be long past, as a Unix time in milliseconds; `command` is for the error. */
export function timeArgument(ctx: Context, i: number, unit: TimeUnit, command: string): number {
  const small = ctx.args.smallInt(i)
  if (Math.abs(small) <= PLAIN_TIME_MAX) return plainTimeMs(small, unit, ctx.nowMs)
  return timeMs(integerArgument(ctx, i), unit, ctx.nowMs, command)
}

/** The time-out in seconds, with fractions, in argument i: until when, as a Unix time in milliseconds, 0 for ever. */
export function timeoutArgument(ctx: Context, i: number): number {
  const small = ctx.args.smallInt(i)
  const seconds = Number.isNaN(small) ? parseDouble(ctx.args.str(i)) : small
  if (seconds === undefined || Number.isNaN(seconds)) fail('timeoutNotFloat')
  const ms = Math.ceil(seconds * 1000)
  // As in Redis: what is more than its integers hold counts as negative there.
  if (ms < 0 || ms >= 2 ** 63) fail('timeoutNegative')
  return ms === 0 ? 0 : ctx.nowMs + ms
}

/** The time-out in milliseconds in argument i: until when, as a Unix time in milliseconds, 0 for ever. */
export function timeoutMsArgument(ctx: Context, i: number): number {
  const ms = ctx.args.int64(i) ?? fail('timeoutNotInteger')
  if (ms < 0n) fail('timeoutNegative')
  if (ms > INT64_MAX - BigInt(ctx.nowMs)) fail('timeoutRange')
  return ms === 0n ? 0 : ctx.nowMs + Number(ms)
}

/** So many random elements may be asked for where some may come twice: what the reply takes is the asker's choice then. */
const REPEATED_MAX = 2n ** 24n
/** The shortest element of a reply. */
const ELEMENT_BYTES_MIN = 6

/**
 * How many random elements a count asks for: different ones, or, below zero, such as may come twice. Too many of these are
 * refused, but who may not be sent so much is cut off for that, as by Redis.
 */
export function randomCount({ reply }: Context, count: bigint): number {
  if (count >= -REPEATED_MAX) return Number(count)
  return reply.mayFollow(Number(-count) * ELEMENT_BYTES_MIN) ? fail('outOfRange') : 0
}

/** A stored time as an integer of at most 64 bits. (Times are exact up to 2⁵³ milliseconds.) */
export function timeInteger(time: number): number | bigint {
  if (Number.isSafeInteger(time)) return time
  const n = BigInt(time)
  return n > INT64_MAX ? INT64_MAX : n
}

/** A stored time as digits. */
export function timeText(time: number): string {
  return String(timeInteger(time))
}

function plainTimeMs(n: number, unit: TimeUnit, nowMs: number): number {
  const ms = unit === 'ex' || unit === 'exat' ? n * 1000 : n
  return unit === 'ex' || unit === 'px' ? ms + nowMs : ms
}

function timeMs(n: bigint, unit: TimeUnit, nowMs: number, command: string): number {
  const ms = unit === 'ex' || unit === 'exat' ? n * 1000n : n
  const at = unit === 'ex' || unit === 'px' ? ms + BigInt(nowMs) : ms
  if (ms > INT64_MAX || ms < INT64_MIN || at > INT64_MAX) fail('invalidExpire', command)
  return Number(at)
}
