// Bytes in and out for the codec: a writer that grows, and a reader that cannot be made to read beyond its input, to
// allocate more than its input holds, or to throw. After the first fault the reader only gives zeros and `ok` is false.
//
// Every value has exactly one encoding (a number with superfluous bytes is a fault), so equal things are equal bytes.
import { assert } from '../lib/assert.ts'

export interface Writer {
  byte(value: number): void
  /** An integer in [0, 2⁵³), seven bits a byte, low bits first. */
  uint(value: number): void
  /** A finite IEEE double. */
  double(value: number): void
  /** Length, then the bytes. */
  bytes(value: Uint8Array): void
  /** Length, then printable ASCII. */
  id(value: string): void
  finish(): Uint8Array
}

export interface Reader {
  ok(): boolean
  /** True when nothing went wrong and nothing is left. */
  done(): boolean
  /** Marks the input as faulty. */
  fail(): void
  remaining(): number
  byte(): number
  uint(): number
  double(): number
  /** A copy, so that the caller's buffer can be reused. */
  bytes(): Uint8Array
  id(maxLength: number): string
}

export function createWriter(capacity = 128): Writer {
  let buffer = Buffer.allocUnsafe(capacity)
  let at = 0
  const reserve = (count: number): void => {
    if (at + count <= buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + count))
    buffer.copy(grown, 0, 0, at)
    buffer = grown
  }
  const byte = (value: number): void => {
    reserve(1)
    buffer[at++] = value
  }
  const uint = (value: number): void => {
    assert(Number.isSafeInteger(value) && value >= 0, 'wire: not an unsigned integer')
    let rest = value
    while (rest >= 128) {
      byte((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    byte(rest)
  }
  const bytes = (value: Uint8Array): void => {
    uint(value.length)
    reserve(value.length)
    buffer.set(value, at)
    at += value.length
  }
  return {
    byte,
    uint,
    bytes,
    double(value) {
      assert(Number.isFinite(value), 'wire: not a finite number')
      reserve(8)
      at = buffer.writeDoubleBE(value, at)
    },
    id(value) {
      assert(isId(value), `wire: not an identity of printable ASCII: ${value}`)
      bytes(Buffer.from(value, 'latin1'))
    },
    finish: () => new Uint8Array(buffer.subarray(0, at)),
  }
}

const isId = (text: string): boolean => /^[\x21-\x7e]*$/.test(text)

export function createReader(input: Uint8Array): Reader {
  const view = Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  let at = 0
  let ok = true
  const fail = (): number => {
    ok = false
    at = view.length
    return 0
  }
  const byte = (): number => (at < view.length ? view[at++]! : fail())
  const uint = (): number => {
    let low = 0
    let high = 0
    for (let group = 0; group < 8; group++) {
      const next = byte()
      const bits = next & 127
      if (group < 4) low += bits * 2 ** (7 * group)
      else high += bits * 2 ** (7 * (group - 4))
      if (next < 128) {
        const overlong = next === 0 && group > 0
        const value = high * 2 ** 28 + low
        return !ok || overlong || !Number.isSafeInteger(value) ? fail() : value
      }
    }
    return fail()
  }
  const span = (length: number): Buffer => {
    if (length > view.length - at) {
      fail()
      return view.subarray(view.length)
    }
    at += length
    return view.subarray(at - length, at)
  }
  return {
    ok: () => ok,
    done: () => ok && at === view.length,
    fail: () => void fail(),
    remaining: () => view.length - at,
    byte,
    uint,
    double() {
      if (view.length - at < 8) return fail()
      const value = view.readDoubleBE(at)
      at += 8
      return Number.isFinite(value) ? value : fail()
    },
    bytes: () => new Uint8Array(span(uint())),
    id(maxLength) {
      const length = uint()
      if (length > maxLength) fail()
      const text = span(ok ? length : 0).toString('latin1')
      if (!isId(text)) fail()
      return ok ? text : ''
    },
  }
}
