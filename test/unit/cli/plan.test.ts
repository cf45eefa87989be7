// What `vedette up` would start: ports, words, and refusals before anything runs.
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  allPorts,
  sentinelPlans,
  sentinelWords,
  serverPlans,
  serverWords,
  type UpArgs,
  wantedPorts,
} from '../../../src/cli/up/plan.ts'
import { reservePorts } from '../../../src/cli/up/ports.ts'
import { parseArgv } from '../../../src/config/argv.ts'
import { loadSentinelOptions } from '../../../src/config/sentinel-load.ts'
import { loadServerConfig } from '../../../src/config/server-load.ts'

const args = (given: Partial<UpArgs> = {}): UpArgs => ({
  port: 6379,
  replicas: 2,
  'sentinel-port': undefined,
  sentinels: 3,
  'data-dir': undefined,
  chaos: undefined,
  'down-after': 1000,
  ...given,
})

describe('the plan of up', () => {
  it('counts ports upwards, HTTP 1000 and gossip 2000 above', () => {
    const ports = wantedPorts(args())
    expect(ports.servers).toEqual([6379, 6380, 6381])
    expect(ports.sentinels.map(({ resp, http, gossip }) => [resp, http, gossip])).toEqual([
      [26379, 27379, 28379],
      [26380, 27380, 28380],
      [26381, 27381, 28381],
    ])
  })

  it('wants free ports for everything with --port 0, or for the servers only', () => {
    expect(allPorts(wantedPorts(args({ port: 0 })))).toEqual(Array(12).fill(0))
    const half = wantedPorts(args({ port: 0, 'sentinel-port': 100, replicas: 0, sentinels: 1 }))
    expect(allPorts(half)).toEqual([0, 100, 1100, 2100])
  })

  it('refuses ports that overlap or do not exist', () => {
    expect(() => wantedPorts(args({ port: 26380 }))).toThrow(/port 26380 would be needed twice/)
    expect(() => wantedPorts(args({ port: 65534 }))).toThrow(/65536/)
    expect(() => wantedPorts(args({ 'sentinel-port': 64000 }))).toThrow(/above 65535/)
  })

  it('starts processes with words that they accept', () => {
    const ports = wantedPorts(args())
    const [primary, replica] = serverPlans(ports, '/r')
    const load = (words: string[]) => loadServerConfig(parseArgv(words.slice(1)).directives).config.values
    expect(load(serverWords(primary!, 6379, false))).toMatchObject({
      port: 6379,
      save: [],
      replicaof: undefined,
      dir: '/r/server-1',
    })
    expect(load(serverWords(replica!, 6379, true))).toMatchObject({
      port: 6380,
      replicaof: { host: '127.0.0.1', port: 6379 },
    })
    expect(load(serverWords(replica!, 6379, true)).save).not.toEqual([])
    const [sentinel] = sentinelPlans(ports, '/r')
    const words = sentinelWords(sentinel!, ports.sentinels[0]!, 6379, args({ sentinels: 5 }))
    expect(loadSentinelOptions(parseArgv(words.slice(1)).directives).options).toMatchObject({
      port: 26379,
      'http-port': 27379,
      'gossip-port': 28379,
      expect: 5,
      groups: [{ name: 'mymaster', port: 6379, quorum: 3, 'down-after-milliseconds': 1000 }],
    })
  })
})

describe('reservePorts', () => {
  it('replaces 0 by free ports, no two the same, and lets go of them', async () => {
    const ports = await reservePorts(wantedPorts(args({ port: 0 })))
    const all = allPorts(ports)
    expect(all.every((port) => port > 0)).toBe(true)
    expect(new Set(all).size).toBe(12)
    expect(await reservePorts(ports)).toEqual(ports)
  })

  it('names the ports that are taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    const { port } = server.address() as { port: number }
    const wanted = { servers: [port], sentinels: [] }
    await expect(reservePorts(wanted)).rejects.toThrow(`port ${port} (another process listens there)`)
    await new Promise((resolve) => server.close(resolve))
    expect(await reservePorts(wanted)).toEqual(wanted)
  })
})
