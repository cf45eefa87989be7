// Properties of the reply parser: any value survives encoding and any split of its bytes, any garbage is answered with
// `failure`, and what a peer declares costs nothing until it is sent.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createReplyParser, type ParsedReply, type Reply, ReplyError } from '../../../src/protocol/reply-parser.ts'

const parse = (text: string | Buffer, options = {}): { values: ParsedReply[]; failure: string | undefined } => {
  const parser = createReplyParser(options)
  return { values: parser.feed(Buffer.from(text)), failure: parser.failure }
}
const one = (text: string): Reply => {
  const { values, failure } = parse(text)
  expect(failure).toBeUndefined()
  expect(values.length).toBe(1)
  return values[0]!.value
}
const failureOf = (text: string | Buffer, options = {}): string | undefined => parse(text, options).failure

/** The RESP form of a value, in RESP3 where RESP2 has none. */
function encode(value: Reply): string {
  if (value === null) return '$-1\r\n'
  if (typeof value === 'string') return `$${Buffer.byteLength(value)}\r\n${value}\r\n`
  if (typeof value === 'boolean') return `#${value ? 't' : 'f'}\r\n`
  if (typeof value === 'bigint') return `(${value}\r\n`
  if (typeof value === 'number') return Number.isSafeInteger(value) ? `:${value}\r\n` : `,${value}\r\n`
  if (value instanceof ReplyError) return `-${value.message}\r\n`
  return `*${(value as Reply[]).length}\r\n${(value as Reply[]).map(encode).join('')}`
}

const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger().map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.bigInt({ min: 2n ** 64n, max: 2n ** 80n }),
    fc.constantFrom<Reply>(null, true, false, new ReplyError('ERR no'), new ReplyError('LOADING')),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}))

