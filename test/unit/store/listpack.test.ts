// The listpack against a plain array, and its bytes against an encoder of the test's own that knows one thing only: how to
// write the whole list from nothing. So after every change not only the elements but every byte must be right.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LP_EMPTY_BYTES,
  LP_HEADER_BYTES,
  lpAppend,
  lpAppendInteger,
  lpBigInt,
  lpBytes,
  lpCompare,
  lpCompareElements,
  lpCount,
  lpDelete,
  lpElementBytes,
  lpEncodedBytes,
  lpEnd,
  lpEquals,
  lpFind,
  lpFirst,
  lpInit,
  lpInsert,
  lpInsertElements,
  lpInsertInteger,
  lpInteger,
  lpIntegerBytes,
  lpIsInteger,
  lpLast,
  lpNext,
  lpPrepend,
  lpPrevious,
  lpReplace,
  lpReplaceInteger,
  lpSeek,
  lpText,
  lpValidate,
  makeLpText,
  NONE,
} from '../../../src/store/listpack.ts'

const INTEGER = /^(0|-?[1-9]\d*)$/
const isInteger = (text: string): boolean =>
  INTEGER.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text) && text.length <= 20

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

function littleEndian(n: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn))
}

/** An element from nothing. */
function encodeElement(text: string): Buffer {
  let data: number[]
  let rest = ''
  if (isInteger(text)) {
    const n = BigInt(text)
    const bits = [16, 24, 32, 64].find((width) => BigInt.asIntN(width, n) === n)!
    if (n >= 0n && n < 128n) data = [Number(n)]
    else if (BigInt.asIntN(13, n) === n) data = [0xc0 | Number((n >> 8n) & 0x1fn), Number(n & 0xffn)]
    else data = [{ 16: 0xf1, 24: 0xf2, 32: 0xf3, 64: 0xf4 }[bits]!, ...littleEndian(n, bits / 8)]
  } else {
    const { length } = text
    if (length < 64) data = [0x80 | length]
    else if (length < 4096) data = [0xe0 | (length >> 8), length & 0xff]
    else data = [0xf0, ...littleEndian(BigInt(length), 4)]
    rest = text
  }
  const bytes = data.length + rest.length
  const size = [127, 16382, 2097150].findIndex((most) => bytes <= most) + 1 || 4
  const groups = Array.from({ length: size }, (_, i) => ((bytes >> (7 * (size - 1 - i))) & 0x7f) | (i === 0 ? 0 : 0x80))
  return Buffer.concat([Buffer.from(data), latin1(rest), Buffer.from(groups)])
}

/** The whole list from nothing. */
function encode(texts: readonly string[]): Buffer {
  const elements = Buffer.concat(texts.map(encodeElement))
  const header = Buffer.alloc(LP_HEADER_BYTES)
  header.writeUInt32LE(LP_EMPTY_BYTES + elements.length)
  header.writeUInt16LE(Math.min(texts.length, 65535), 4)
  return Buffer.concat([header, elements, Buffer.from([0xff])])
}

const AT = 5

/** A listpack in the middle of a buffer that shows writes beyond its bytes. */
class Subject {
  bytes = Buffer.alloc(AT + LP_EMPTY_BYTES + 3, 0xaa)

  constructor(texts: readonly string[] = []) {
    lpInit(this.bytes, AT)
    for (const text of texts) this.insert(texts.length, text)
  }

  get end(): number {
    return AT + lpBytes(this.bytes, AT)
  }

  /** Room for exactly so many bytes more, or what a smaller one will give back. */
  room(more: number): void {
    const larger = Buffer.alloc(this.end + Math.max(more, 0) + 3, 0xaa)
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }

  at(index: number): number {
    const p = lpSeek(this.bytes, AT, index)
    return p === NONE ? lpEnd(this.bytes, AT) : p
  }

  insert(index: number, text: string): void {
    this.room(lpEncodedBytes(latin1(text), 0, text.length))
    lpInsert(this.bytes, AT, this.at(index), latin1(text), 0, text.length)
  }

  replace(index: number, text: string): void {
    const more = lpEncodedBytes(latin1(text), 0, text.length) - lpElementBytes(this.bytes, this.at(index))
    this.room(more)
    lpReplace(this.bytes, AT, this.at(index), latin1(text), 0, text.length)
    if (more < 0) this.bytes.fill(0xaa, this.end)
  }

