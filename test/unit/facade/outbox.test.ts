// Replies leave in order, whichever way each is released: at the end of the turn, at once, or when a position is reached.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Outbox } from '../../../src/facade/outbox.ts'
import type { Wire } from '../../../src/facade/wire.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'
import { createTestRegistry } from '../../support/registry.ts'

function open() {
  const sent: string[] = []
  let ended = false
  const wire = {
    pendingBytes: 0,
    write: (bytes: Buffer) => void sent.push(bytes.toString('latin1')),
    writeLatin1: (text: string) => void sent.push(text),
    end: () => {
      ended = true
    },
    destroy: () => {
      ended = true
    },
  } as unknown as Wire
  const host = { stats: { outputBytes: 0, writes: 0 }, released: 0, beforeReplies: () => {} }
  const outbox = new Outbox(wire, host)
  return { outbox, host, sent: () => sent.join(''), isEnded: () => ended }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('an outbox', () => {
  it('keeps the order, and nothing leaves before its position', () => {
    const step = fc.oneof(
      fc.record({ length: fc.constantFrom(1, 100, 9_000, 70_000), position: fc.nat({ max: 5 }) }),
      fc.constantFrom('turn' as const, 'release' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { outbox, host, sent } = open()
        let written = ''
        const ends: { end: number; position: number }[] = []
        steps.forEach((one, i) => {
          if (one === 'turn') outbox.sendHeld()
          else if (one === 'release') {
            host.released++
            outbox.release()
          } else {
            const text = String.fromCharCode(65 + (i % 26)).repeat(one.length)
            written += text
            ends.push({ end: written.length, position: one.position })
            outbox.write(bytes(text), text.length, one.position, false)
          }
          const out = sent()
          expect(written.startsWith(out)).toBe(true)
          const late = ends.find(({ position }) => position > host.released)
          if (late !== undefined) expect(out.length).toBeLessThan(late.end)
          expect(outbox.pendingBytes).toBe(written.length - out.length)
        })
        host.released = 5
        outbox.release()
        outbox.sendHeld()
        expect(sent()).toBe(written)
      }),
    )
  })

  it('that is to end sends what waits for a position first', () => {
    const { outbox, host, sent, isEnded } = open()
    outbox.write(bytes('later'), 5, 3, false)
    outbox.end(false)
    expect([sent(), isEnded()]).toEqual(['', false])
    host.released = 3
    outbox.release()
    expect([sent(), isEnded()]).toEqual(['later', true])
  })

  it('that is destroyed does not send it: it says what has not come true', () => {
    const { outbox, sent, isEnded } = open()
    outbox.write(bytes('now'), 3, 0, false)
    outbox.write(bytes('later'), 5, 3, false)
    outbox.destroy(false)
    expect([sent(), isEnded()]).toEqual(['now', true])
  })
})

describe('a session whose replies wait for a position', () => {
  it('goes on being served, and hears all of it in order once the position is reached', () => {
    const registry = createTestRegistry()
    const [wire, other] = [registry.connect(), registry.connect()]
    wire.send('PING 1')
    const [session] = registry.clients.all()
    session!.replyPosition = 10
    wire.send('SET k v')
    session!.replyPosition = 0
    wire.send('GET k')
    other.send('GET k')
    expect([wire.output(), other.output()]).toEqual(['$1\r\n1\r\n', '$1\r\nv\r\n'])
    registry.clients.release(9)
    expect(wire.output()).toBe('')
    registry.clients.release(10)
    expect(wire.output()).toBe('+OK\r\n$1\r\nv\r\n')
  })

  it('is read from again once what it had too much of has left', async () => {
    const registry = createTestRegistry()
    const wire = registry.connect()
    wire.send(encodeRequest(['SET', 'k', Buffer.alloc(20 << 20, 'v')]))
    wire.output()
    for (const session of registry.clients.all()) session.replyPosition = 10
    for (let i = 0; i < 4; i++) wire.send('GET k')
    wire.send('SET done 1')
    const isDone = (): boolean => registry.server.keyspace.databases[0].peek(Buffer.from('done'), 0, 4) !== 0
    expect(isDone()).toBe(false)
    registry.clients.release(10)
    await Promise.resolve()
    expect(isDone()).toBe(true)
  })

  it('is bounded by the output limit', () => {
    const registry = createTestRegistry({ 'client-output-buffer-limit': 'normal 100000 0 0' })
    const wire = registry.connect()
    wire.send(`SET k ${'v'.repeat(20_000)}`)
    wire.output()
    for (const session of registry.clients.all()) session.replyPosition = 10
    for (let i = 0; i < 6; i++) wire.send('GET k')
    expect(wire.state).toBe('destroyed')
  })
})
