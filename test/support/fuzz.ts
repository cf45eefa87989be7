// Hostile input for a RESP port: cases of random bytes, mutated requests, false lengths and cut-off requests, from a seed; and a
// driver that throws them at a port over many connections, in odd chunks, half-closing, or hanging up.
import { connect } from 'node:net'
import type { Random } from '../../src/lib/prng.ts'
import { encodeRequest } from './resp.ts'
import { sleep } from './wait.ts'

/** A request that the mutations start from. */
export type Seed = readonly string[]

const NUMBERS = [
  '0',
  '-1',
  '1',
  '2',
  '00',
  '+3',
  '-0',
  ' 3',
  '1e3',
  '2147483647',
  '2147483648',
  '1048577',
  '536870913',
  '9223372036854775807',
  '9223372036854775808',
  '99999999999999999999',
  '',
  'x',
  '\xff',
]

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)]!

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = random.uint32()
  return bytes
}

/** Bytes that look like the protocol more often than chance would have it. */
function nearlyResp(random: Random): Buffer {
  const parts = [
    '*',
    '$',
    ':',
    '+',
    '-',
    '\r\n',
    '\n',
    '\r',
    '"',
    "'",
    '\\x',
    '3',
    '1',
    '0',
    'GET',
    'SET',
    'k',
    ' ',
    '\0',
    '%',
    '~',
    '>',
    '_',
    '#',
  ]
  return Buffer.from(Array.from({ length: 1 + random.below(24) }, () => pick(random, parts)).join(''), 'latin1')
}

function mutate(random: Random, request: Buffer): Buffer {
  const at = random.below(request.length)
  switch (random.below(7)) {
    case 0: {
      const copy = Buffer.from(request)
      copy[at] = random.uint32()
      return copy
    }
    case 1:
      return Buffer.concat([request.subarray(0, at), request.subarray(at + 1 + random.below(4))])
    case 2:
      return Buffer.concat([request.subarray(0, at), randomBytes(random, 1 + random.below(8)), request.subarray(at)])
    case 3:
      return request.subarray(0, at)
    case 4:
      return Buffer.concat([request.subarray(at), request.subarray(0, at)])
    default: {
      // Another number after one of the '*' and '$'.
      const text = request.toString('latin1')
      const marks = [...text.matchAll(/[*$](\d+)\r\n/g)]
      const mark = pick(random, marks)
      return Buffer.from(
        `${text.slice(0, mark.index + 1)}${pick(random, NUMBERS)}${text.slice(mark.index + 1 + mark[1]!.length)}`,
        'latin1',
      )
    }
  }
}

/** A request of a seed with some of its arguments replaced: sound as protocol, odd as a command. */
function oddRequest(random: Random, seeds: readonly Seed[]): Buffer {
  const seed = pick(random, seeds)
  const args = seed.map((arg, i) => (i > 0 && random.below(4) === 0 ? pick(random, NUMBERS) : arg))
  const count = random.below(8)
  if (count === 0) args.push(pick(random, NUMBERS))
  if (count === 1) args.pop()
  if (count === 2) args.push(...Array.from({ length: random.below(200) }, () => 'x'))
  return encodeRequest(args)
}

/** One case: some bytes for a connection. */
export function fuzzCase(random: Random, seeds: readonly Seed[]): Buffer {
  switch (random.below(8)) {
    case 0:
      return randomBytes(random, 1 + random.below(200))
    case 1:
      return nearlyResp(random)
    case 2:
      return Buffer.concat([nearlyResp(random), Buffer.from('\r\n')])
    case 3:
      return Buffer.from(
        `${pick(random, ['*', '$', '*1\r\n$', '*2\r\n$3\r\nGET\r\n$'])}${pick(random, NUMBERS)}\r\n`,
        'latin1',
      )
    case 4:
      return mutate(random, oddRequest(random, seeds))
    case 5:
      return mutate(random, encodeRequest(pick(random, seeds)))
    case 6:
      return oddRequest(random, seeds)
    default:
      return encodeRequest(pick(random, seeds))
  }
}

export interface FuzzOutcome {
  cases: number
  connections: number
  bytesSent: number
  bytesReceived: number
  /** Connections that were refused; after some of them in a row the driver gives up, because nobody is there. */
  refused: number
  /** Connections that the server had neither answered to the end nor closed when their time was up. */
  stuck: number
}

/** Sends cases on one connection until there are enough of them or the server hangs up; how many were sent. */
function session(
  port: number,
  random: Random,
  nextCase: () => Buffer,
  casesMax: number,
  outcome: FuzzOutcome,
): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: random.below(2) === 0 })
    const ending = random.below(10)
    let sent = 0
    const timer = setTimeout(() => {
      outcome.stuck++
      socket.resetAndDestroy()
    }, 20_000)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') outcome.refused++
    })
    socket.on('data', (chunk: Buffer) => {
      outcome.bytesReceived += chunk.length
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(sent)
    })
    const send = async (): Promise<void> => {
      while (sent < casesMax && socket.writable) {
        const bytes = nextCase()
        sent++
        outcome.bytesSent += bytes.length
        const cut = random.below(3) === 0 ? random.below(bytes.length + 1) : 0
        if (cut > 0) {
          socket.write(bytes.subarray(0, cut))
          await sleep(0)
        }
        if (!socket.write(bytes.subarray(cut)))
          await Promise.race([sleep(50), new Promise((drained) => socket.once('drain', drained))])
        if (random.below(4) === 0) await sleep(0)
      }
      // One in ten just disappears; the others half-close and wait until the server has closed as well.
      if (ending === 0) socket.resetAndDestroy()
      else socket.end()
    }
    socket.once('connect', () => void send())
  })
}

const REFUSED_MAX = 200

/** Throws `cases` cases at the port, `parallel` connections at a time. */
export async function fuzzPort(
  port: number,
  random: Random,
  nextCase: () => Buffer,
  { cases, parallel = 50, casesPerConnection = 30 }: { cases: number; parallel?: number; casesPerConnection?: number },
): Promise<FuzzOutcome> {
  const outcome: FuzzOutcome = { cases: 0, connections: 0, bytesSent: 0, bytesReceived: 0, refused: 0, stuck: 0 }
  const lane = async (): Promise<void> => {
    while (outcome.cases < cases && outcome.refused < REFUSED_MAX) {
      outcome.connections++
      const sent = await session(port, random, nextCase, 1 + random.below(casesPerConnection), outcome)
      outcome.cases += sent
    }
  }
  await Promise.all(Array.from({ length: parallel }, lane))
  return outcome
}
