// Compatibility scripts: plain lines of commands that run against two servers at once, whose replies must be the same
// bytes. A line is a command as one would type it in redis-cli (quotes and escapes included), with these additions:
//   # …            a comment
//   @name …        on the connection of that name (default: a)
//   [sorted] …     the elements of the reply in any order
//   [near N] …     integers in the reply may differ by N
//   [digits] …     numbers, and digits within texts, may differ
//   [code] …       of an error only its first word counts
//   <              one more reply or push of the connection;  <2 two, as one array;  <none: nothing more within 80 ms
//   > text         these bytes as they are (escapes understood), then one reply;  >> text: no reply awaited
//   sleep N        milliseconds
//   closed         the server has closed the connection
import { connectRaw, decode, encodeRequest, type RawConnection, RespError, type RespValue } from './resp.ts'
import { sleep, within } from './wait.ts'

type Mode = { kind: 'exact' | 'sorted' | 'digits' | 'code' } | { kind: 'near'; by: number }

interface Step {
  line: string
  lineNumber: number
  connection: string
  mode: Mode
  action: 'call' | 'read' | 'none' | 'raw' | 'send' | 'sleep' | 'closed'
  args: string[]
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }

function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|.)/gi, (_, code: string) =>
    /^x[0-9a-f]{2}$/i.test(code) ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  )
}

/** Splits a line as redis-cli does: words, "with \x00 escapes" or 'without'. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  for (const match of line.matchAll(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+)/g)) {
    words.push(
      match[1] !== undefined
        ? unescaped(match[1])
        : match[2] !== undefined
          ? match[2].replaceAll("\\'", "'")
          : match[3]!,
    )
  }
  return words
}

function parseMode(text: string | undefined): Mode {
  if (text === undefined) return { kind: 'exact' }
  const [kind, by] = text.split(' ')
  if (kind === 'near') return { kind, by: Number(by) }
  if (kind === 'sorted' || kind === 'digits' || kind === 'code') return { kind }
  throw new Error(`no such mode: [${text}]`)
}

export function parseScript(text: string): Step[] {
  const steps: Step[] = []
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const [, connection = 'a', mode, rest = ''] = line.match(/^(?:@(\w+) +)?(?:\[([^\]]+)\] +)?(.*)$/)!
    const step = { line, lineNumber: i + 1, connection, mode: parseMode(mode) }
    if (/^<\d*$/.test(rest)) steps.push({ ...step, action: 'read', args: [rest.slice(1) || '1'] })
    else if (rest === '<none') steps.push({ ...step, action: 'none', args: [] })
    else if (rest === 'closed') steps.push({ ...step, action: 'closed', args: [] })
    else if (rest.startsWith('>> ')) steps.push({ ...step, action: 'send', args: [unescaped(rest.slice(3))] })
    else if (rest.startsWith('> ')) steps.push({ ...step, action: 'raw', args: [unescaped(rest.slice(2))] })
    else if (/^sleep \d+$/.test(rest)) steps.push({ ...step, action: 'sleep', args: [rest.slice(6)] })
    else steps.push({ ...step, action: 'call', args: splitWords(rest) })
  })
  return steps
}

/** Runs the steps one by one; what came for each, as bytes. A reply that never comes is text saying so. */
async function play(steps: readonly Step[], port: number, protocol: 2 | 3): Promise<Buffer[]> {
  const connections = new Map<string, RawConnection>()
  const open = async (name: string): Promise<RawConnection> => {
    const known = connections.get(name)
    if (known !== undefined) return known
    const made = await connectRaw(port)
    connections.set(name, made)
    if (protocol === 3) await made.raw('HELLO', '3')
    return made
  }
  const act = async (step: Step): Promise<Buffer> => {
    const connection = await open(step.connection)
    switch (step.action) {
      case 'sleep':
        await sleep(Number(step.args[0]))
        return Buffer.alloc(0)
      case 'none':
        await sleep(80)
        return connection.rest()
      case 'closed':
        await within(2000, 'the connection is closed', connection.closed)
        return Buffer.from('closed')
      case 'send':
        connection.send(Buffer.from(step.args[0]!, 'latin1'))
        return Buffer.alloc(0)
      case 'raw':
        connection.send(Buffer.from(step.args[0]!, 'latin1'))
        return connection.reply(2000)
      case 'call':
        connection.send(encodeRequest(step.args))
        return connection.reply(2000)
      case 'read': {
        const count = Number(step.args[0])
        const replies: Buffer[] = []
        while (replies.length < count) replies.push(await connection.reply(2000))
        return count === 1 ? replies[0]! : Buffer.concat([Buffer.from(`*${count}\r\n`), ...replies])
      }
    }
  }
  try {
    const seen: Buffer[] = []
    for (const step of steps)
      seen.push(await act(step).catch((error: Error) => Buffer.from(`(no reply: ${error.message})`)))
    return seen
  } finally {
    for (const connection of connections.values()) connection.close()
  }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The value as text in which what the mode lets differ is gone. */
function normalised(value: RespValue, mode: Mode): string {
  if (mode.kind === 'digits') return JSON.stringify(show(value)).replace(/-?\d+(\.\d+)?/g, '#')
  if (mode.kind === 'code' && value instanceof RespError) return `-${value.message.split(' ')[0]}`
  if (mode.kind === 'sorted' && isMap(value))
    return `%${JSON.stringify(value.map.map((pair) => JSON.stringify(pair.map(show))).sort(compareText))}`
  if (mode.kind === 'sorted' && Array.isArray(value))
    return JSON.stringify(value.map((item) => JSON.stringify(show(item))).sort(compareText))
  return JSON.stringify(show(value))
}

function isMap(value: RespValue): value is { map: [RespValue, RespValue][] } {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && 'map' in value
}

function show(value: RespValue): unknown {
  if (value instanceof RespError) return `-${value.message}`
  if (Array.isArray(value)) return value.map(show)
  if (typeof value === 'bigint') return `${value}n`
  if (value !== null && typeof value === 'object') {
    return 'map' in value
      ? { map: value.map.map(([name, item]) => [show(name), show(item)]) }
      : { push: value.push.map(show) }
  }
  return value
}

function near(a: RespValue, b: RespValue, by: number): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= by
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => near(item, b[i]!, by))
  return JSON.stringify(show(a)) === JSON.stringify(show(b))
}

