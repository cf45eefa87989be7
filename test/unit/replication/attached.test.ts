// What a primary knows of its replicas: handshake options, acknowledgements, counts, timeouts.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AttachedReplica,
  applyReplconf,
  attachReplica,
  countAcknowledged,
  countGoodReplicas,
  infoLine,
  replicaName,
  timeoutReason,
} from '../../../src/replication/attached.ts'

const online = (ackOffset: number, ackMs: number): AttachedReplica => ({
  ...attachReplica('10.0.0.1', 0),
  state: 'online',
  ackOffset,
  ackMs,
})

describe('REPLCONF', () => {
  it('takes the options of a handshake', () => {
    const replica = attachReplica('10.0.0.1', 0)
    expect(replicaName(replica)).toBe('10.0.0.1:<unknown-replica-port>')
    expect(applyReplconf(replica, ['listening-port', '6380'], 0).kind).toBe('ok')
    expect(applyReplconf(replica, ['CAPA', 'eof', 'capa', 'PSYNC2', 'capa', 'future'], 0).kind).toBe('ok')
    expect(applyReplconf(replica, ['version', '7.2.0'], 0).kind).toBe('ok')
    expect(replica).toMatchObject({ listeningPort: 6380, capaEof: true, capaPsync2: true })
    expect(replicaName(replica)).toBe('10.0.0.1:6380')
    applyReplconf(replica, ['ip-address', 'replica.example', 'rdb-only', '1'], 0)
    expect(replicaName(replica)).toBe('replica.example:6380')
    expect(replica.rdbOnly).toBe(true)
  })

  it.each([
    [[], 'ERR syntax error'],
    [['listening-port'], 'ERR syntax error'],
    [['listening-port', 'x'], 'ERR value is not an integer or out of range'],
    [['listening-port', '70000'], 'ERR value is not an integer or out of range'],
    [['rdb-only', '2'], 'ERR value is not an integer or out of range'],
    [['ip-address', 'x'.repeat(256)], 'ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes'],
    [['nonsense\n', 'x'], 'ERR Unrecognized REPLCONF option: nonsense?'],
  ])('refuses %j', (args, text) => {
    expect(applyReplconf(attachReplica('10.0.0.1', 0), args as string[], 0)).toEqual({ kind: 'error', text })
  })

  it('never throws, and never lets an acknowledged offset fall', () => {
    const arg = fc.oneof(
      fc.constantFrom('ack', 'getack', 'capa', 'listening-port'),
      fc.string(),
      fc.integer().map(String),
    )
    fc.assert(
      fc.property(fc.array(fc.array(arg, { maxLength: 4 })), (requests) => {
        const replica = attachReplica('10.0.0.1', 0)
        let before = 0
        for (const args of requests) {
          applyReplconf(replica, args, 5)
          expect(replica.ackOffset).toBeGreaterThanOrEqual(before)
          before = replica.ackOffset
        }
      }),
    )
  })

  it('brings a replica online with the acknowledgement that an RDB with EOF mark waits for', () => {
    const replica = { ...attachReplica('10.0.0.1', 0), state: 'send_bulk' as const, onlineOnAck: true }
    expect(applyReplconf(replica, ['ACK', '77'], 500)).toEqual({ kind: 'ack', wentOnline: true })
    expect(applyReplconf(replica, ['ACK', '78'], 600)).toEqual({ kind: 'ack', wentOnline: false })
    expect(replica).toMatchObject({ state: 'online', ackOffset: 78, ackMs: 600 })
    expect(infoLine(0, replica, 2700)).toBe('slave0:ip=10.0.0.1,port=0,state=online,offset=78,lag=2')
  })

  it('tells GETACK apart', () => {
    expect(applyReplconf(attachReplica('10.0.0.1', 0), ['GETACK', '*'], 0).kind).toBe('getack')
  })
})

describe('counts', () => {
  it('of good replicas take in those online with a small lag', () => {
    const replicas = [online(0, 0), online(0, 5000), online(0, 9999), attachReplica('x', 10_000)]
    expect(countGoodReplicas(replicas, 10, 10_000)).toBe(3)
    expect(countGoodReplicas(replicas, 5, 10_000)).toBe(2)
    expect(countGoodReplicas(replicas, 0, 10_000)).toBe(1)
  })

  it('of acknowledgements take in those online at the offset or beyond', () => {
    const replicas = [online(99, 0), online(100, 0), online(101, 0), { ...online(500, 0), state: 'send_bulk' as const }]
    expect(countAcknowledged(replicas, 100)).toBe(2)
  })
})

describe('timeouts', () => {
  it('disconnect a replica that stopped acknowledging, in words that tell the stage', () => {
    expect(timeoutReason(online(0, 0), 60_000, 60_000)).toBeUndefined()
    expect(timeoutReason(online(0, 0), 60_000, 60_001)).toContain('timedout replica (streaming sync)')
    expect(timeoutReason({ ...online(0, 0), withoutAck: true }, 60_000, 60_001)).toBeUndefined()
    expect(timeoutReason({ ...attachReplica('x', 0), onlineOnAck: true }, 10, 11)).toContain('(full sync)')
    expect(timeoutReason(attachReplica('x', 0), 10, 11)).toBeUndefined()
  })
})
