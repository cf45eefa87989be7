// A raw RESP client for tests: sends any bytes, hands back every reply as the bytes that came, and decodes them on demand.
// Deliberately independent of src/protocol, which it checks.
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Scope } from './scope.ts'
import { tlsOf } from './tls.ts'

/** A decoded reply. Errors are values, with the text of the error line. */
export class RespError {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}
export type RespValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | RespError
  | RespValue[]
  | { map: [RespValue, RespValue][] }
  | { push: RespValue[] }

const LINE_TYPES = '+-:,#_('
const BULK_TYPES = '$=!'

/** Where the reply that begins at `start` ends, or undefined when bytes are missing. Throws on what is no RESP. */
export function replyEnd(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', start, 'latin1')
  if (lineEnd < 0) return undefined
  const type = String.fromCharCode(bytes[start]!)
  if (LINE_TYPES.includes(type)) return lineEnd + 2
  const count = Number(bytes.toString('latin1', start + 1, lineEnd))
  if (!Number.isInteger(count)) throw new Error(`no RESP: ${JSON.stringify(bytes.toString('latin1', start, lineEnd))}`)
  if (count < 0) return lineEnd + 2
  if (BULK_TYPES.includes(type)) {
    const end = lineEnd + 2 + count + 2
    return end <= bytes.length ? end : undefined
  }
  const children = { '*': count, '~': count, '>': count, '%': 2 * count, '|': 2 * count + 1 }[type]
  if (children === undefined)
    throw new Error(`no RESP type: ${JSON.stringify(bytes.toString('latin1', start, start + 40))}`)
  let at: number | undefined = lineEnd + 2
  for (let i = 0; i < children && at !== undefined; i++) at = at < bytes.length ? replyEnd(bytes, at) : undefined
  return at
}

/** The value of one whole reply. Bulk strings are latin1 text, so that every byte is one character. */
export function decode(bytes: Buffer): RespValue {
  let at = 0
  const line = (): string => {
    const end = bytes.indexOf('\r\n', at, 'latin1')
    const text = bytes.toString('latin1', at, end)
    at = end + 2
    return text
  }
  const many = (count: number): RespValue[] => Array.from({ length: count }, value)
  function value(): RespValue {
    const head = line()
    const rest = head.slice(1)
    switch (head[0]) {
      case '+':
        return rest
      case '-':
        return new RespError(rest)
      case ':':
        return Number.isSafeInteger(Number(rest)) ? Number(rest) : BigInt(rest)
      case ',':
        return Number(rest.replace('inf', 'Infinity'))
      case '(':
        return BigInt(rest)
      case '#':
        return rest === 't'
      case '_':
        return null
    }
    const count = Number(rest)
    if (count < 0) return null
    switch (head[0]) {
      case '$':
      case '=':
      case '!': {
        const text = bytes.toString('latin1', at, at + count)
        at += count + 2
        return head[0] === '!' ? new RespError(text) : head[0] === '=' ? text.slice(4) : text
      }
      case '%':
        return { map: Array.from({ length: count }, (): [RespValue, RespValue] => [value(), value()]) }
      case '>':
        return { push: many(count) }
      case '|':
        many(2 * count)
        return value()
      default:
        return many(count)
    }
  }
  return value()
}

/** A request as an array of bulk strings. Strings are taken as latin1, so every character is one byte. */
export function encodeRequest(args: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)]
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}

export interface RawConnection {
  readonly socket: Socket
  /** Sends the bytes as they are. */
  send(bytes: Buffer | string): void
  /** The bytes of the next reply, in order; fails when the connection ends or `timeoutMs` pass. */
  reply(timeoutMs?: number): Promise<Buffer>
  /** One request, its reply's bytes. */
  raw(...args: (string | Buffer)[]): Promise<Buffer>
  /** One request, its reply decoded. */
  call(...args: (string | Buffer)[]): Promise<RespValue>
  /** Bytes that came and were not yet taken as a reply. */
  rest(): Buffer
  /** Resolves when the peer or the network has closed the connection. */
  readonly closed: Promise<void>
  close(): void
}

/** Connects to 127.0.0.1; with a scope, closed with it. */
export async function connectRaw(
  port: number,
  { scope, host = '127.0.0.1' }: { scope?: Scope; host?: string } = {},
): Promise<RawConnection> {
  const secure = tlsOf(port)
  const socket = secure === undefined ? connect({ port, host, noDelay: true }) : connectTls({ ...secure, port, host })
  const waiting: { resolve: (bytes: Buffer) => void; reject: (error: Error) => void }[] = []
  let pending: Buffer = Buffer.alloc(0)
  let end: Error | undefined
  const deliver = (): void => {
    try {
      while (waiting.length > 0) {
        const length = pending.length > 0 ? replyEnd(pending, 0) : undefined
        if (length === undefined) break
        const bytes = pending.subarray(0, length)
        pending = pending.subarray(length)
        waiting.shift()!.resolve(bytes)
      }
    } catch (error) {
      end ??= error as Error
    }
    if (end !== undefined) for (const one of waiting.splice(0)) one.reject(end)
  }
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      end ??= new Error('connection closed')
      deliver()
      resolve()
    })
  })
  socket.on('error', (error) => {
    end ??= error
  })
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    if (waiting.length > 0) deliver()
  })
  const reply = (timeoutMs = 10_000): Promise<Buffer> =>
    new Promise<Buffer>((resolve, reject) => {
      const waiter = { resolve, reject }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(waiter), 1)
        reject(new Error(`no reply within ${timeoutMs} ms`))
      }, timeoutMs)
      waiter.resolve = (bytes) => {
        clearTimeout(timer)
        resolve(bytes)
      }
      waiter.reject = (error) => {
        clearTimeout(timer)
        reject(error)
      }
      waiting.push(waiter)
      deliver()
    })
  const raw = (...args: (string | Buffer)[]): Promise<Buffer> => {
    socket.write(encodeRequest(args))
    return reply()
  }
  scope?.defer(() => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once(secure === undefined ? 'connect' : 'secureConnect', resolve)
    socket.once('error', reject)
  })
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    reply,
    raw,
    call: async (...args) => decode(await raw(...args)),
    rest: () => pending,
    closed,
    close: () => void socket.destroy(),
  }
}

/** One request on a connection of its own. */
export async function callOnce(port: number, ...args: string[]): Promise<RespValue> {
  const connection = await connectRaw(port)
  try {
    return await connection.call(...args)
  } finally {
    connection.close()
  }
}

/** INFO as a record of its `name:value` lines. */
export async function info(port: number, section = 'everything'): Promise<Record<string, string>> {
  const text = await callOnce(port, 'INFO', section)
  if (typeof text !== 'string') throw new Error(`INFO: ${text instanceof RespError ? text.message : String(text)}`)
  return Object.fromEntries(
    text
      .split('\r\n')
      .filter((line) => /^[^#].*?:/.test(line))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

/** A flat array of names and values (RESP2's shape of a map), or a map, as a record. */
export function record(value: RespValue): Record<string, string> {
  if (!Array.isArray(value)) {
    if (value !== null && typeof value === 'object' && 'map' in value) {
      return Object.fromEntries(value.map.map(([name, item]) => [String(name), String(item)]))
    }
    throw new Error(`no record: ${value instanceof RespError ? value.message : String(value)}`)
  }
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < value.length; i += 2) pairs.push([String(value[i]), String(value[i + 1])])
  return Object.fromEntries(pairs)
}