describe('reply parser', () => {
  it('reads every type', () => {
    expect(one('+OK\r\n')).toBe('OK')
    expect(one('+\r\n')).toBe('')
    expect(one('-READONLY You cannot\r\n')).toEqual(new ReplyError('READONLY You cannot'))
    expect((one('-READONLY You cannot\r\n') as ReplyError).code).toBe('READONLY')
    expect(one(':-42\r\n')).toBe(-42)
    expect(one(':9223372036854775807\r\n')).toBe(9223372036854775807n)
    expect(one('$-1\r\n')).toBeNull()
    expect(one('*-1\r\n')).toBeNull()
    expect(one('_\r\n')).toBeNull()
    expect(one('$0\r\n\r\n')).toBe('')
    expect(one('$4\r\na\r\nb\r\n')).toBe('a\r\nb')
    expect(one('=7\r\ntxt:abc\r\n')).toBe('abc')
    expect(one('!8\r\nERR a\r\nb\r\n')).toEqual(new ReplyError('ERR a\r\nb'))
    expect(one('#t\r\n')).toBe(true)
    expect(one(',-inf\r\n')).toBe(Number.NEGATIVE_INFINITY)
    expect(one(',1.5e3\r\n')).toBe(1500)
    expect(one(',nan\r\n')).toBeNaN()
    expect(one('(-3492890328409238509324850943850943825024385\r\n')).toBe(-3492890328409238509324850943850943825024385n)
    expect(one('*0\r\n')).toEqual([])
    expect(one('*2\r\n*1\r\n:1\r\n*0\r\n')).toEqual([[1], []])
    expect(one('~2\r\n+a\r\n+b\r\n')).toEqual(['a', 'b'])
  })

  it('gives maps the flat shape of RESP2 and drops attributes', () => {
    expect(one('%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n')).toEqual(['a', 1, 'b', 2])
    expect(one('|1\r\n+ttl\r\n:3\r\n*2\r\n|1\r\n+x\r\n*1\r\n:9\r\n:1\r\n:2\r\n')).toEqual([1, 2])
  })

  it('tells pushes from answers', () => {
    const { values } = parse('>2\r\n+invalidate\r\n*1\r\n+k\r\n+OK\r\n')
    expect(values).toEqual([
      { push: true, value: ['invalidate', ['k']] },
      { push: false, value: 'OK' },
    ])
  })

  it('keeps bulk strings as bytes when asked to', () => {
    const { values } = parse(Buffer.from([0x24, 0x32, 13, 10, 0xff, 0, 13, 10]), { bytes: true })
    expect(values[0]!.value).toEqual(Buffer.from([0xff, 0]))
  })

  it('reads any sequence of values however the stream is split', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 9 })),
        (sent, cuts) => {
          const bytes = Buffer.from(sent.map(encode).join(''))
          const parser = createReplyParser()
          const got: Reply[] = []
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const length = cuts.length === 0 ? bytes.length : cuts[turn % cuts.length]!
            got.push(...parser.feed(Buffer.from(bytes.subarray(at, at + length))).map(({ value }) => value))
            at += length
          }
          expect(parser.failure).toBeUndefined()
          expect(got).toEqual(sent)
        },
      ),
    )
  })

  it('never throws on garbage, and accepts nothing after a failure', () => {
    const almost = fc
      .tuple(reply, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([value, edits]) => {
        const bytes = Buffer.from(encode(value))
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), almost), (bytes) => {
        const parser = createReplyParser()
        parser.feed(bytes)
        if (parser.failure !== undefined) expect(parser.feed(Buffer.from('+OK\r\n'))).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'unexpected byte 0x48'],
    ['+OK\n', 'CRLF'],
    ['\r\n', 'CRLF'],
    [':1x\r\n', 'invalid integer'],
    ['$abc\r\n', 'invalid bulk length'],
    ['$-2\r\n', 'invalid bulk length'],
    ['!-1\r\n', 'invalid bulk length'],
    ['*-2\r\n', 'invalid multibulk'],
    ['%-1\r\n', 'invalid multibulk'],
    ['*99999999999\r\n', 'invalid multibulk'],
    ['*1000000000\r\n', 'too many values'],
    ['$1000000000\r\n', 'invalid bulk length'],
    ['$1\r\nabc', 'line end'],
    ['=2\r\nab\r\n', 'verbatim'],
    ['#x\r\n', 'boolean'],
    [',1..2\r\n', 'double'],
    ['(1.5\r\n', 'big number'],
    ['*1\r\n>1\r\n+a\r\n', 'push inside'],
    ['>0\r\n', 'empty push'],
    ['_x\r\n', 'null'],
  ])('refuses %j', (text, reason) => {
    expect(failureOf(text)).toMatch(reason)
  })

  it('bounds depth, values, line, bulk and total', () => {
    expect(failureOf('*1\r\n'.repeat(40))).toMatch('nested')
    expect(failureOf('*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n', { valuesMax: 6 })).toMatch('too many')
    expect(failureOf(`*3\r\n${'*0\r\n'.repeat(3)}`, { valuesMax: 4 })).toBeUndefined()
    expect(failureOf(`+${'a'.repeat(200)}`, { lineBytesMax: 100 })).toMatch('line')
    expect(failureOf('$101\r\n', { bulkBytesMax: 100 })).toMatch('bulk length')
    expect(failureOf(`*2\r\n$60\r\n${'a'.repeat(60)}\r\n$60\r\n`, { totalBytesMax: 100 })).toMatch('too long')
    expect(failureOf(`${':1\r\n'.repeat(1000)}`, { totalBytesMax: 100, valuesMax: 2 })).toBeUndefined()
  })

  it('reads a large bulk that trickles in', () => {
    const body = 'x'.repeat(3 << 20)
    const bytes = Buffer.from(`$${body.length}\r\n${body}\r\n+next\r\n`)
    const parser = createReplyParser()
    const got: ParsedReply[] = []
    for (let at = 0; at < bytes.length; at += 100) got.push(...parser.feed(bytes.subarray(at, at + 100)))
    expect(got.map(({ value }) => (value as string).length)).toEqual([body.length, 4])
  })
})
