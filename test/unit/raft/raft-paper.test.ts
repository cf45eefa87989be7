// What the Raft paper (Ongaro & Ousterhout, extended version) and the thesis (Ongaro 2014) demand, section by section.
import { describe, expect, it } from 'vitest'
import type { Message } from '../../../src/raft/messages.ts'
import { bytes, createCluster, GROUP, text } from './cluster.ts'

const envelope = { group: GROUP, to: '1' }
const vote = (from: string, term: number, lastIndex = 0, lastTerm = 0, force = false): Message => ({
  ...envelope,
  type: 'vote',
  from,
  term,
  lastIndex,
  lastTerm,
  force,
})
const heartbeat = (from: string, term: number): Message => ({
  ...envelope,
  type: 'heartbeat',
  from,
  term,
  commit: 0,
  sentMs: 0,
  promiseMs: 300,
})
const isReply = (message: Message): boolean => message.type === 'vote-reply'

describe('§5.1 terms', () => {
  it('a newer term makes any role a follower', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.member('1').nowMs += 1000 // its lease is over, so it listens to candidates
    cluster.step(vote('2', 5))
    expect(cluster.raft('1').status()).toMatchObject({ role: 'follower', term: 5 })
  })

  it('a message of an older term is refused', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.step(heartbeat('2', 7))
    cluster.wire = []
    cluster.step({
      ...envelope,
      type: 'append',
      from: '3',
      term: 6,
      prevIndex: 0,
      prevTerm: 0,
      entries: [],
      commit: 0,
      sentMs: 0,
      promiseMs: 300,
    })
    expect(cluster.raft('1').status()).toMatchObject({ term: 7, leader: '2' })
    expect(cluster.wire).toMatchObject([{ type: 'heartbeat-reply', to: '3', term: 7 }])
  })
})

describe('§5.2 leader election', () => {
  it('a node starts as a follower and stays one while it hears a leader', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.step(heartbeat('2', 1))
    for (let i = 0; i < 50; i++) {
      cluster.tick('1', 250)
      cluster.step(heartbeat('2', 1))
    }
    expect(cluster.raft('1').status()).toMatchObject({ role: 'follower', term: 1, leader: '2' })
  })

  it('timeouts are drawn from [min, max), differently', () => {
    const deadlines = ['1', '2', '3', '4', '5'].map((id) => {
      const cluster = createCluster([id, 'x'])
      while (cluster.raft(id).status().role === 'follower') cluster.tick(id, 1)
      return cluster.member(id).nowMs
    })
    for (const deadline of deadlines) expect(deadline >= 300 && deadline <= 600).toBe(true)
    expect(new Set(deadlines).size).toBeGreaterThan(1)
  })

  it('grants one vote a term, first come first served, also after a restart', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.step(vote('2', 1))
    cluster.step(vote('3', 1))
    cluster.crash('1')
    cluster.restart('1')
    cluster.member('1').nowMs += 1000
    cluster.step(vote('3', 1))
    cluster.step(vote('2', 1))
    const replies = cluster.wire.filter(isReply).map((message) => [message.to, 'granted' in message && message.granted])
    expect(replies).toEqual([
      ['2', true],
      ['3', false],
      ['3', false],
      ['2', true],
    ])
  })

  it('persists the vote before the answer leaves', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.raft('1').step(vote('2', 1), 0)
    const ready = cluster.raft('1').ready()!
    expect(ready).toMatchObject({ mustSync: true, hardState: { term: 1, vote: '2' }, eagerMessages: [] })
    expect(ready.messages).toMatchObject([{ type: 'vote-reply', granted: true }])
  })

  it('a candidate yields to a leader of its own term', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.raft('1').campaign()
    cluster.step({ ...envelope, type: 'pre-vote-reply', from: '2', term: 0, granted: true, sentMs: 0 })
    expect(cluster.raft('1').status()).toMatchObject({ role: 'candidate', term: 1 })
    cluster.step(heartbeat('3', 1))
    expect(cluster.raft('1').status()).toMatchObject({ role: 'follower', term: 1, leader: '3' })
  })

  it('a split vote is resolved by another timeout', () => {
    const cluster = createCluster(['1', '2'])
    cluster.raft('1').campaign()
    cluster.raft('2').campaign()
    cluster.run(3000)
    expect(cluster.leaders()).toHaveLength(1)
  })

  it('a lone voter leads at once', () => {
    const cluster = createCluster(['1'])
    cluster.raft('1').campaign()
    cluster.pump('1')
    expect(cluster.raft('1').status()).toMatchObject({ role: 'leader', term: 1, commitIndex: 1 })
    expect(cluster.raft('1').isLeader(1e9)).toBe(true)
  })
})

