// Wires close when we say so, whatever the peer does with its side.
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Wire } from '../../../src/facade/wire.ts'
import { type Listener, listenTcp } from '../../../src/io/tcp.ts'
import { eventually } from '../../support/wait.ts'

let listener: Listener | undefined
let peer: Socket | undefined
afterEach(() => {
  peer?.destroy()
  listener?.close()
})

/** A wire whose peer keeps its own side open. It reads nothing unless the test does. */
async function open(): Promise<{ wire: Wire; peer: Socket; closed: () => boolean }> {
  let wire: Wire | undefined
  let isClosed = false
  const options = { host: '127.0.0.1', port: 0, backlog: 8, keepAliveSeconds: 0 }
  listener = await listenTcp(options, (accepted) => {
    wire = accepted
    const onClose = (): void => {
      isClosed = true
    }
    return { onData: () => {}, onDrain: () => {}, onClose }
  })
  peer = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true })
  peer.on('error', () => {})
  return { wire: await eventually('a wire', () => wire), peer, closed: () => isClosed }
}

describe('a wire that is ended', () => {
  it('sends what was written and closes, although the peer keeps its side open', async () => {
    const { wire, peer, closed } = await open()
    let got = 0
    peer.on('data', (bytes) => {
      got += bytes.length
    })
    wire.write(Buffer.alloc(5_000_000))
    wire.end()
    await eventually('the wire is closed', closed)
    await eventually('all has come', () => got === 5_000_000)
  })

  it('is dropped if the peer takes nothing of what is left', async () => {
    const { wire, closed } = await open()
    wire.write(Buffer.alloc(64 << 20))
    wire.end()
    expect(wire.pendingBytes).toBeGreaterThan(0)
    await eventually('the wire is closed', closed, { timeoutMs: 60_000 })
  })
})
