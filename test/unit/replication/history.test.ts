// PSYNC decisions: who may go on where, before and after promotions.
import { describe, expect, it } from 'vitest'
import {
  adoptHistory,
  continueHistory,
  createHistory,
  decidePsync,
  ensureBacklog,
  type History,
  NO_REPLICATION_ID,
  promoteHistory,
  takeBackHistory,
} from '../../../src/replication/history.ts'
import { createReplicationStream } from '../../../src/replication/stream.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const C = 'c'.repeat(40)

function historyOf(id: string, bytes: number): History {
  const history = createHistory(id)
  ensureBacklog(history, 16384)
  const stream = createReplicationStream(history)
  stream.relay(Buffer.alloc(bytes, 'x'), 0, bytes)
  stream.flush()
  return history
}
const decide = (history: History, id: string, from: number): string => {
  const decision = decidePsync(history, id, from, '127.0.0.1:7001')
  return decision.kind === 'partial' ? `partial ${decision.from}` : decision.log.join(' / ')
}

describe('decidePsync', () => {
  it('sends everything to a replica that knows nothing', () => {
    expect(decide(historyOf(A, 100), '?', -1)).toBe('Full resync requested by replica 127.0.0.1:7001')
  })

  it('goes on from any offset that the backlog holds, and from the one to come', () => {
    const history = historyOf(A, 100)
    expect(decide(history, A, 1)).toBe('partial 1')
    expect(decide(history, A, 101)).toBe('partial 101')
    expect(decide(history, A.toUpperCase(), 50)).toBe('partial 50')
    expect(decidePsync(history, A, 51, 'r').log).toEqual([
      'Partial resynchronization request from r accepted. Sending 50 bytes of backlog starting from offset 51.',
    ])
  })

  it('refuses what the backlog lost, or never had', () => {
    const history = historyOf(A, 20_000)
    expect(decide(history, A, 20_000 - 16384 + 1)).toBe('partial 3617')
    expect(decide(history, A, 3616)).toBe(
      'Unable to partial resync with replica 127.0.0.1:7001 for lack of backlog (Replica request was: 3616).',
    )
    expect(decide(history, A, 20_002)).toContain(
      'Warning: replica 127.0.0.1:7001 tried to PSYNC with an offset that is',
    )
    expect(decide(history, A, -5)).toContain('lack of backlog')
    expect(decide(history, A, Number.NaN)).toContain('lack of backlog')
  })

  it('refuses without a backlog', () => {
    expect(decide(createHistory(A), A, 1)).toContain('lack of backlog')
  })

  it('refuses another history', () => {
    expect(decide(historyOf(A, 100), 'b'.repeat(50), 7)).toBe(
      'Partial resynchronization not accepted: Replication ID mismatch ' +
        `(Replica asked for '${B}', my replication IDs are '${A}' and '${NO_REPLICATION_ID}')`,
    )
    expect(decide(historyOf(A, 100), NO_REPLICATION_ID, 7)).toContain('mismatch')
  })
})

describe('promotion', () => {
  it('serves the siblings up to the common point, under the old ID and the new one', () => {
    const history = historyOf(A, 100)
    expect(promoteHistory(history, B)).toBe(
      `Setting secondary replication ID to ${A}, valid up to offset: 101. New replication ID is ${B}`,
    )
    const stream = createReplicationStream(history)
    stream.write(0, Buffer.from('PING\r\n'), 0, 6)
    stream.flush()
    expect(history.offset).toBe(100 + 23 + 6)
    expect(decide(history, A, 80)).toBe('partial 80')
    expect(decide(history, A, 101)).toBe('partial 101')
    expect(decide(history, B, 120)).toBe('partial 120')
    expect(decide(history, A, 102)).toBe(
      'Partial resynchronization not accepted: Requested offset for second ID was 102, but I can reply up to 101',
    )
  })

  it('is followed by a replica that stays: same bytes, another ID', () => {
    const history = historyOf(A, 100)
    expect(continueHistory(history, A)).toBe(false)
    expect(continueHistory(history, B)).toBe(true)
    expect(decide(history, A, 101)).toBe('partial 101')
    expect(decide(history, B, 90)).toBe('partial 90')
  })

  it('forgets the history before the last: two promotions are one too many', () => {
    const history = historyOf(A, 100)
    promoteHistory(history, B)
    promoteHistory(history, C)
    expect(decide(history, A, 50)).toContain('mismatch')
  })

  it('ends with a full sync, which replaces everything', () => {
    const history = historyOf(A, 100)
    promoteHistory(history, B)
    adoptHistory(history, C, 5000, 16384)
    expect(history).toMatchObject({ id: C, secondId: NO_REPLICATION_ID, secondOffset: -1, offset: 5000 })
    expect(decide(history, A, 50)).toContain('mismatch')
    expect(decide(history, C, 5001)).toBe('partial 5001')
    expect(decide(history, C, 5000)).toContain('lack of backlog')
  })
})

