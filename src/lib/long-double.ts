// The x87 extended precision of C's `long double`, with 64 bits of mantissa, in which Redis keeps floating point strings:
// so INCRBYFLOAT gives the digits that Redis gives. A finite number is mantissa × 2^exponent; every operation is
// exact in big integers and rounds once, to nearest, ties to even.

/** A finite number. */
export interface LongDouble {
  /** At most 64 bits, with the sign. */
  readonly mantissa: bigint
  readonly exponent: number
}

const MANTISSA_BITS = 64
/** Exponent of the smallest denormal number, 2^-16445. */
const EXPONENT_MIN = -16445
/** Numbers from 2^16384 on are infinite. */
const MAGNITUDE_BITS_MAX = 16384
const TEXT_BYTES_MAX = 5 * 1024 - 1
/** Decimal exponents beyond which a number is too large, or too small, whatever its digits. */
const DECIMAL_EXPONENT_MAX = 5000
/** Digits behind the point of the text form. */
const FRACTION_DIGITS = 17

const DECIMAL = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:e([+-]?\d+))?$/i
const HEX = /^([+-]?)0x(?:([0-9a-f]+)\.?([0-9a-f]*)|\.([0-9a-f]+))(?:p([+-]?\d+))?$/i
const INFINITE = /^[+-]?inf(inity)?$/i

/**
 * A number as strtold reads it: decimal or hexadecimal, without blanks around it. Undefined if it is none, is NaN, or is
 * beyond the range.
 */
export function parseLongDouble(text: string): LongDouble | 'infinite' | undefined {
  if (text.length === 0 || text.length > TEXT_BYTES_MAX) return undefined
  if (INFINITE.test(text)) return 'infinite'
  const decimal = DECIMAL.exec(text)
  if (decimal !== null) return ofDigits(decimal, 10)
  const hex = HEX.exec(text)
  return hex === null ? undefined : ofDigits(hex, 16)
}

/** The sum; `infinite` if it is beyond the range. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | 'infinite' {
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent))
  return rounded(sum, 1n, exponent)
}

/** The number with up to 17 digits behind the point, without trailing zeros and never with an exponent. */
export function formatLongDouble({ mantissa, exponent }: LongDouble): string {
  const negative = mantissa < 0n
  const scaled = (negative ? -mantissa : mantissa) * 10n ** BigInt(FRACTION_DIGITS)
  const integer = exponent >= 0 ? scaled << BigInt(exponent) : divideToEven(scaled, 1n << BigInt(-exponent))
  const digits = integer.toString().padStart(FRACTION_DIGITS + 1, '0')
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '')
  const text = digits.slice(0, -FRACTION_DIGITS) + (fraction === '' ? '' : `.${fraction}`)
  return negative && integer !== 0n ? `-${text}` : text
}

/** The number of a match of DECIMAL or HEX: sign, digits before and behind the point, exponent. */
function ofDigits(match: RegExpExecArray, base: 10 | 16): LongDouble | undefined {
  const before = match[2] ?? ''
  const behind = match[3] ?? match[4] ?? ''
  const digits = (before + behind).replace(/^0+/, '')
  if (digits === '') return { mantissa: 0n, exponent: 0 }
  const n = BigInt(base === 16 ? `0x${digits}` : digits) * (match[1] === '-' ? -1n : 1n)
  const exponent = Number(match[5] ?? 0) - behind.length * (base === 16 ? 4 : 1)
  const magnitude = exponent + digits.length * (base === 16 ? 4 : 1)
  if (Math.abs(magnitude) > (base === 16 ? 4 : 1) * DECIMAL_EXPONENT_MAX) return undefined
  const result = base === 16 ? rounded(n, 1n, exponent) : ofDecimal(n, exponent)
  return result === 'infinite' || result.mantissa === 0n ? undefined : result
}

function ofDecimal(n: bigint, exponent: number): LongDouble | 'infinite' {
  return exponent >= 0 ? rounded(n * 10n ** BigInt(exponent), 1n, 0) : rounded(n, 10n ** BigInt(-exponent), 0)
}

/** numerator / denominator × 2^exponent, rounded. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble | 'infinite' {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 }
  const negative = numerator < 0n
  const n = negative ? -numerator : numerator
  const scaled = (bits: number): [bigint, bigint] =>
    bits >= 0 ? [n << BigInt(bits), denominator] : [n, denominator << BigInt(-bits)]
  // With this shift the quotient has 64 bits, or one fewer.
  let shift = MANTISSA_BITS - 1 - bitLength(n) + bitLength(denominator)
  const [dividend, divisor] = scaled(shift)
  if (dividend < divisor << BigInt(MANTISSA_BITS - 1)) shift++
  shift = Math.min(shift, exponent - EXPONENT_MIN)
  const q = divideToEven(...scaled(shift))
  if (bitLength(q) + exponent - shift > MAGNITUDE_BITS_MAX) return 'infinite'
  return { mantissa: negative ? -q : q, exponent: exponent - shift }
}

/** The quotient of two positive integers, rounded to nearest, ties to even. */
function divideToEven(n: bigint, divisor: bigint): bigint {
  const q = n / divisor
  const twice = (n % divisor) * 2n
  return twice > divisor || (twice === divisor && (q & 1n) === 1n) ? q + 1n : q
}

function bitLength(n: bigint): number {
  return n === 0n ? 0 : n.toString(2).length
}