describe('§5.3 log replication', () => {
  it('a proposal leaves with the next Ready, commits on the first answer of a majority, and the commit leaves at once', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    const proposed = cluster.raft('1').propose(bytes('x'))
    expect(proposed).toEqual({ index: 2, term: 1 })
    cluster.pump('1')
    expect(cluster.wire).toMatchObject([
      { type: 'append', to: '2' },
      { type: 'append', to: '3' },
    ])
    cluster.deliver((message) => message.to === '2')
    cluster.deliver((message) => message.to === '1')
    expect(cluster.member('1').applied).toEqual(['x'])
    cluster.deliver((message) => message.to === '2')
    expect(cluster.member('2').applied).toEqual(['x'])
  })

  it('the leader may send before it has written, but counts itself only after', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    const leader = cluster.raft('1')
    leader.propose(bytes('x'))
    const ready = leader.ready()!
    expect(ready.eagerMessages.map(({ type }) => type)).toEqual(['append', 'append'])
    leader.step(
      {
        ...envelope,
        type: 'append-reply',
        from: '2',
        term: 1,
        ok: true,
        index: 2,
        hintIndex: 0,
        hintTerm: 0,
        sentMs: 0,
        promiseMs: 300,
      },
      0,
    )
    expect(leader.status().commitIndex).toBe(1)
    expect(leader.ready()).toBeUndefined()
    leader.advance()
    expect(leader.status().commitIndex).toBe(2)
  })

  it('several proposals of one turn leave as one message', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    for (const word of ['a', 'b', 'c']) cluster.raft('1').propose(bytes(word))
    cluster.pump('1')
    const sizes = cluster.wire.map((message) => (message.type === 'append' ? message.entries.length : 0))
    expect(sizes).toEqual([3, 3])
  })

  it('a follower removes what conflicts, and only that', () => {
    const cluster = createCluster(['1', '2', '3'])
    const append = (term: number, prevIndex: number, prevTerm: number, terms: number[]): void =>
      cluster.step({
        ...envelope,
        type: 'append',
        from: '2',
        term,
        prevIndex,
        prevTerm,
        entries: terms.map((entryTerm, i) => ({
          index: prevIndex + 1 + i,
          term: entryTerm,
          kind: 'normal',
          data: bytes(`${entryTerm}`),
        })),
        commit: 0,
        sentMs: 0,
        promiseMs: 300,
      })
    const log = (): number[] => cluster.member('1').disk.entries.map(({ term }) => term)
    append(1, 0, 0, [1, 1, 1])
    append(1, 0, 0, [1]) // an old duplicate must not shorten the log
    expect(log()).toEqual([1, 1, 1])
    append(2, 1, 1, [2])
    expect(log()).toEqual([1, 2])
    append(3, 5, 3, [3])
    expect(log()).toEqual([1, 2])
    expect(cluster.wire.at(-1)).toMatchObject({ ok: false, index: 5, hintIndex: 2, hintTerm: 2 })
  })

  it('finds the common point in one round trip a term', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    for (let i = 0; i < 200; i++) cluster.raft('1').propose(bytes('lost'))
    cluster.pump('1')
    cluster.wire = []
    cluster.crash('1')
    cluster.run(1500)
    cluster.restart('1')
    let rounds = 0
    const [leader] = cluster.leaders()
    cluster.tick(leader!, 100)
    while (cluster.deliver() > 0) rounds++
    expect(cluster.raft('1').status().lastIndex).toBe(cluster.raft(leader!).status().lastIndex)
    expect(rounds).toBeLessThan(12)
  })

  it('makes good the loss of any message with the next heartbeats', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.raft('1').propose(bytes('x'))
    cluster.pump('1')
    cluster.wire = []
    cluster.run(300)
    for (const member of cluster.members.values()) expect(member.applied).toEqual(['x'])
  })
})