/** Whether two replies are the same as far as the mode asks. */
export function sameReply(a: Buffer, b: Buffer, mode: Mode): boolean {
  if (a.equals(b)) return true
  if (mode.kind === 'exact' || a.length === 0 || b.length === 0) return false
  if (a[0] === 0x28 || b[0] === 0x28) return false
  // The kind of reply (array, set, map, push …) must be the same in every mode.
  if (a[0] !== b[0]) return false
  const [left, right] = [decode(a), decode(b)]
  return mode.kind === 'near' ? near(left, right, mode.by) : normalised(left, mode) === normalised(right, mode)
}

export interface Difference {
  line: string
  expected: string
  got: string
}

const shown = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1').slice(0, 600))

/** Plays the script on both servers; every line whose replies differ. */
export async function compareScript(
  script: string,
  expectedPort: number,
  port: number,
  protocol: 2 | 3,
): Promise<Difference[]> {
  const steps = parseScript(script)
  const [expected, got] = await Promise.all([play(steps, expectedPort, protocol), play(steps, port, protocol)])
  return steps.flatMap((step, i) =>
    sameReply(expected[i]!, got[i]!, step.mode)
      ? []
      : [{ line: `${step.lineNumber}: ${step.line}`, expected: shown(expected[i]!), got: shown(got[i]!) }],
  )
}

/** The differences as one readable text; empty when there are none. */
export const report = (differences: readonly Difference[]): string =>
  differences
    .map(({ line, expected, got }) => `${line}\n   redis-server: ${expected}\n   vedette:      ${got}`)
    .join('\n')