  text(p: number): string {
    const into = makeLpText()
    lpText(this.bytes, p, into)
    return Buffer.from(into.bytes.subarray(into.start, into.end)).toString('latin1')
  }

  forwards(): string[] {
    const texts: string[] = []
    for (let p = lpFirst(this.bytes, AT); p !== NONE; p = lpNext(this.bytes, p)) texts.push(this.text(p))
    return texts
  }

  backwards(): string[] {
    const texts: string[] = []
    for (let p = lpLast(this.bytes, AT); p !== NONE; p = lpPrevious(this.bytes, AT, p)) texts.push(this.text(p))
    return texts
  }

  /** Every byte is that of the model, and nothing else was touched. */
  check(model: readonly string[]): void {
    const expected = encode(model)
    expect(this.bytes.subarray(AT, this.end).equals(expected)).toBe(true)
    expect(
      [...this.bytes.subarray(0, AT), ...this.bytes.subarray(this.end, this.end + 3)].every((c) => c === 0xaa),
    ).toBe(true)
    expect(lpValidate(this.bytes, AT, expected.length)).toBe(model.length)
  }
}

const BORDERS = [0, 127, 128, 4095, 4096, 32767, 32768, 8388607, 8388608, 2147483647, 2147483648, 2 ** 53]
const EXTREMES = ['9223372036854775807', '-9223372036854775808', '9223372036854775808', '9007199254740993', '-0', '01']
const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }).map((text) => latin1(text).toString('latin1')) },
  { weight: 3, arbitrary: fc.integer({ min: -5000, max: 5000 }).map(String) },
  { weight: 2, arbitrary: fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom(...BORDERS.flatMap((n) => [String(n), String(-n), String(-n - 1)])) },
  { weight: 1, arbitrary: fc.constantFrom(...EXTREMES, '', '-', '5 ') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(62, 63, 64, 65, 125, 126, 127, 128, 4095, 4096).map((length) => 'z'.repeat(length)),
  },
)

type Step = { kind: 'insert' | 'replace' | 'delete' | 'append' | 'prepend'; where: number; text: string; count: number }
const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'append', 'prepend', 'replace', 'replace', 'delete'),
  where: fc.nat(1000),
  text: anyText,
  count: fc.nat(4),
})

