// The reader of append-only files: the same commands however the bytes are cut, and the place where a torn file may end.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AofFormatError, createAofReader } from '../../../src/protocol/aof-reader.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'

interface Reading {
  readonly commands: string[][]
  readonly wholeBytes: number
  readonly takenBytes: number
}

/** Reads pieces; a transaction is open from MULTI to EXEC. */
function read(pieces: readonly Buffer[]): Reading {
  const commands: string[][] = []
  let open = false
  const reader = createAofReader((args) => {
    const argv = args.copyAll().map((arg) => arg.toString('latin1'))
    commands.push(argv)
    if (argv[0] === 'MULTI') open = true
    if (argv[0] === 'EXEC') open = false
    return !open
  })
  for (const piece of pieces) {
    // What was given is overwritten afterwards, as a reader of files does it.
    const own = Buffer.from(piece)
    reader.feed(own)
    own.fill(0x58)
  }
  return { commands, wholeBytes: reader.wholeBytes, takenBytes: reader.takenBytes }
}

const word = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
const request = fc.array(word, { minLength: 1, maxLength: 5 })

it('reads the same commands however the file is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 10 }), (requests, cuts) => {
      const notes = Buffer.from('#TS:1700000000\r\n')
      const bytes = Buffer.concat(requests.flatMap((argv) => [notes, encodeRequest(argv)]))
      const places = [0, ...cuts.filter((at) => at <= bytes.length).toSorted((a, b) => a - b), bytes.length]
      const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
      const seen = read(pieces)
      expect(seen.commands).toEqual(requests.map((argv) => argv.map((arg) => arg.toString('latin1'))))
      expect(seen.wholeBytes).toBe(bytes.length)
    }),
  )
})

describe('a torn file', () => {
  const set = encodeRequest(['SET', 'a', '1'])
  const multi = encodeRequest(['MULTI'])
  const exec = encodeRequest(['EXEC'])

  it('may end behind its last whole command', () => {
    const bytes = Buffer.concat([set, set])
    for (let length = 0; length < bytes.length; length++) {
      const { wholeBytes, takenBytes } = read([bytes.subarray(0, length)])
      expect(wholeBytes).toBe(length < set.length ? 0 : set.length)
      expect(takenBytes).toBe(length)
    }
  })

  it('may not end in a transaction', () => {
    const bytes = Buffer.concat([set, multi, set, exec, set])
    const inside = set.length + multi.length + set.length
    expect(read([bytes.subarray(0, inside)]).wholeBytes).toBe(set.length)
    expect(read([bytes.subarray(0, inside + exec.length)]).wholeBytes).toBe(inside + exec.length)
  })
})

it.each([
  ['SET a 1\r\n', 'an inline command'],
  ['*0\r\nSET a 1\r\n', 'an inline command behind nothing'],
  ['*1\r\n+PING\r\n', 'something that is no string'],
  ['*1\r\n$4\r\nPINGxx', 'a string that is longer than it says'],
  ['*1\rx$4\r\nPING\r\n', 'a line without its end'],
  ['\0\0\0\0', 'zeros, as a crashed file system leaves them'],
])('refuses %j: %s', (text) => {
  expect(() => read([Buffer.from(`${encodeRequest(['PING'])}${text}`, 'latin1')])).toThrow(AofFormatError)
})
