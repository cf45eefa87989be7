// What is read ahead is what the parser reads, request for request and error for error, wherever the input is cut.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NEED_MORE, REQUEST, RequestParser } from '../../../src/protocol/parser.ts'
import { Scanned } from '../../../src/protocol/scanned.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'

/** All that comes out of the input, piece by piece through a buffer that is overwritten, with or without reading ahead. */
function read(pieces: readonly Buffer[], scanned: Scanned | undefined, bulkBytesMax = 512 << 20): string[] {
  const parser = new RequestParser({ bulkBytesMax, queryBytesMax: 1 << 20, authenticated: true }, scanned)
  const out: string[] = []
  for (const piece of pieces) {
    const shared = Buffer.from(piece)
    parser.feed(shared)
    for (;;) {
      if (scanned !== undefined && !parser.hasScanned) parser.scanAhead()
      const found = parser.next()
      if (found !== REQUEST) {
        if (found === NEED_MORE) break
        return [...out, `error ${found} ${parser.error}`]
      }
      const { args } = parser
      const words = Array.from({ length: args.count }, (_, i) => args.latin1(i))
      const raw = args.buffer.toString('latin1', args.base, args.base + args.rawLength)
      out.push(JSON.stringify([words, raw, parser.unparsedBytes]))
    }
    parser.keep()
    out.push(`kept ${parser.unreadBytes}`)
    shared.fill(0xee)
  }
  return out
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
}

const word = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  fc.uint8Array({ minLength: 100, maxLength: 1200 }),
)
const places = fc.array(fc.nat(20_000), { maxLength: 6 })

describe('requests that are read ahead', () => {
  it('are those that the parser finds', () => {
    const argv = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => encodeRequest(words))
    const other = fc.constantFrom('PING\r\n', '*0\r\n', '\r\n', '*1\r\n$4\r\nPING\r\n').map((text) => Buffer.from(text))
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 5, arbitrary: argv }, other), { maxLength: 100 }),
        places,
        (parts, at) => {
          const pieces = cut(Buffer.concat(parts), at)
          expect(read(pieces, new Scanned(64))).toEqual(read(pieces, undefined))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('end where the parser finds an error', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          ...[
            '*2\r\n',
            '*1\r\n',
            '*10\r\n',
            '*02\r\n',
            '$3\r\nGET\r\n',
            '$1\r\nx\r\n',
            '$01\r\nx\r\n',
            '$-1\r\n',
            '$0\r\n\r\n',
          ],
          ...[
            '$999999\r\n',
            '$1000000\r\n',
            '$99999999999\r\n',
            '*',
            '$',
            '$1',
            '\r\n',
            '*3\r\n$',
            '$12\r\nabcdefghijkl\r\n',
          ],
        )
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 14 }),
        places,
        fc.constantFrom(5, 512 << 20),
        (parts, at, bulkBytesMax) => {
          const pieces = cut(Buffer.concat(parts), at)
          expect(read(pieces, new Scanned(64), bulkBytesMax)).toEqual(read(pieces, undefined, bulkBytesMax))
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('are not read before AUTH, whose limits are the parser’s', () => {
    const limits = { bulkBytesMax: 512, queryBytesMax: 1 << 20, authenticated: false }
    const parser = new RequestParser(limits, new Scanned(64))
    parser.feed(encodeRequest(['PING']))
    expect(parser.scanAhead()).toBe(0)
    expect(parser.next()).toBe(REQUEST)
  })

  it('hold on to no bytes once they are given out or forgotten', () => {
    const scanned = new Scanned(64)
    const parser = new RequestParser({ bulkBytesMax: 512, queryBytesMax: 1 << 20, authenticated: true }, scanned)
    const half = Buffer.from('*1\r\n$4\r\nPI')
    parser.feed(half)
    expect(parser.scanAhead()).toBe(0)
    expect(parser.next()).toBe(NEED_MORE)
    parser.keep()
    parser.feed(Buffer.concat([Buffer.from('NG\r\n'), encodeRequest(['PING']), encodeRequest(['PING'])]))
    expect(parser.next()).toBe(REQUEST)
    expect(parser.scanAhead()).toBe(2)
    expect(parser.next()).toBe(REQUEST)
    parser.keep()
    expect([parser.hasScanned, scanned.args.buffer.length]).toEqual([false, 0])
    expect(parser.unreadBytes).toBe(14)
    expect(parser.next()).toBe(REQUEST)
  })
})