describe('§5.4.1 election restriction', () => {
  it('votes only for a log that is at least as complete', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.step({
      ...envelope,
      type: 'append',
      from: '2',
      term: 3,
      prevIndex: 0,
      prevTerm: 0,
      entries: [
        { index: 1, term: 1, kind: 'noop', data: bytes('') },
        { index: 2, term: 3, kind: 'noop', data: bytes('') },
      ],
      commit: 0,
      sentMs: 0,
      promiseMs: 300,
    })
    cluster.member('1').nowMs += 1000
    const ask = (term: number, lastIndex: number, lastTerm: number): boolean => {
      cluster.step(vote('3', term, lastIndex, lastTerm))
      const reply = cluster.wire.filter(isReply).at(-1)!
      return 'granted' in reply && reply.granted
    }
    expect(ask(4, 9, 2)).toBe(false) // longer, but of an older term
    expect(ask(5, 1, 3)).toBe(false) // shorter
    expect(ask(6, 2, 3)).toBe(true)
    expect(ask(7, 1, 4)).toBe(true)
  })
})

describe('§5.4.2 entries of earlier terms', () => {
  it('are not committed by counting (the transcript old-term-commit.txt tells the story of figure 8)', () => {
    const cluster = createCluster(['1', '2', '3'], { settings: { maxAppendBytes: 1 } })
    cluster.elect('1')
    cluster.raft('1').propose(bytes('old'))
    cluster.pump('1')
    cluster.wire = []
    cluster.crash('2')
    cluster.tick('1', 1000)
    cluster.tick('3', 300)
    cluster.wire = []
    cluster.raft('1').campaign()
    cluster.pump('1')
    while (cluster.raft('1').status().role !== 'leader' && cluster.deliver() > 0) {
      // pre-vote and vote
    }
    expect(cluster.raft('1').status()).toMatchObject({ role: 'leader', term: 2, lastIndex: 3 })
    cluster.deliver() // probe after 2 fails
    cluster.deliver() // rejection
    cluster.deliver() // 'old' arrives
    cluster.deliver() // a majority has it
    expect(cluster.member('3').disk.entries.map((entry) => text(entry.data))).toEqual(['', 'old'])
    expect(cluster.raft('1').status().commitIndex).toBe(1)
    cluster.settle()
    expect(cluster.raft('1').status().commitIndex).toBe(3)
  })
})

