// What gossip refuses at the start, and that it says why.
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { generatePeerKey } from '../../../../src/io/gossip/identity.ts'
import { GossipConfigError, isLoopback, parseSwarmKey, refuseOpenGossip } from '../../../../src/io/gossip/swarm-key.ts'
import { startGossip } from '../../../../src/io/gossip.ts'

const HEX = '0123456789abcdefABCDEF0123456789'.repeat(2)
const silent = { onMessage() {} }

describe('the swarm key', () => {
  it('is 64 hexadecimal digits, bare or as libp2p’s file', () => {
    expect(parseSwarmKey(`${HEX}\n`)).toBe(HEX.toLowerCase())
    expect(parseSwarmKey(`/key/swarm/psk/1.0.0/\n/base16/\n${HEX}\n`)).toBe(HEX.toLowerCase())
  })

  it.each(['', HEX.slice(1), `${HEX}0`, `${HEX.slice(1)}g`, `${HEX}\n${HEX}`])('is not %j', (text) => {
    expect(() => parseSwarmKey(text)).toThrow(GossipConfigError)
    expect(() => parseSwarmKey(text)).not.toThrow(text === '' ? 'zzz' : text) // never shown
  })
})

describe('listening', () => {
  it('beyond loopback needs a swarm key', async () => {
    for (const host of ['0.0.0.0', '192.168.1.1', '::', 'sentinel-1']) {
      expect(() => refuseOpenGossip(host, undefined)).toThrow(`on ${host} without a swarm key`)
      expect(() => refuseOpenGossip(host, HEX)).not.toThrow()
    }
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) expect(isLoopback(host)).toBe(true)
    expect(isLoopback('127.evil.example')).toBe(false)
    const options = { key: generatePeerKey(), host: '0.0.0.0', port: 0 }
    await expect(startGossip(options, silent)).rejects.toBeInstanceOf(GossipConfigError)
  })

  it('needs an IP address that is free, and names it', async () => {
    const key = generatePeerKey()
    await expect(startGossip({ key, host: 'nowhere', port: 0, swarmKey: HEX }, silent)).rejects.toThrow('nowhere')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const start = startGossip({ key, host: '127.0.0.1', port }, silent)
    await expect(start).rejects.toBeInstanceOf(GossipConfigError)
    await expect(start).rejects.toThrow(`127.0.0.1:${port}`)
    await start.catch((error: Error) => expect(error.message).toMatch(/EADDRINUSE|in use/))
    server.close()
  })
})
