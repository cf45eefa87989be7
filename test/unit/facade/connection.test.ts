// A pipeline gives the replies of its requests one by one, wherever the transport cuts it: nothing that the server knows
// ahead of a request, and no buffer that it shares between reads, may change an answer.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientMemory } from '../../../src/facade/client-memory.ts'
import { Connection, type ConnectionHost } from '../../../src/facade/connection.ts'
import type { Wire } from '../../../src/facade/wire.ts'
import { Scanned } from '../../../src/protocol/scanned.ts'
import { encodeRequest, ReplyWriter } from '../../../src/protocol/writer.ts'
import { createTestServer } from '../../support/engine.ts'

interface Client {
  /** Takes input through a buffer that is overwritten afterwards, as the transport's is. */
  receive(bytes: Uint8Array): void
  replies(): string
}

const SHARED = Buffer.alloc(1 << 16)

function connect(): Client {
  const { engine } = createTestServer()
  const sent: Buffer[] = []
  const wire: Wire = {
    peer: '127.0.0.1:1',
    local: '127.0.0.1:2',
    peerIsLoopback: true,
    isUnix: false,
    descriptor: 8,
    pendingBytes: 0,
    write: (bytes) => void sent.push(Buffer.from(bytes)),
    writeLatin1: (text) => void sent.push(Buffer.from(text, 'latin1')),
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  }
  const host: ConnectionHost = {
    requests: engine,
    released: 0,
    out: new ReplyWriter(),
    scanned: new Scanned(64),
    current: undefined,
    nowMs: () => 1_700_000_000_000,
    limits: {
      clientsMax: 10,
      idleSeconds: 0,
      clientsBytesMax: 0,
      passwordNeeded: false,
      protectedMode: false,
      bulkBytesMax: 1 << 20,
      queryBytesMax: 1 << 20,
      output: () => ({ hardBytes: 0, softBytes: 0, softSeconds: 0 }),
    },
    stats: { inputBytes: 0, outputBytes: 0, reads: 0, writes: 0 },
    memory: new ClientMemory({
      limitBytes: () => 0,
      holders: () => [],
      endOfTurn() {},
      busy: () => false,
      evicting() {},
    }),
    sendHeldSoon: (connection) => connection.sendHeld(),
    beforeReplies() {},
    closed() {},
    log() {},
    internalError: (error) => {
      throw error
    },
  }
  const connection = new Connection(1, wire, host, true)
  return {
    receive(bytes) {
      SHARED.set(bytes)
      connection.onData(SHARED, bytes.length)
    },
    replies: () => Buffer.concat(sent).toString('latin1'),
  }
}

// Keys of one length, so that the same offsets hold other keys in the next read.
const key = fc.integer({ min: 0, max: 40 }).map((n) => `key:${String(n).padStart(3, '0')}`)
const value = fc.constantFrom('1', 'a'.repeat(70), '22')
const request = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('GET'), key) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('SET'), key, value) },
  fc.tuple(fc.constantFrom('DEL', 'STRLEN', 'TYPE', 'EXISTS'), key),
  fc.tuple(fc.constantFrom('APPEND', 'SETNX'), key, value),
  fc.tuple(fc.constantFrom('RENAME', 'COPY'), key, key),
  fc.tuple(fc.constant('MGET'), key, key, key),
  fc.tuple(fc.constant('SELECT'), fc.constantFrom('0', '1')),
  fc.constantFrom(['PING'], ['MULTI'], ['EXEC'], ['DBSIZE'], ['FLUSHDB'], ['GET'], ['NONSENSE', 'x'], ['GET', '']),
)

describe('a pipeline', () => {
  it('is answered as its requests are one by one', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 200 }),
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 }),
        (requests, sizes) => {
          const encoded = requests.map((argv) => encodeRequest(argv))
          const single = connect()
          for (const bytes of encoded) single.receive(bytes)
          const pipelined = connect()
          const all = Buffer.concat(encoded)
          for (let at = 0, i = 0; at < all.length; i++) {
            const size = sizes[i % sizes.length]!
            pipelined.receive(all.subarray(at, at + size))
            at += size
          }
          expect(pipelined.replies()).toBe(single.replies())
        },
      ),
      { numRuns: 300 },
    )
  })
})
