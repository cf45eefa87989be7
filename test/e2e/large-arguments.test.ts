// Arguments of 512 MiB, the most that Redis allows: as the subcommand of every container, and at each position of one row of every
// group of commands: an answer, whatever it is, and no exception. (Every position of every row is tried with less in
// test/unit/facade/any-arguments.test.ts: hundreds of these would take the memory and the minutes of a whole machine.) In this
// process, on the real connections and engine; the input is laid out once and parsed in place.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { allCommands } from '../../src/commands/table.ts'
import { encodeRequest } from '../../src/protocol/writer.ts'
import { type Case, casesOf } from '../support/large-arguments.ts'
import { createTestRegistry } from '../support/registry.ts'
import { createTestFront } from '../support/sentinel-front.ts'
import { connectWire } from '../support/wire.ts'

const LENGTH = 512 * 1024 * 1024
/** Room before and behind the argument for the rest of a request. */
const MARGIN = 4096

let input: Buffer = Buffer.alloc(0)
beforeAll(() => {
  input = Buffer.alloc(LENGTH + 2 * MARGIN, 'x')
})
afterAll(() => {
  input = Buffer.alloc(0)
})

/** The bytes of a case's request, around the one long argument. */
function requestOf({ before, after }: Case): Buffer {
  const whole = encodeRequest([...before, '', ...after])
  const tail = after.map((word) => `$${word.length}\r\n${word}\r\n`).join('')
  const head = whole.subarray(0, whole.length - tail.length - '$0\r\n\r\n'.length)
  const start = Buffer.concat([head, Buffer.from(`$${LENGTH}\r\n`)])
  const end = Buffer.from(`\r\n${tail}`)
  start.copy(input, MARGIN - start.length)
  end.copy(input, MARGIN + LENGTH)
  return input.subarray(MARGIN - start.length, MARGIN + LENGTH + end.length)
}

/** The cases that differ in what the code does with the argument; LARGE_CASES=all tries every one. */
function chosen(): Case[] {
  const table = allCommands()
  if (process.env.LARGE_CASES === 'all') return casesOf(table)
  const groups = new Set<string>()
  const rows = new Set<string>()
  for (const { fullName, subcommands, spec } of table.all()) {
    if (subcommands !== undefined) rows.add(`${fullName} at 1`)
    else if (!groups.has(spec.group)) {
      groups.add(spec.group)
      rows.add(fullName)
    }
  }
  return casesOf(table).filter(({ name }) => {
    const [row = '', position = ''] = name.split(' at ')
    return rows.has(row) || rows.has(`${row} at ${position.split(' ')[0]}`)
  })
}

it('every container and every group of commands answers', async () => {
  const cases = chosen()
  expect(cases.length).toBeGreaterThan(15)
  for (const one of cases) {
    // What the last request held can be given back only between two turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    const registry = createTestRegistry({ 'enable-debug-command': 'yes' })
    registry.server.feeding = false
    const wire = connectWire(registry.clients)
    const bytes = requestOf(one)
    wire.handler.onData(bytes, bytes.length)
    for (const session of registry.clients.all()) registry.clients.kill(session)
    expect(registry.bugs, one.name).toEqual([])
    registry.clients.unpause()
    const next = connectWire(registry.clients)
    next.send('PING')
    expect(next.output(), one.name).toBe('+PONG\r\n')
  }
})

it('a session that watches or listens does not keep others from long keys and channels', () => {
  const registry = createTestRegistry({ 'notify-keyspace-events': 'KEA' })
  registry.server.feeding = false
  const waiting = connectWire(registry.clients)
  waiting.send('WATCH k')
  const listening = connectWire(registry.clients)
  listening.send('SUBSCRIBE c')
  for (const [before, after] of [
    [['SET'], ['v']],
    [['PUBLISH'], ['m']],
    [['DEL'], []],
  ] as const) {
    const wire = connectWire(registry.clients)
    const bytes = requestOf({ name: before[0], before, after })
    wire.handler.onData(bytes, bytes.length)
    expect(wire.output(), before[0]).toMatch(/^(\+OK|:\d)\r\n$/)
    expect(registry.bugs).toEqual([])
  }
})

it('a sentinel refuses it before it has come', () => {
  const { clients, bugs } = createTestFront()
  const wire = connectWire(clients)
  wire.send(Buffer.from(`*2\r\n$6\r\nCLIENT\r\n$${LENGTH}\r\n`))
  expect([wire.output(), wire.state, bugs]).toEqual(['-ERR Protocol error: invalid bulk length\r\n', 'ended', []])
})