describe('§6 and thesis §4: membership changes', () => {
  it('one at a time, and not before an entry of the own term is committed', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.raft('1').campaign()
    cluster.pump('1')
    while (cluster.raft('1').status().role !== 'leader') cluster.deliver()
    expect(cluster.raft('1').proposeConfChange({ kind: 'add-learner', node: '4' })).toBe('pending')
    cluster.settle()
    expect(cluster.raft('1').proposeConfChange({ kind: 'add-learner', node: '4' })).toEqual({ index: 2, term: 1 })
    expect(cluster.raft('1').proposeConfChange({ kind: 'add-learner', node: '5' })).toBe('pending')
    expect(cluster.raft('2').proposeConfChange({ kind: 'add-learner', node: '5' })).toBe('not-leader')
  })

  it('a learner catches up, is promoted, and then counts', () => {
    const cluster = createCluster(['1'])
    cluster.elect('1')
    for (let i = 0; i < 300; i++) cluster.raft('1').propose(bytes(`${i}`))
    cluster.pump('1')
    cluster.raft('1').proposeConfChange({ kind: 'add-learner', node: '2' })
    cluster.pump('1')
    expect(cluster.raft('1').proposeConfChange({ kind: 'promote', node: '2' })).toBe('behind')
    cluster.add('2')
    cluster.run(300)
    expect(cluster.member('2').applied).toHaveLength(300)
    expect(cluster.raft('1').proposeConfChange({ kind: 'promote', node: '2' })).toMatchObject({ term: 1 })
    cluster.run(300)
    cluster.crash('2')
    cluster.raft('1').propose(bytes('alone'))
    cluster.run(100)
    expect(cluster.member('1').applied.at(-1)).toBe('299')
  })

  it('a membership takes force when appended and is taken back when its entry is', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.raft('1').proposeConfChange({ kind: 'remove', node: '3' })
    cluster.pump('1')
    expect(cluster.raft('1').status().membership.voters).toEqual(['1', '2'])
    cluster.wire = []
    cluster.crash('1')
    cluster.run(1500)
    cluster.restart('1')
    cluster.run(500)
    expect(cluster.raft('1').status().membership.voters).toEqual(['1', '2', '3'])
  })

  it('a leader that removes itself does not count itself, hands over, and goes', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.raft('1').proposeConfChange({ kind: 'remove', node: '1' })
    cluster.pump('1')
    cluster.deliver((message) => message.to === '2')
    cluster.deliver((message) => message.to === '1')
    expect(cluster.raft('1').status().commitIndex).toBe(1) // 2 alone is no majority of 2 and 3
    cluster.settle()
    expect(cluster.raft('1').status().role).toBe('follower')
    expect(cluster.leaders()).toEqual(['2'])
  })

  it('the last voter cannot go', () => {
    const cluster = createCluster(['1'])
    cluster.elect('1')
    expect(cluster.raft('1').proposeConfChange({ kind: 'remove', node: '1' })).toBe('last-voter')
  })

  it('a node without a membership never campaigns', () => {
    const cluster = createCluster([])
    cluster.add('9')
    cluster.tick('9', 10_000)
    expect(cluster.raft('9').status()).toMatchObject({ role: 'follower', term: 0 })
    expect(cluster.wire).toEqual([])
  })
})

