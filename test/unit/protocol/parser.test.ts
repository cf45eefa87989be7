// Requests come out the same wherever the input is cut; what is no request gives an error, never an exception; and what is
// kept of unfinished input is bounded.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitLine } from '../../../src/lib/words.ts'
import {
  NEED_MORE,
  type ParserLimits,
  PROTOCOL_ERROR,
  QUERY_TOO_LARGE,
  REQUEST,
  RequestParser,
} from '../../../src/protocol/parser.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'

const LIMITS: ParserLimits = { bulkBytesMax: 512 << 20, queryBytesMax: 1 << 30, authenticated: true }

interface Outcome {
  requests: string[][]
  raw: string[]
  error: string
  result: number
}

/** Feeds the pieces, each in a buffer that is overwritten afterwards, as a transport does. */
function parse(pieces: readonly Buffer[], limits: ParserLimits = LIMITS): Outcome {
  const parser = new RequestParser(limits)
  const outcome: Outcome = { requests: [], raw: [], error: '', result: NEED_MORE }
  for (const piece of pieces) {
    const shared = Buffer.from(piece)
    parser.feed(shared)
    for (;;) {
      outcome.result = parser.next()
      if (outcome.result !== REQUEST) break
      const { args } = parser
      outcome.requests.push(Array.from({ length: args.count }, (_, i) => args.latin1(i)))
      outcome.raw.push(args.buffer.toString('latin1', args.base, args.base + args.rawLength))
    }
    if (outcome.result !== NEED_MORE) {
      outcome.error = parser.error
      return outcome
    }
    parser.keep()
    shared.fill(0xee)
  }
  return outcome
}

const text = (bytes: string): Buffer => Buffer.from(bytes, 'latin1')

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
}

const anyArgument = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 100, maxLength: 5000 }) },
  { weight: 1, arbitrary: fc.constantFrom(text('\r\n'), text('*1\r\n$4\r\nPING\r\n'), text('"')) },
)
const anyRequest = fc.array(anyArgument, { minLength: 1, maxLength: 12 })

