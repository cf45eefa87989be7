// Well-formed nonsense: messages that no peer would send, late, doubled, from strangers, of other groups and terms. The
// core must neither throw nor break a promise it has made (term and commit never fall, applied entries never change).
import { describe, expect, it } from 'vitest'
import type { Random } from '../../../src/lib/prng.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { decodeMessage, encodeMembership, encodeMessage } from '../../../src/raft/codec.ts'
import { membershipOf } from '../../../src/raft/membership.ts'
import type { Entry, Message } from '../../../src/raft/messages.ts'
import { bytes, createCluster, GROUP } from './cluster.ts'

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)]!

function strangeEntries(random: Random, prevIndex: number): Entry[] {
  let term = random.below(4)
  return Array.from({ length: random.below(4) }, (_, i) => {
    term += random.below(2)
    const kind = pick(random, ['normal', 'noop', 'config'] as const)
    const members = membershipOf(['1', '2', '3', '4'].filter(() => random.below(2) === 0))
    const data = kind === 'config' && random.below(8) ? encodeMembership(members) : bytes('x')
    return { index: prevIndex + 1 + i + (random.below(20) === 0 ? 1 : 0), term, kind, data }
  })
}

function strangeMessage(random: Random): Message {
  const group = random.below(20) ? GROUP : 'another'
  const [from, to] = [pick(random, ['1', '2', '3', '4', 'stranger']), '1']
  const envelope = { group, from, to, term: random.below(8) }
  const index = (): number =>
    random.below(10) ? random.below(8) : pick(random, [0, 2 ** 52, 2 ** 53, -1, 1.5, Number.NaN])
  const sentMs = random.below(10) ? random.below(3000) : Number.NaN
  const last = { lastIndex: index(), lastTerm: random.below(5) }
  const promiseMs = random.below(10) ? random.below(6000) : Number.NaN
  const granted = random.below(2) === 0
  switch (random.below(11)) {
    case 0:
      return { type: 'pre-vote', ...envelope, ...last, sentMs }
    case 1:
      return { type: 'pre-vote-reply', ...envelope, granted, sentMs }
    case 2:
      return { type: 'vote', ...envelope, ...last, force: random.below(2) === 0 }
    case 3:
      return { type: 'vote-reply', ...envelope, granted }
    case 4:
    case 5: {
      const prevIndex = index()
      const entries = strangeEntries(random, prevIndex)
      return {
        type: 'append',
        ...envelope,
        prevIndex,
        prevTerm: random.below(4),
        entries,
        commit: index(),
        sentMs,
        promiseMs,
      }
    }
    case 6:
      return {
        type: 'append-reply',
        ...envelope,
        ok: granted,
        index: index(),
        hintIndex: index(),
        hintTerm: index(),
        sentMs,
        promiseMs,
      }
    case 7:
      return { type: 'heartbeat', ...envelope, commit: index(), sentMs, promiseMs }
    case 8:
      return { type: 'heartbeat-reply', ...envelope, levelMax: random.below(4), sentMs, promiseMs }
    case 9: {
      const snapshot = {
        index: index(),
        term: random.below(5),
        membership: membershipOf(['1', '2', '3']),
        level: pick(random, [1, 1, 1, 2, 0]),
        data: bytes('[]'),
      }
      if (random.below(4) === 0)
        return { type: 'snapshot-reply', ...envelope, index: index(), offset: index(), sentMs, promiseMs }
      const offset = pick(random, [0, 0, 0, 1, 2, index()])
      const total = pick(random, [2, 2, 2, 0, 4, index()])
      return { type: 'snapshot', ...envelope, snapshot, offset, total, sentMs, promiseMs }
    }
    default:
      return random.below(2) ? { type: 'timeout-now', ...envelope } : { type: 'propose', ...envelope, data: bytes('p') }
  }
}

describe('nonsense', () => {
  it('neither throws nor breaks a promise', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seededRandom(seed)
      const cluster = createCluster(['1', '2', '3'], { settings: { trailingEntries: 0 } })
      const { raft } = cluster.member('1')
      let before = raft!.status()
      let applied: string[] = []
      for (let i = 0; i < 150; i++) {
        if (random.below(6) === 0) cluster.tick('1', random.below(700))
        if (random.below(20) === 0) cluster.raft('1').compact(before.appliedIndex, bytes('[]'))
        cluster.step(strangeMessage(random))
        const now = cluster.raft('1').status()
        expect(now.term).toBeGreaterThanOrEqual(before.term)
        expect(now.commitIndex).toBeGreaterThanOrEqual(before.commitIndex)
        expect(now.commitIndex).toBeLessThanOrEqual(now.lastIndex)
        if (now.term === before.term && before.vote) expect(now.vote).toBe(before.vote)
        if (!cluster.member('1').readies.some((ready) => ready.snapshot)) {
          expect(cluster.member('1').applied.slice(0, applied.length)).toEqual(applied)
          applied = [...cluster.member('1').applied]
        }
        before = now
      }
    }
  })

  it('all that the core sends survives the codec', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed)
      const cluster = createCluster(['1', '2', '3'])
      for (let i = 0; i < 100; i++) {
        cluster.tick('1', random.below(400))
        cluster.step(strangeMessage(random))
      }
      for (const message of cluster.wire) expect(decodeMessage(encodeMessage(message))).toEqual(message)
    }
  })

  it('messages for others, of other groups or from itself do nothing', () => {
    const cluster = createCluster(['1', '2', '3'])
    const message: Message = {
      type: 'heartbeat',
      group: GROUP,
      from: '2',
      to: '1',
      term: 9,
      commit: 0,
      sentMs: 0,
      promiseMs: 300,
    }
    cluster.raft('1').step({ ...message, group: 'x' }, 0)
    cluster.raft('1').step({ ...message, to: '2' }, 0)
    cluster.raft('1').step({ ...message, from: '1' }, 0)
    expect(cluster.raft('1').status()).toMatchObject({ term: 0, anomalies: 0 })
  })

  it('two leaders in one term cannot be, so the second is not believed', () => {
    const cluster = createCluster(['1', '2', '3'])
    const message: Message = {
      type: 'heartbeat',
      group: GROUP,
      from: '2',
      to: '1',
      term: 9,
      commit: 0,
      sentMs: 0,
      promiseMs: 300,
    }
    cluster.step(message)
    cluster.step({ ...message, from: '3' })
    expect(cluster.raft('1').status()).toMatchObject({ leader: '2', anomalies: 1 })
  })
})