describe('§7 log compaction', () => {
  it('a follower behind the compaction gets the snapshot, then the rest; a lost snapshot is sent again', () => {
    const cluster = createCluster(['1', '2', '3'], { settings: { trailingEntries: 0, snapshotRetryMs: 200 } })
    cluster.elect('1')
    cluster.crash('3')
    for (const word of ['a', 'b', 'c']) cluster.raft('1').propose(bytes(word))
    cluster.run(100)
    const { appliedIndex } = cluster.raft('1').status()
    cluster.raft('1').compact(appliedIndex, bytes(JSON.stringify(cluster.member('1').applied)))
    cluster.restart('3')
    cluster.tick('1', 100)
    cluster.deliver()
    cluster.deliver()
    cluster.deliver()
    cluster.deliver()
    expect(cluster.drop((message) => message.type === 'snapshot')).toBe(1)
    cluster.run(1000)
    expect(cluster.member('3').applied).toEqual(['a', 'b', 'c'])
    expect(cluster.member('3').readies.some((ready) => ready.snapshot?.index === appliedIndex)).toBe(true)
  })

  it('entries a little below the compaction are still sent as entries', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.crash('3')
    cluster.raft('1').propose(bytes('a'))
    cluster.run(50)
    cluster.raft('1').compact(cluster.raft('1').status().appliedIndex, bytes('["a"]'))
    cluster.restart('3')
    cluster.run(500)
    expect(cluster.member('3').applied).toEqual(['a'])
    expect(cluster.member('3').readies.some((ready) => ready.snapshot)).toBe(false)
  })

  it('a snapshot carries the membership at its index, not a newer one', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.raft('1').proposeConfChange({ kind: 'remove', node: '3' })
    cluster.pump('1')
    expect(cluster.raft('1').compact(1, bytes('[]')).membership.voters).toEqual(['1', '2', '3'])
    expect(cluster.raft('1').status().membership.voters).toEqual(['1', '2'])
  })

  it('a write torn between entries and hard state does not bring back an old term', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.crash('2')
    const { disk } = cluster.member('2')
    disk.entries.push({ index: 2, term: 7, kind: 'noop', data: bytes('') })
    cluster.restart('2')
    expect(cluster.raft('2').status()).toMatchObject({ term: 7, vote: undefined, lastIndex: 2 })
    expect(disk.hardState).toMatchObject({ term: 7 })
  })

  it('a restart continues from snapshot, entries and hard state', () => {
    const cluster = createCluster(['1'])
    cluster.elect('1')
    for (const word of ['a', 'b', 'c']) cluster.raft('1').propose(bytes(word))
    cluster.pump('1')
    cluster.member('1').disk.snapshot = cluster.raft('1').compact(2, bytes('["a"]'))
    cluster.crash('1')
    cluster.restart('1')
    expect(cluster.member('1').applied).toEqual(['a', 'b', 'c'])
    expect(cluster.raft('1').persisted()).toMatchObject({
      snapshot: { index: 2 },
      entries: [{ index: 3 }, { index: 4 }],
      hardState: { term: 1, vote: '1', commit: 4 },
    })
  })
})

describe('§8 a leader knows that it leads', () => {
  it('only once an entry of its own term is committed', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.raft('1').campaign()
    cluster.pump('1')
    while (cluster.raft('1').status().role !== 'leader') cluster.deliver()
    expect(cluster.raft('1').isLeader(0)).toBe(false)
    cluster.settle()
    expect(cluster.raft('1').isLeader(0)).toBe(true)
  })

  it('its lease ends before its followers are free to vote, however clocks differ', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    expect(cluster.raft('1').isLeader(269)).toBe(true)
    expect(cluster.raft('1').isLeader(270)).toBe(false)
    cluster.step({ ...vote('2', 9, 9, 9), to: '3' })
    cluster.member('3').nowMs = 299
    cluster.step({ ...vote('2', 9, 9, 9), to: '3' })
    expect(cluster.raft('3').status().term).toBe(1)
  })

  it('its lease counts from when it asked, not from when the answer came', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.tick('1', 100)
    cluster.deliver((message) => message.to !== '1')
    cluster.member('1').nowMs += 5000
    cluster.settle()
    expect(cluster.raft('1').isLeader(cluster.member('1').nowMs)).toBe(false)
    cluster.tick('1', 101)
    expect(cluster.raft('1').status().role).toBe('follower')
  })
})

describe('thesis §9.6 pre-vote and §4.2.3 stickiness', () => {
  it('a node that was cut off raises no term and disturbs nobody', () => {
    let cut = true
    const cluster = createCluster(['1', '2', '3'], { cut: (from, to) => cut && (from === '3' || to === '3') })
    cluster.elect('1')
    cluster.run(5000)
    expect(cluster.raft('3').status().term).toBe(0)
    cut = false
    cluster.run(1000)
    for (const id of ['1', '2', '3']) expect(cluster.raft(id).status()).toMatchObject({ term: 1, leader: '1' })
  })

  it('no vote against a leader heard lately, and the term stays', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.step(heartbeat('2', 1))
    cluster.step(vote('3', 9, 100, 9))
    expect(cluster.raft('1').status().term).toBe(1)
    expect(cluster.wire.filter(isReply)).toEqual([])
  })

  it('nor just after a restart: the leader may count on it', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.step(heartbeat('2', 1))
    cluster.crash('1')
    cluster.restart('1')
    cluster.step(vote('3', 9, 100, 9))
    expect(cluster.raft('1').status().term).toBe(1)
    cluster.member('1').nowMs += 300
    cluster.step(vote('3', 9, 100, 9))
    expect(cluster.raft('1').status().term).toBe(9)
  })

  it('campaign() is deaf while a leader lives', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.raft('2').campaign()
    expect(cluster.raft('2').status().role).toBe('follower')
  })

  it('a node stuck in a newer term deposes the old leader rather than starve', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster
      .raft('3')
      .step(
        { ...envelope, to: '3', type: 'heartbeat-reply', levelMax: 1, from: '2', term: 8, sentMs: 0, promiseMs: 0 },
        0,
      )
    cluster.run(2000)
    expect(cluster.leaders()).toHaveLength(1)
    expect(cluster.raft('3').status().term).toBeGreaterThanOrEqual(8)
    expect(cluster.raft('3').status().leader).toBe(cluster.leaders()[0])
  })
})