describe('the stream', () => {
  const collect = (): { history: History; stream: ReturnType<typeof createReplicationStream> } => {
    const history = createHistory(A)
    ensureBacklog(history, 16384)
    return { history, stream: createReplicationStream(history) }
  }
  const ping = Buffer.from('..*1\r\n$4\r\nPING\r\n.')
  const write = (stream: ReturnType<typeof createReplicationStream>, db: number): void =>
    stream.write(db, ping, 2, ping.length - 1)

  it('selects a database when it changes, and only then', () => {
    const { history, stream } = collect()
    for (const db of [0, 0, 11, 11, 0]) write(stream, db)
    const p = '*1\r\n$4\r\nPING\r\n'
    const select = (db: number): string => `*2\r\n$6\r\nSELECT\r\n$${String(db).length}\r\n${db}\r\n`
    const wanted = select(0) + p + p + select(11) + p + p + select(0) + p
    expect(stream.flush()?.toString()).toBe(wanted)
    expect(stream.flush()).toBeUndefined()
    expect(history.offset).toBe(wanted.length)
    expect(history.backlog?.read(1).toString()).toBe(wanted)
    stream.reselect()
    write(stream, 0)
    expect(stream.flush()?.toString()).toBe(select(0) + p)
  })

  it('counts at once, keeps on flush', () => {
    const { history, stream } = collect()
    write(stream, 0)
    expect(history.offset).toBe(37)
    expect(history.backlog?.offset()).toBe(0)
    stream.flush()
    expect(history.backlog?.offset()).toBe(37)
  })

  it('counts nothing while nobody listens', () => {
    const history = createHistory(A)
    const stream = createReplicationStream(history)
    write(stream, 0)
    expect(stream.active()).toBe(false)
    expect(history.offset).toBe(0)
    expect(stream.flush()).toBeUndefined()
  })

  it('grows with what is written in one turn', () => {
    const { history, stream } = collect()
    const big = Buffer.alloc(3_000_000, 'b')
    stream.relay(big, 0, big.length)
    expect(stream.flush()?.equals(big)).toBe(true)
    expect(history.backlog?.historyBytes()).toBe(16384)
    expect(history.offset).toBe(3_000_000)
  })
})

describe('a promotion of which nobody heard', () => {
  it('is taken back when another primary is followed', () => {
    const history = historyOf(A, 100)
    promoteHistory(history, B)
    expect(takeBackHistory(history)).toBe(true)
    expect(history).toMatchObject({ id: A, secondId: NO_REPLICATION_ID, offset: 100 })
    expect(takeBackHistory(history)).toBe(false)
  })

  it('stays once something was written, or a replica asked', () => {
    const written = historyOf(A, 100)
    promoteHistory(written, B)
    createReplicationStream(written).relay(Buffer.from('x'), 0, 1)
    expect(takeBackHistory(written)).toBe(false)
    const told = historyOf(A, 100)
    promoteHistory(told, B)
    told.isTold = true
    expect(takeBackHistory(told)).toBe(false)
    expect(told.id).toBe(B)
  })

  it('is not taken back without a backlog, which counts what is written', () => {
    const history = historyOf(A, 100)
    promoteHistory(history, B)
    history.backlog = undefined
    expect(takeBackHistory(history)).toBe(false)
  })
})
