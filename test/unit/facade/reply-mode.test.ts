// CLIENT REPLY silences replies, not messages: as redis-server 7.0.15 was seen to do on a socket.
import { describe, expect, it } from 'vitest'
import type { ClientRegistry } from '../../../src/facade/registry.ts'
import { createTestRegistry } from '../../support/registry.ts'
import { createTestFront } from '../../support/sentinel-front.ts'
import { connectWire } from '../../support/wire.ts'

const PROCESSES: readonly (readonly [string, () => ClientRegistry])[] = [
  ['a server', () => createTestRegistry().clients],
  ['a sentinel', () => createTestFront().clients],
]

const confirmed = (word: string, name: string, count: number): string =>
  `*3\r\n$${word.length}\r\n${word}\r\n$${name.length}\r\n${name}\r\n:${count}\r\n`

describe.each(PROCESSES)('CLIENT REPLY of %s', (_name, open) => {
  it('OFF lets confirmations of subscriptions pass, errors and replies not', () => {
    const wire = connectWire(open())
    wire.send('CLIENT REPLY OFF\r\nSUBSCRIBE a b\r\nSUBSCRIBE\r\nUNSUBSCRIBE a\r\nPING\r\nPSUBSCRIBE x*')
    expect(wire.output()).toBe(
      confirmed('subscribe', 'a', 1) +
        confirmed('subscribe', 'b', 2) +
        confirmed('unsubscribe', 'a', 1) +
        confirmed('psubscribe', 'x*', 2),
    )
  })

  it('SKIP silences the next reply only, and lets a confirmation pass', () => {
    const wire = connectWire(open())
    wire.send('CLIENT REPLY SKIP\r\nPING\r\nPING 2\r\nCLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nUNSUBSCRIBE a\r\nPING')
    expect(wire.output()).toBe(
      `$1\r\n2\r\n${confirmed('subscribe', 'a', 1)}${confirmed('unsubscribe', 'a', 0)}+PONG\r\n`,
    )
  })

  it('ON answers, also while replies are off', () => {
    const wire = connectWire(open())
    wire.send('CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING')
    expect(wire.output()).toBe('+OK\r\n+PONG\r\n')
  })
})

describe('a message in the middle of a command of its own receiver', () => {
  it('is sent, though the reply is silenced', () => {
    const wire = createTestRegistry().connect()
    wire.send('HELLO 3\r\nSUBSCRIBE c\r\nCLIENT REPLY OFF\r\nPUBLISH c hi')
    expect(wire.output()).toMatch(/>3\r\n\$7\r\nmessage\r\n\$1\r\nc\r\n\$2\r\nhi\r\n$/)
  })
})