describe('a listpack', () => {
  it('has the bytes of Redis', () => {
    const texts =
      '0 127 128 -1 4095 -4096 4096 32767 -32768 32768 8388607 -8388608 8388608 2147483647 -2147483648 2147483648 9223372036854775807 -9223372036854775808 9007199254740993'.split(
        ' ',
      )
    texts.push('', 'a', '01', '-0', 'x'.repeat(63), 'y'.repeat(64), 'z'.repeat(130))
    // The listpack in the DUMP of a list of these elements, by redis-server 7.0.15.
    const redis = Buffer.concat([
      Buffer.from(
        '830100001a0000017f01c08002dfff02cfff02d00002f1001003f1ff7f03f1008003f200800004f2ffff7f04f200008004f30000800005f3ffffff7f' +
          '05f30000008005f4000000800000000009f4ffffffffffffff7f09f4000000000000008009f4010000000000200009800181610282303103822d3003bf',
        'hex',
      ),
      Buffer.from(`${'x'.repeat(63)}@\xe0@${'y'.repeat(64)}B\xe0\x82${'z'.repeat(130)}\x01\x84\xff`, 'latin1'),
    ])
    const subject = new Subject(texts)
    expect(subject.bytes.subarray(AT, subject.end).toString('hex')).toBe(redis.toString('hex'))
    expect(subject.forwards()).toEqual(texts)
  })

  it('holds what an array holds, byte by byte, whatever is inserted, replaced and deleted', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120, size: 'max' }), (steps) => {
        const subject = new Subject()
        const model: string[] = []
        for (const { kind, where, text, count } of steps) {
          const index = model.length === 0 ? 0 : where % (model.length + 1)
          const bytes = latin1(text)
          if (kind === 'insert') {
            subject.insert(index, text)
            model.splice(index, 0, text)
          } else if (kind === 'append' || kind === 'prepend') {
            subject.room(lpEncodedBytes(bytes, 0, bytes.length))
            if (kind === 'append') lpAppend(subject.bytes, AT, bytes, 0, bytes.length)
            else lpPrepend(subject.bytes, AT, bytes, 0, bytes.length)
            model.splice(kind === 'append' ? model.length : 0, 0, text)
          } else if (kind === 'replace' && index < model.length) {
            subject.replace(index, text)
            model[index] = text
          } else if (kind === 'delete') {
            const deleted = lpDelete(subject.bytes, AT, subject.at(index), count)
            expect(deleted).toBe(model.splice(index, count).length)
            subject.bytes.fill(0xaa, subject.end)
          }
          subject.check(model)
        }
        expect(subject.forwards()).toEqual(model)
        expect(subject.backwards()).toEqual(model.toReversed())
        expect(lpCount(subject.bytes, AT)).toBe(model.length)
        for (let i = -model.length - 1; i <= model.length; i++) {
          const p = lpSeek(subject.bytes, AT, i)
          expect(p === NONE ? undefined : subject.text(p)).toBe(model.at(i < model.length ? i : model.length))
        }
      }),
      { numRuns: 250 },
    )
  })

  it('finds and compares by value', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 30 }), anyText, fc.nat(2), (texts, other, skip) => {
        const subject = new Subject(texts)
        for (const needle of [...texts, other]) {
          const bytes = latin1(`9${needle}7`)
          const found = lpFind(subject.bytes, lpFirst(subject.bytes, AT), bytes, 1, bytes.length - 1, skip)
          const index = texts.findIndex((text, i) => text === needle && i % (skip + 1) === 0)
          expect(found).toBe(index < 0 ? NONE : lpSeek(subject.bytes, AT, index))
        }
        const bytes = latin1(`9${other}7`)
        texts.forEach((text, i) => {
          const p = lpSeek(subject.bytes, AT, i)
          expect(lpEquals(subject.bytes, p, bytes, 1, bytes.length - 1)).toBe(text === other)
          const order = Buffer.compare(latin1(text), latin1(other))
          expect(Math.sign(lpCompare(subject.bytes, p, bytes, 1, bytes.length - 1))).toBe(order)
          const first = lpFirst(subject.bytes, AT)
          expect(Math.sign(lpCompareElements(subject.bytes, p, subject.bytes, first))).toBe(
            Buffer.compare(latin1(text), latin1(texts[0]!)),
          )
          expect(lpIsInteger(subject.bytes, p)).toBe(isInteger(text))
          expect(lpInteger(subject.bytes, p)).toBe(isInteger(text) ? Number(text) : Number.NaN)
          expect(lpBigInt(subject.bytes, p)).toBe(isInteger(text) ? BigInt(text) : undefined)
        })
      }),
      { numRuns: 400 },
    )
  })

  it('takes numbers as it takes their text', () => {
    const anyNumber = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -9000, max: 9000 }), fc.constantFrom(...BORDERS))
    fc.assert(
      fc.property(anyNumber, anyNumber, fc.boolean(), (n, other, negative) => {
        const [a, b] = negative ? [-n, -other] : [n, other]
        const subject = new Subject()
        subject.room(lpIntegerBytes(a) + lpIntegerBytes(b))
        lpAppendInteger(subject.bytes, AT, a)
        lpInsertInteger(subject.bytes, AT, lpFirst(subject.bytes, AT), b)
        subject.check([String(b), String(a)].map((text) => (text === '-0' ? '0' : text)))
        const more = lpIntegerBytes(other) - lpElementBytes(subject.bytes, lpLast(subject.bytes, AT))
        subject.room(more)
        lpReplaceInteger(subject.bytes, AT, lpLast(subject.bytes, AT), other)
        if (more < 0) subject.bytes.fill(0xaa, subject.end)
        subject.check([String(b), String(other)].map((text) => (text === '-0' ? '0' : text)))
      }),
      { numRuns: 2000 },
    )
  })

  it('takes over elements of another one', () => {
    const lists = fc.array(anyText, { maxLength: 20 })
    fc.assert(
      fc.property(lists, lists, fc.nat(20), fc.nat(20), fc.nat(20), (into, other, where, from, count) => {
        const subject = new Subject(into)
        const source = new Subject(other)
        const taken = other.slice(from, from + count)
        const index = Math.min(where, into.length)
        const [start, end] = [source.at(from), source.at(from + count)]
        subject.room(end - start)
        lpInsertElements(subject.bytes, AT, subject.at(index), source.bytes, start, end, taken.length)
        subject.check(into.toSpliced(index, 0, ...taken))
      }),
      { numRuns: 500 },
    )
  })

  it('counts beyond what its header can say, and stays uncounted below', () => {
    const n = 65_540
    const subject = new Subject()
    subject.room(2 * n)
    const model = Array.from({ length: n }, (_, i) => String(i % 100))
    for (const text of model) lpAppend(subject.bytes, AT, latin1(text), 0, text.length)
    subject.check(model)
    expect(lpCount(subject.bytes, AT)).toBe(n)
    expect(subject.text(lpSeek(subject.bytes, AT, 65_538))).toBe('38')
    expect(subject.text(lpSeek(subject.bytes, AT, -2))).toBe('38')
    expect(lpSeek(subject.bytes, AT, n)).toBe(NONE)
    expect(lpSeek(subject.bytes, AT, -n - 1)).toBe(NONE)
    expect(lpDelete(subject.bytes, AT, lpFirst(subject.bytes, AT), n - 3)).toBe(n - 3)
    expect(lpCount(subject.bytes, AT)).toBe(3)
    expect(subject.bytes.readUInt16LE(AT + 4)).toBe(65535)
    expect(lpValidate(subject.bytes, AT, lpBytes(subject.bytes, AT))).toBe(3)
  })

  it('writes the length behind long strings as Redis does, its borders included', () => {
    for (const length of [16377, 16378, 16379, 16380, 2097145, 2097146, 2097147]) {
      const text = 's'.repeat(length)
      new Subject([text, 'a']).check([text, 'a'])
      expect(new Subject([text, 'a']).backwards()[1]).toBe(text)
    }
  })
})

