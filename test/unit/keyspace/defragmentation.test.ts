// Passes of defragmentation over data of all types: nothing is lost or changed, whatever commands run between the steps; and what is
// chosen to be emptied is empty in the end, with all tables, entries and nodes moved.
import { describe, expect, it } from 'vitest'
import { Defragmentation, slabsToEmpty } from '../../../src/keyspace/defragmentation.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { SLAB_BYTES } from '../../../src/store/arena.ts'
import { createTestServer, type TestServer } from '../../support/engine.ts'
import { TYPED_ARGS, typedChange, typedData } from '../../support/typed-data.ts'

const options = Object.fromEntries(
  TYPED_ARGS.flatMap((word, i) => (i % 2 === 0 ? [[word.slice(2), TYPED_ARGS[i + 1]]] : [])),
)
const counts = () => ({ keyHits: 0, keyMisses: 0 })

/** A server whose first slab, which never goes, has no room: its data are in others. */
function filledServer(): TestServer {
  const server = createTestServer(options)
  const client = server.connect()
  for (let i = 0; i < 700; i++) client.call('SET', `filler:${i}`, 'x'.repeat(50_000))
  for (const request of typedData()) client.call(...request)
  for (let i = 0; i < 3000; i++) client.call('SET', `string:${i}`, 'v'.repeat(i % 300), 'PXAT', '4102444800123')
  for (let i = 0; i < 800; i++) client.call('HSET', 'hash:fields', `f${i}`, 'v'.repeat(i))
  client.call('HEXPIRE', 'hash:fields', '100', 'FIELDS', '3', 'f1', 'f7', 'f300')
  return server
}

const digest = (server: TestServer) => server.connect().call('DEBUG', 'DIGEST')
const allSlabs = ({ keyspace }: TestServer): number[] => keyspace.arena.slabFills().map(({ slab }) => slab)

describe('a pass of defragmentation', () => {
  it('empties all slabs that it is given, and changes nothing', () => {
    const server = filledServer()
    const { arena } = server.keyspace
    const before = digest(server)
    const usedBytes = arena.usedBytes
    const slabs = allSlabs(server)
    expect(slabs.length).toBeGreaterThan(0)
    const counted = counts()
    const pass = new Defragmentation(server.keyspace, slabs, counted)
    while (pass.step(64 * 1024));
    while (pass.dropOne());
    pass.end()
    expect(arena.returnedBytes).toBe(slabs.length * SLAB_BYTES)
    expect(counted.keyHits).toBeGreaterThan(2000)
    expect(arena.usedBytes).toBe(usedBytes)
    expect(digest(server)).toBe(before)
    const client = server.connect()
    expect(client.call('HTTL', 'hash:fields', 'FIELDS', '2', 'f300', 'f2')).toEqual([100, -1])
    expect((client.call('XPENDING', 'stream:large', 'readers') as unknown[])[0]).toBe(800)
    expect(client.call('PEXPIRETIME', 'string:9')).toBe(4102444800123)
    client.call('FLUSHALL')
    expect(server.keyspace.size).toBe(0)
  })

  it('goes on between commands that change everything', () => {
    const [server, model] = [filledServer(), filledServer()]
    const [client, other] = [server.connect(), model.connect()]
    const random = seededRandom(7)
    const change = (): void => {
      const request = typedChange(random)
      // What the server draws itself would differ, and so would IDs by the clock.
      if (request[0] === 'SPOP' || request.includes('*')) return
      expect(client.raw(...request).equals(other.raw(...request)), request.join(' ').slice(0, 80)).toBe(true)
    }
    const pass = new Defragmentation(server.keyspace, allSlabs(server), counts())
    while (pass.step(512 * 1024)) change()
    while (pass.dropOne());
    pass.end()
    expect(server.keyspace.arena.movedBlocks).toBeGreaterThan(1000)
    expect(digest(server)).toBe(digest(model))
    client.call('FLUSHDB')
    expect(client.call('SET', 'k', 'v')).toBe('OK')
  })

  it('uses a slab again that it could not empty, and ends when all is flushed', () => {
    const server = filledServer()
    const { keyspace } = server
    const block = keyspace.arena.alloc(100)
    const pass = new Defragmentation(keyspace, allSlabs(server), counts())
    while (pass.step(64 * 1024));
    while (pass.dropOne());
    pass.end()
    const left = keyspace.arena.slabFills().filter(({ usedBytes }) => usedBytes > 0 && usedBytes < 1000)
    expect(left).toHaveLength(1)
    const { reservedBytes } = keyspace.arena
    const blocks = Array.from({ length: 1000 }, () => keyspace.arena.alloc(1024))
    expect(keyspace.arena.reservedBytes).toBe(reservedBytes)
    for (const each of blocks) keyspace.arena.release(each, 1024)
    keyspace.arena.release(block, 100)
    const again = new Defragmentation(keyspace, allSlabs(server), counts())
    server.connect().call('FLUSHALL')
    expect(again.step(64 * 1024)).toBe(false)
    again.end()
    expect(digest(server)).toBe('0'.repeat(40))
  })
})

describe('what is chosen to be emptied', () => {
  const mebibytes = (...used: number[]) => used.map((mb, i) => ({ slab: i + 1, usedBytes: mb * 2 ** 20 }))

  it('is the emptiest, as far as the others have room', () => {
    expect(slabsToEmpty(mebibytes(30, 3, 29, 8))).toEqual([2])
    expect(slabsToEmpty(mebibytes(8, 8, 8, 8))).toEqual([1, 2])
    expect(slabsToEmpty(mebibytes(31, 31, 30))).toEqual([])
    expect(slabsToEmpty(mebibytes(0))).toEqual([1])
    expect(slabsToEmpty([])).toEqual([])
  })
})