describe('requests', () => {
  it('come out the same, and their raw bytes too, wherever the input is cut', () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }), (requests, places) => {
        const encoded = requests.map((argv) => encodeRequest(argv))
        const { requests: got, raw, result } = parse(cut(Buffer.concat(encoded), places))
        expect(got).toEqual(requests.map((argv) => argv.map((arg) => Buffer.from(arg).toString('latin1'))))
        expect(raw).toEqual(encoded.map((bytes) => bytes.toString('latin1')))
        expect(result).toBe(NEED_MORE)
      }),
      { numRuns: 300 },
    )
  })

  it('come out the same when every byte comes alone', () => {
    const bytes = text('*2\r\n$3\r\nGET\r\n$1\r\nk\r\nSET a "b c"\r\n*0\r\n\r\n*-1\r\n*1\r\n$0\r\n\r\nPING\n')
    const expected = [['GET', 'k'], ['SET', 'a', 'b c'], [''], ['PING']]
    expect(parse([bytes]).requests).toEqual(expected)
    expect(parse([...bytes].map((byte) => Buffer.of(byte))).requests).toEqual(expected)
  })

  it('in one line have the words that the line splits into, wherever it is cut', () => {
    const anyLine = fc.string({
      unit: fc.constantFrom('a', 'Z', '0', ' ', '\t', '\v', '\0', '"', "'", '\\'),
      maxLength: 30,
    })
    fc.assert(
      fc.property(anyLine, fc.nat(), fc.boolean(), (line, cut, withReturn) => {
        const words = splitLine(Buffer.from(line, 'latin1'))
        const input = Buffer.from(`${line}${withReturn ? '\r' : ''}\n`, 'latin1')
        const at = cut % input.length
        const { requests, result } = parse([input.subarray(0, at), input.subarray(at)])
        if (words === undefined) return result === PROTOCOL_ERROR
        const expected = words.length === 0 ? [] : [words.map((word) => word.toString('latin1'))]
        expect(requests).toEqual(expected)
        return true
      }),
      { numRuns: 2000 },
    )
  })

  it('of a million arguments are taken, and leave no room reserved', () => {
    const parser = new RequestParser(LIMITS)
    const count = 1024 * 1024
    const bytes = Buffer.concat([text(`*${count}\r\n`), ...Array.from({ length: count }, () => text('$1\r\nx\r\n'))])
    parser.feed(bytes)
    expect(parser.next()).toBe(REQUEST)
    expect([parser.args.count, parser.args.latin1(count - 1)]).toEqual([count, 'x'])
    expect(parser.next()).toBe(NEED_MORE)
    parser.keep()
    expect(parser.heldBytes).toBeLessThan(1000)
  })

  it('of more than a million arguments are taken, up to what Redis takes', () => {
    const count = 1024 * 1024 + 1
    const parser = new RequestParser(LIMITS)
    parser.feed(Buffer.concat([text(`*${count}\r\n`), Buffer.from('$1\r\nx\r\n'.repeat(count))]))
    expect([parser.next(), parser.args.count]).toEqual([REQUEST, count])
    expect(parse([text('*2147483648\r\n')]).error).toBe('invalid multibulk length')
    expect(parse([text('*11\r\n')], { ...LIMITS, authenticated: false }).error).toBe('unauthenticated multibulk length')
  })

  it('hold on to what was really sent, not to what was announced', () => {
    const parser = new RequestParser(LIMITS)
    parser.feed(text('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nonly this'))
    expect(parser.next()).toBe(NEED_MORE)
    parser.keep()
    expect(parser.heldBytes).toBeLessThan(2000)
  })

  it('that are very long are copied a few times only, and never take twice of what was sent', () => {
    const parser = new RequestParser(LIMITS)
    const length = 128 << 20
    const piece = Buffer.alloc(64 * 1024)
    parser.feed(text(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${length}\r\n`))
    expect(parser.next()).toBe(NEED_MORE)
    parser.keep()
    let copied = 0
    let held = parser.heldBytes
    for (let sent = 0; sent < length; sent += piece.length) {
      parser.feed(piece)
      expect(parser.next()).toBe(NEED_MORE)
      parser.keep()
      expect(parser.heldBytes).toBeLessThan(2 * (sent + piece.length) + 1000)
      if (parser.heldBytes !== held) copied += sent
      held = parser.heldBytes
    }
    expect(copied / length).toBeLessThan(3)
    parser.feed(text('\r\nPING\r\n'))
    expect([parser.next(), parser.args.count, parser.args.end(2) - parser.args.start(2)]).toEqual([REQUEST, 3, length])
    expect([parser.next(), parser.args.latin1(0)]).toEqual([REQUEST, 'PING'])
  })

  it('give their memory back when they are done', () => {
    const parser = new RequestParser(LIMITS)
    const bytes = encodeRequest(['SET', 'k', Buffer.alloc(1 << 20)])
    parser.feed(bytes.subarray(0, 1 << 19))
    expect(parser.next()).toBe(NEED_MORE)
    parser.keep()
    parser.feed(bytes.subarray(1 << 19))
    expect([parser.next(), parser.next()]).toEqual([REQUEST, NEED_MORE])
    expect(parser.unreadBytes).toBe(0)
    parser.keep()
    expect(parser.heldBytes).toBeLessThan(1000)
  })

  it('that were run are not kept while the next ones wait', () => {
    const parser = new RequestParser(LIMITS)
    const waiting = 'PING\r\n'
    parser.feed(Buffer.concat([encodeRequest(['SET', 'k', Buffer.alloc(1 << 20)]), text(waiting)]))
    expect(parser.next()).toBe(REQUEST)
    parser.keep()
    expect(parser.unreadBytes).toBe(waiting.length)
    expect(parser.heldBytes).toBeLessThan(1000)
    parser.feed(text('ECHO x\r\n'))
    expect([parser.next(), parser.args.latin1(0)]).toEqual([REQUEST, 'PING'])
    expect([parser.next(), parser.args.latin1(0)]).toEqual([REQUEST, 'ECHO'])
    expect(parser.next()).toBe(NEED_MORE)
  })
})

describe('protocol errors', () => {
  it.each([
    ['*x\r\n', 'invalid multibulk length'],
    ['*2147483648\r\n', 'invalid multibulk length'],
    ['*99999999999999999999\r\n', 'invalid multibulk length'],
    ['*1\r\nGET\r\n', "expected '$', got 'G'"],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$536870913\r\n', 'invalid bulk length'],
    ['GET "a\r\n', 'unbalanced quotes in request'],
    ['GET "a"b\r\n', 'unbalanced quotes in request'],
    ['x'.repeat(65_537), 'too big inline request'],
  ])('%j', (input, error) => {
    expect(parse([text(input)])).toMatchObject({ error, result: PROTOCOL_ERROR })
  })

  it.each([
    ['*11\r\n', 'unauthenticated multibulk length'],
    ['*1\r\n$16385\r\n', 'unauthenticated bulk length'],
  ])('before authentication: %j', (input, error) => {
    expect(parse([text(input)], { ...LIMITS, authenticated: false })).toMatchObject({ error, result: PROTOCOL_ERROR })
  })

  it('end a query buffer over its limit', () => {
    const limits = { ...LIMITS, queryBytesMax: 1000 }
    const pieces = [text('*2\r\n$3\r\nGET\r\n$2000\r\n'), ...Array.from({ length: 30 }, () => Buffer.alloc(100, 120))]
    expect(parse(pieces, limits).result).toBe(QUERY_TOO_LARGE)
  })

  it('are all that garbage leads to', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.constantFrom('*', '$', '-', '1', '3', '9', '\r', '\n', '\r\n', '"', "'", '\\x', 'a', ' ', '\0'), {
          maxLength: 60,
        })
        .map((parts) => text(parts.join(''))),
    )
    fc.assert(
      fc.property(noise, fc.array(fc.nat(), { maxLength: 4 }), (bytes, places) => {
        const whole = parse([bytes])
        expect([NEED_MORE, PROTOCOL_ERROR]).toContain(whole.result)
        expect(whole.result === PROTOCOL_ERROR).toBe(whole.error !== '')
        expect(whole.error).not.toMatch(/[\r\n]/)
        const pieces = parse(cut(bytes, places))
        expect(pieces.requests).toEqual(whole.requests)
        expect(pieces.result).toBe(whole.result)
      }),
      { numRuns: 3000 },
    )
  })
})
