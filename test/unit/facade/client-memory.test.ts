import { describe, expect, it } from 'vitest'
import { ClientMemory, type Holder } from '../../../src/facade/client-memory.ts'
import { type Outlet, Session } from '../../../src/facade/session.ts'
import { createTestRegistry } from '../../support/registry.ts'

interface Fake extends Holder {
  chargedBytes: number
}

/** A count of connections that hold what the test says. */
function count(limit: number) {
  const holders = new Set<Fake>()
  const endings: (() => void)[] = []
  const evicted: number[] = []
  const state = { limit, busy: false }
  const memory = new ClientMemory({
    limitBytes: () => state.limit,
    holders: () => holders,
    endOfTurn: (run) => void endings.push(run),
    busy: () => state.busy,
    evicting: ({ session }) => void evicted.push(session.id),
  })
  const connect = (bytes: number): Fake => {
    const session = new Session(holders.size + 1, {} as Outlet, 0, true)
    const holder: Fake = {
      session,
      chargedBytes: bytes,
      countedBytes: 0,
      close: () => {
        holders.delete(holder)
        memory.forget(holder)
      },
    }
    holders.add(holder)
    memory.update(holder)
    return holder
  }
  const endTurn = (): void => {
    for (const run of endings.splice(0)) run()
  }
  return { memory, state, connect, evicted, endTurn }
}

describe('the limit on all clients together', () => {
  it('ends those that hold most, and no more of them than it takes', () => {
    const { connect, evicted, memory } = count(1000)
    for (const bytes of [100, 300, 200]) connect(bytes)
    expect(evicted).toEqual([])
    connect(500)
    expect(evicted).toEqual([4])
    connect(390)
    expect(evicted).toEqual([4])
    connect(90)
    expect(evicted).toEqual([4, 4])
    expect(memory.evicted).toBe(2)
  })

  it('waits while a command is being run', () => {
    const { connect, evicted, state, endTurn } = count(1000)
    state.busy = true
    connect(2000)
    expect(evicted).toEqual([])
    state.busy = false
    endTurn()
    expect(evicted).toEqual([1])
  })

  it('spares the exempt, and counts what they hold with nothing', () => {
    const { connect, evicted, memory } = count(1000)
    const exempt = connect(900)
    exempt.session.noEvict = true
    exempt.chargedBytes = 5000
    memory.update(exempt)
    const replica = connect(0)
    replica.session.isReplica = true
    replica.chargedBytes = 5000
    memory.update(replica)
    connect(900)
    expect(evicted).toEqual([])
    exempt.session.noEvict = false
    memory.update(exempt)
    expect(evicted).toEqual([1])
  })

  it('counts anew before it ends anybody: replies may have left meanwhile', () => {
    const { connect, evicted } = count(1000)
    connect(900).chargedBytes = 10
    connect(900)
    expect(evicted).toEqual([])
  })

  it('holds from the moment at which it is set', () => {
    const { connect, evicted, memory, state, endTurn } = count(0)
    connect(5000)
    connect(10)
    state.limit = 100
    memory.limitChanged()
    endTurn()
    expect(evicted).toEqual([1])
  })
})

it('a message that somebody else sends to a connection counts as soon as it is there', () => {
  const { clients, connect } = createTestRegistry({ 'maxmemory-clients': '1mb' })
  const wire = connect({ reads: false })
  const [session] = [...clients.all()]
  session!.outlet.send(Buffer.alloc(900 * 1024))
  expect(wire.state).toBe('open')
  session!.outlet.send(Buffer.alloc(200 * 1024))
  expect(wire.state).toBe('destroyed')
})