describe('thesis §6.2 check-quorum', () => {
  it('a leader without a majority resigns', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.crash('2')
    cluster.crash('3')
    cluster.run(700)
    expect(cluster.leaders()).toEqual([])
  })
})

describe('thesis §3.10 leadership transfer', () => {
  it('moves at once, and late orders to take over are ignored', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    expect(cluster.raft('1').transferLeadership('9')).toBe(false)
    expect(cluster.raft('1').transferLeadership('1')).toBe(false)
    expect(cluster.raft('1').transferLeadership('2')).toBe(true)
    cluster.pump('1')
    const order = cluster.wire.find(({ type }) => type === 'timeout-now')!
    cluster.settle()
    expect(cluster.leaders()).toEqual(['2'])
    cluster.step(order)
    expect(cluster.leaders()).toEqual(['2'])
  })

  it('to a dead node is given up, and proposals go on', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.crash('2')
    cluster.raft('1').propose(bytes('x'))
    cluster.raft('1').transferLeadership('2')
    expect(cluster.raft('1').propose(bytes('y'))).toBe('busy')
    cluster.run(700)
    expect(cluster.raft('1').propose(bytes('y'))).toMatchObject({ term: 1 })
  })

  it('an order to take over that brings no change costs the leader its office, as its lease is void', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.raft('1').transferLeadership('2')
    cluster.pump('1')
    cluster.drop(({ type }) => type === 'timeout-now')
    expect(cluster.raft('1').isLeader(0)).toBe(false)
    for (let i = 0; i < 70; i++) {
      cluster.tick('1', 10)
      cluster.tick('3', 10)
      cluster.tick('2', 10)
      cluster.settle()
    }
    expect(cluster.raft('1').status().role === 'leader' && cluster.raft('1').status().term === 1).toBe(false)
  })
})

describe('proposals', () => {
  it('are refused where they cannot be kept', () => {
    const cluster = createCluster(['1', '2', '3'], { settings: { maxEntryBytes: 8, maxUncommittedBytes: 16 } })
    expect(cluster.raft('1').propose(bytes('x'))).toBe('not-leader')
    expect(cluster.raft('1').forward(bytes('x'))).toBe(false)
    cluster.elect('1')
    expect(cluster.raft('1').propose(bytes('123456789'))).toBe('too-large')
    expect(cluster.raft('1').propose(bytes('12345678'))).toMatchObject({ index: 2 })
    expect(cluster.raft('1').propose(bytes('12345678'))).toMatchObject({ index: 3 })
    expect(cluster.raft('1').propose(bytes('1'))).toBe('busy')
  })

  it('reach the leader from a follower', () => {
    const cluster = createCluster(['1', '2', '3'])
    cluster.elect('1')
    expect(cluster.raft('2').forward(bytes('x'))).toBe(true)
    cluster.pump('2')
    cluster.settle()
    for (const member of cluster.members.values()) expect(member.applied).toEqual(['x'])
  })
})
