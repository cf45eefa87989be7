// What is written reads back as the same values, in RESP2 and in RESP3, whatever the sizes and wherever the buffer grows.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { idText, makeStreamId } from '../../../src/lib/stream-id.ts'
import { encodeRequest, ReplyWriter } from '../../../src/protocol/writer.ts'
import { decode, type RespValue } from '../../support/resp.ts'

type Value = number | bigint | boolean | null | Buffer | Value[]

const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: 900, maxLength: 1100 }))
const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.constant(null),
    anyBytes.map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 12 }),
  ),
}))

function write(writer: ReplyWriter, value: Value): void {
  if (value === null) writer.null()
  else if (typeof value === 'boolean') writer.bool(value)
  else if (Buffer.isBuffer(value)) writer.bulk(value)
  else if (Array.isArray(value)) {
    writer.array(value.length)
    for (const item of value) write(writer, item)
  } else writer.int(value)
}

/** As a client sees it. */
function expected(value: Value, resp: 2 | 3): RespValue {
  if (Array.isArray(value)) return value.map((item) => expected(item, resp))
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  if (typeof value === 'boolean') return resp === 3 ? value : Number(value)
  return typeof value === 'bigint' && BigInt.asIntN(53, value) === value ? Number(value) : value
}

const same = (a: RespValue, b: RespValue): boolean =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((item, i) => same(item, b[i]!))
    : String(a) === String(b) && (a === null) === (b === null)

const text = (writer: ReplyWriter): string => writer.written().toString('latin1')

describe('replies', () => {
  it.each([2, 3] as const)('read back as what was written, in RESP%i', (resp) => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const writer = new ReplyWriter(16)
        writer.resp = resp
        write(writer, value)
        expect(same(decode(writer.written()), expected(value, resp))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('have the IDs of streams as their text, whatever the numbers', () => {
    const word = fc.oneof(
      fc.constantFrom(0, 1, 232, 2 ** 21 - 1, 2 ** 21, 999_999_999, 10 ** 9, 2 ** 31, 2 ** 32 - 1),
      fc.nat(),
    )
    fc.assert(
      fc.property(word, word, word, word, (msHigh, msLow, seqHigh, seqLow) => {
        const writer = new ReplyWriter(16)
        for (const id of [makeStreamId(msHigh, msLow, seqHigh, seqLow), makeStreamId(msHigh & 511, msLow, 0, seqLow)]) {
          writer.bulkId(id)
          expect(decode(writer.written())).toBe(idText(id))
          writer.clear()
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('have these forms', () => {
    const both = (run: (writer: ReplyWriter) => void): string[] =>
      ([2, 3] as const).map((resp) => {
        const writer = new ReplyWriter(8)
        writer.resp = resp
        run(writer)
        return text(writer)
      })
    expect(both((w) => w.ok())).toEqual(['+OK\r\n', '+OK\r\n'])
    expect(both((w) => w.null())).toEqual(['$-1\r\n', '_\r\n'])
    expect(both((w) => w.nullArray())).toEqual(['*-1\r\n', '_\r\n'])
    expect(both((w) => w.map(2))).toEqual(['*4\r\n', '%2\r\n'])
    expect(both((w) => w.set(11))).toEqual(['*11\r\n', '~11\r\n'])
    expect(both((w) => w.push(3))).toEqual(['*3\r\n', '>3\r\n'])
    expect(both((w) => w.bool(true))).toEqual([':1\r\n', '#t\r\n'])
    expect(both((w) => w.double('1.5'))).toEqual(['$3\r\n1.5\r\n', ',1.5\r\n'])
    expect(both((w) => w.verbatim('txt', 'hé'))).toEqual(['$3\r\nh\xc3\xa9\r\n', '=7\r\ntxt:h\xc3\xa9\r\n'])
    expect(both((w) => w.int(-1))).toEqual([':-1\r\n', ':-1\r\n'])
    expect(both((w) => w.bulkInt(2n ** 63n))).toEqual(Array(2).fill('$19\r\n9223372036854775808\r\n'))
  })

  it('cannot be forged by a line break in an error', () => {
    const writer = new ReplyWriter()
    writer.error("ERR unknown command 'a\r\n+OK\r\n'")
    expect(text(writer)).toBe("-ERR unknown command 'a  +OK  '\r\n")
  })

  it('can be counted after they were written', () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 120 }), fc.boolean(), (items, behindOther) => {
        const writer = new ReplyWriter(8)
        if (behindOther) writer.ok()
        const mark = writer.pos
        for (const item of items) writer.bulk(item)
        writer.arrayAt(mark, items.length)
        expect(decode(writer.written().subarray(mark))).toEqual(
          items.map((item) => Buffer.from(item).toString('latin1')),
        )
      }),
    )
  })

  it('can be taken back and cleared', () => {
    const writer = new ReplyWriter(8)
    writer.ok()
    const mark = writer.pos
    writer.bulkText('x'.repeat(1000))
    writer.rewind(mark)
    expect(text(writer)).toBe('+OK\r\n')
    writer.bulk(Buffer.alloc(2 << 20))
    writer.clear()
    expect([writer.pos, writer.buffer.length]).toEqual([0, 8])
  })

  it('copy a part of a buffer', () => {
    const writer = new ReplyWriter(8)
    writer.bulk(Buffer.from('0123456789'), 2, 5)
    writer.raw(Buffer.from('0123456789'), 8)
    expect(text(writer)).toBe('$3\r\n234\r\n89')
  })
})

describe('an encoded request', () => {
  it('is the array of its arguments', () => {
    expect(encodeRequest(['SET', Buffer.of(0, 255), 'é']).toString('latin1')).toBe(
      '*3\r\n$3\r\nSET\r\n$2\r\n\x00\xff\r\n$2\r\n\xc3\xa9\r\n',
    )
  })
})
