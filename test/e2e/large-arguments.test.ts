// Arguments of 512 MiB, the most that Redis allows, at positions of rows of the server's table: an answer, whatever it is, and no
// exception. In this process, on the real connections and engine: the input is laid out once and parsed in place, so that such a
// request takes the memory of one. Each takes up to seconds, so that every container and a few of the others, drawn by
// LARGE_SEED, stand for all of them; LARGE_CASES=all tries every position of every row.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { allCommands } from '../../src/commands/table.ts'
import { seededRandom } from '../../src/lib/prng.ts'
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

const SEED = Number(process.env.LARGE_SEED ?? Math.floor(Math.random() * 2 ** 32))
const DRAWN = 15

/** The words of subcommands, where the name of the command is not known yet, and as many others as are to be tried. */
function casesToTry(): Case[] {
  const table = allCommands()
  const cases = casesOf(table)
  if (process.env.LARGE_CASES === 'all') return cases
  const isContainer = (name: string): boolean => table.byName.get(name)?.subcommands !== undefined
  const containers = cases.filter(({ before }) => before.length === 1 && isContainer(before[0]!))
  const random = seededRandom(SEED)
  return [...containers, ...Array.from({ length: DRAWN }, () => cases[random.below(cases.length)]!)]
}

it(`every command of a server answers (LARGE_SEED=${SEED})`, { timeout: 3_600_000 }, () => {
  const registry = createTestRegistry({ 'enable-debug-command': 'yes' })
  registry.server.feeding = false
  for (const one of casesToTry()) {
    const wire = connectWire(registry.clients)
    const bytes = requestOf(one)
    wire.handler.onData(bytes, bytes.length)
    for (const session of registry.clients.all()) registry.clients.kill(session)
    expect(registry.bugs, one.name).toEqual([])
    registry.clients.unpause()
    const next = connectWire(registry.clients)
    next.send('PING')
    expect(next.output(), one.name).toBe('+PONG\r\n')
    registry.server.keyspace.flush()
    while (registry.server.keyspace.releaseSome()) {}
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
