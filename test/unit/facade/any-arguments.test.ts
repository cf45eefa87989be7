// Every row of both tables, on the real connections and processors, with arguments of any size and of any number: the answer is
// whole, nothing throws, nothing is reported as a bug, and the next client is served. (What 512 MiB do, a test with processes shows.)
import { describe, expect, it } from 'vitest'
import { allCommands } from '../../../src/commands/table.ts'
import type { ClientRegistry } from '../../../src/facade/registry.ts'
import type { CommandTable } from '../../../src/facade/table.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'
import { SENTINEL_TABLE } from '../../../src/supervisor/commands/table.ts'
import { decodeAll } from '../../support/engine.ts'
import { casesOf, requestOf } from '../../support/large-arguments.ts'
import { createTestRegistry } from '../../support/registry.ts'
import { createTestFront } from '../../support/sentinel-front.ts'
import { connectWire } from '../../support/wire.ts'

interface Front {
  readonly clients: ClientRegistry
  readonly bugs: readonly string[]
}

const PROCESSES: readonly (readonly [string, CommandTable, () => Front])[] = [
  ['server', allCommands(), () => createTestRegistry({ 'enable-debug-command': 'yes' })],
  ['sentinel', SENTINEL_TABLE, () => createTestFront()],
]

const SIZES = [
  ['0 bytes', Buffer.alloc(0)],
  ['1 byte', Buffer.from([0xff])],
  ['64 KiB', Buffer.alloc(64 * 1024, '\x00a*\xff1')],
] as const

/** What may be sent without a reply to it: the connection then ends, waits, or belongs to a replica. */
function answered(front: Front, request: Buffer, name: string): void {
  const wire = connectWire(front.clients)
  wire.send(request)
  decodeAll(Buffer.from(wire.output(), 'latin1'))
  expect(front.bugs, name).toEqual([])
  for (const session of front.clients.all()) front.clients.kill(session)
  const next = connectWire(front.clients)
  next.send('PING')
  expect(next.output(), name).toMatch(/^(\+PONG|-LOADING|-MISCONF)/)
  for (const session of front.clients.all()) front.clients.kill(session)
}

describe.each(PROCESSES)('every command of a %s', (_name, table, open) => {
  it.each(SIZES)('takes an argument of %s at each position', (_size, argument) => {
    const front = open()
    for (const one of casesOf(table)) {
      front.clients.unpause()
      answered(front, requestOf(one, argument), one.name)
    }
  })

  it('takes a hundred thousand arguments', () => {
    const front = open()
    for (const { fullName } of table.all()) {
      const words = fullName.split('|')
      const many = Array.from({ length: 100_000 - words.length }, () => '1')
      front.clients.unpause()
      answered(front, encodeRequest([...words, ...many]), fullName)
    }
  })
})