describe('validation', () => {
  const sound = (bytes: Uint8Array): number => lpValidate(bytes, 0, bytes.length)

  it('refuses every cut and every wrong length, count and encoding', () => {
    const whole = encode(['a', '5000', 'x'.repeat(70), '-70000', '', '9'.repeat(18)])
    expect(sound(whole)).toBe(6)
    for (let length = 0; length < whole.length; length++) expect(sound(whole.subarray(0, length))).toBe(NONE)
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(whole)
      copy[at] = value
      return copy
    }
    expect(sound(changed(0, whole[0]! + 1))).toBe(NONE)
    expect(sound(changed(3, 1))).toBe(NONE)
    expect(sound(changed(4, 5))).toBe(NONE)
    expect(sound(changed(whole.length - 1, 0))).toBe(NONE)
    // The first element's length behind it, and encodings that do not exist.
    expect(sound(changed(8, 3))).toBe(NONE)
    for (let c = 0xf5; c <= 0xff; c++) expect(sound(changed(6, c))).toBe(NONE)
    expect(sound(Buffer.concat([whole, Buffer.from([0xff])]))).toBe(NONE)
    expect(lpValidate(whole, 0, whole.length + 1)).toBe(NONE)
  })

  it('takes only what can be walked in both directions, whatever the bytes', () => {
    const texts = fc.array(
      anyText.filter((text) => text.length < 200),
      { maxLength: 8 },
    )
    const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 3 })
    let taken = 0
    fc.assert(
      fc.property(texts, changes, (list, edits) => {
        const bytes = encode(list)
        for (const [where, value] of edits) bytes[where % bytes.length] = value
        const count = sound(bytes)
        if (count === NONE) return
        taken++
        const into = makeLpText()
        const forwards: number[] = []
        for (let p = lpFirst(bytes, 0); p !== NONE; p = lpNext(bytes, p)) {
          forwards.push(p)
          lpText(bytes, p, into)
          expect(into.end >= into.start && (into.bytes !== bytes || into.end < bytes.length)).toBe(true)
        }
        const backwards: number[] = []
        for (let p = lpLast(bytes, 0); p !== NONE; p = lpPrevious(bytes, 0, p)) backwards.push(p)
        expect(forwards.length).toBe(count)
        expect(backwards.reverse()).toEqual(forwards)
        expect(lpCount(bytes, 0)).toBe(count)
      }),
      { numRuns: 20_000 },
    )
    expect(taken).toBeGreaterThan(500)
  })
})
