// Databases against a model of plain maps: random changes through every method, time passing, flushes and swaps. What is
// stored, when it expires, and the bytes in use must agree after each step.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ANY_TYPE, type Database, INLINE_BYTES_MAX, KEEP_EXPIRY, NO_EXPIRY } from '../../../src/keyspace/database.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { ArenaFullError, blockUnits } from '../../../src/store/arena.ts'
import { entryUnits } from '../../../src/store/entry.ts'
import { STRING_RAW, stringEncodingOf } from '../../../src/types/string.ts'

const DATABASES = 3
const START_MS = 1_700_000_000_000

interface Value {
  readonly bytes: Buffer
  readonly expiryMs: number
}
type Model = Map<string, Value>[]

interface Recorder {
  readonly space: Keyspace
  readonly expired: string[]
  readonly modified: string[]
}

function newSpace(): Recorder {
  const expired: string[] = []
  const modified: string[] = []
  const space = new Keyspace(
    DATABASES,
    { k0: 7, k1: 9 },
    {
      expired: (db, key) => expired.push(`${db.index}/${key.toString('latin1')}`),
      modified: (db, bytes, start, end) =>
        modified.push(`${db.index}/${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`),
      flushing: () => {},
    },
  )
  space.setTime(START_MS)
  return { space, expired, modified }
}

const keyOf = (text: string): Buffer => Buffer.from(text, 'latin1')
const find = (db: Database, key: Buffer): number => db.find(key, 0, key.length)
const put = (db: Database, key: Buffer, value: Buffer, expiryMs: number): number =>
  db.put(key, 0, key.length, value, 0, value.length, stringEncodingOf(value, 0, value.length), expiryMs)

function contents(db: Database): Map<string, Value> {
  const found = new Map<string, Value>()
  db.forEach((h) => {
    const key = db.keyCopy(h).toString('latin1')
    expect(found.has(key)).toBe(false)
    const { bytes, start, end } = db.value(h)
    found.set(key, { bytes: Buffer.from(bytes.subarray(start, end)), expiryMs: db.expiryMs(h) })
    expect(db.valueLength(h)).toBe(end - start)
  })
  return found
}

/** What the entries of the databases take, computed from the model; and what their huge values take at least. */
function accountOf(model: Model): { entries: number; huge: number } {
  let entries = 0
  let huge = 0
  for (const [key, { bytes, expiryMs }] of model.flatMap((db) => [...db])) {
    const isHuge = key.length + bytes.length > INLINE_BYTES_MAX
    entries += blockUnits(entryUnits(key.length, isHuge ? 0 : bytes.length, expiryMs !== NO_EXPIRY)) * 8
    if (isHuge) huge += bytes.length
  }
  return { entries, huge }
}

/** Bytes in use by the arena without any entry, as long as no table has split. */
const EMPTY_BYTES = newSpace().space.arena.usedBytes

function check({ space }: Recorder, model: Model): void {
  for (const [i, db] of space.databases.entries()) {
    const found = contents(db)
    expect([...found.keys()].sort()).toEqual([...model[i]!.keys()].sort())
    for (const [key, { bytes, expiryMs }] of model[i]!) {
      // Not with toEqual, which is slow for large buffers.
      expect(found.get(key)!.bytes.equals(bytes)).toBe(true)
      expect(found.get(key)!.expiryMs).toBe(expiryMs)
    }
    expect(db.size).toBe(model[i]!.size)
    expect(db.expires.size).toBe([...model[i]!.values()].filter(({ expiryMs }) => expiryMs !== NO_EXPIRY).length)
  }
  const { entries, huge } = accountOf(model)
  while (space.releaseSome()) {}
  expect(space.arena.usedBytes - EMPTY_BYTES).toBe(entries)
  expect(space.arena.huge.usedBytes).toBeGreaterThanOrEqual(huge)
  if (huge === 0) expect(space.arena.huge.usedBytes).toBe(0)
}

/** Some so long that a value which is short enough by itself is not, and some longer than a page of the arena. */
const LONG_KEYS = ['k'.repeat(300), 'm'.repeat(40_000), 'l'.repeat(70_001)]
const anyKey = fc.constantFrom('', 'a', 'b', 'key:3', '\x00\xff\x00', ...LONG_KEYS, 'x', 'y')
const anyDb = fc.nat(DATABASES - 1)
const anyLength = fc.oneof(
  { weight: 5, arbitrary: fc.nat(60) },
  { weight: 2, arbitrary: fc.nat(3000) },
  { weight: 2, arbitrary: fc.integer({ min: INLINE_BYTES_MAX - 2, max: INLINE_BYTES_MAX + 2 }) },
  { weight: 2, arbitrary: fc.integer({ min: INLINE_BYTES_MAX - 40_002, max: INLINE_BYTES_MAX - 39_998 }) },
  { weight: 1, arbitrary: fc.integer({ min: INLINE_BYTES_MAX, max: 300_000 }) },
)
const anyExpiry = fc.oneof(fc.constant(NO_EXPIRY), fc.constant(KEEP_EXPIRY), fc.integer({ min: 1, max: 50 }))
const anyStep = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      db: anyDb,
      key: anyKey,
      length: anyLength,
      expiry: anyExpiry,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('resize' as const), db: anyDb, key: anyKey, length: anyLength }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mutate' as const), db: anyDb, key: anyKey }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expiry' as const), db: anyDb, key: anyKey, at: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), db: anyDb, key: anyKey }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('copy' as const, 'move' as const),
      db: anyDb,
      key: anyKey,
      to: anyDb,
      as: anyKey,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('swap' as const), db: anyDb, to: anyDb }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), db: fc.option(anyDb) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(10) }) },
)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

let fill = 0
const freshValue = (length: number): Buffer => Buffer.alloc(length, `${++fill}`)

/** Takes one step in both; the model forgets what has expired the moment it is looked up, as the database does. */
function take(recorder: Recorder, model: Model, step: Step): void {
  const { space } = recorder
  if (step.kind === 'wait') return space.setTime(space.nowMs + step.ms)
  if (step.kind === 'flush') {
    const cleared = step.db === null ? model : [model[step.db]!]
    expect(space.flush(step.db === null ? undefined : space.databases[step.db])).toBe(
      cleared.reduce((sum, db) => sum + db.size, 0),
    )
    for (const db of cleared) db.clear()
    return
  }
  const db = space.databases[step.db]!
  const entries = model[step.db]!
  if (step.kind === 'swap') {
    if (step.db === step.to) return
    space.swap(db, space.databases[step.to]!)
    model[step.db] = model[step.to]!
    model[step.to] = entries
    return
  }
  const key = keyOf(step.key)
  const known = entries.get(step.key)
  const dead = known !== undefined && known.expiryMs !== NO_EXPIRY && known.expiryMs < space.nowMs
  if (step.kind === 'put') {
    const value = freshValue(step.length)
    const given = step.expiry > 0 ? START_MS + step.expiry : step.expiry
    put(db, key, value, given)
    const kept = dead ? NO_EXPIRY : (known?.expiryMs ?? NO_EXPIRY)
    entries.set(step.key, { bytes: value, expiryMs: given === KEEP_EXPIRY ? kept : given })
    return
  }
  const h = find(db, key)
  expect(h !== 0).toBe(known !== undefined && !dead)
  if (dead) entries.delete(step.key)
  if (known === undefined || dead) return
  switch (step.kind) {
    case 'resize': {
      const after = freshValue(step.length)
      known.bytes.copy(after)
      const { bytes, start } = db.value(db.resize(h, step.length, STRING_RAW))
      if (step.length > known.bytes.length) after.copy(bytes, start + known.bytes.length, known.bytes.length)
      entries.set(step.key, { ...known, bytes: after })
      return
    }
    case 'mutate': {
      db.mutate(h, STRING_RAW)
      const { bytes, start, end } = db.value(h)
      bytes.fill(33, start, end)
      entries.set(step.key, { ...known, bytes: Buffer.alloc(known.bytes.length, 33) })
      return
    }
    case 'expiry': {
      const expiryMs = step.at === 0 ? NO_EXPIRY : START_MS + step.at
      db.setExpiry(h, expiryMs)
      entries.set(step.key, { ...known, expiryMs })
      return
    }
    case 'remove':
      db.remove(h)
      entries.delete(step.key)
      return
    default: {
      if (step.to === step.db && step.as === step.key) return
      const target = keyOf(step.as)
      const clock = db.clock(h)
      const to = space.databases[step.to]!
      const made =
        step.kind === 'copy' ? db.copyTo(h, to, target, 0, target.length) : db.moveTo(h, to, target, 0, target.length)
      expect(to.clock(made)).toBe(clock)
      model[step.to]!.set(step.as, known)
      if (step.kind === 'move') entries.delete(step.key)
    }
  }
}

describe('databases', () => {
  it('hold what plain maps hold, and account for every byte', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const recorder = newSpace()
        const model: Model = Array.from({ length: DATABASES }, () => new Map())
        for (const step of steps) {
          take(recorder, model, step)
          check(recorder, model)
        }
        for (const db of recorder.space.databases) {
          const handles: number[] = []
          db.forEach((h) => {
            handles.push(h)
          })
          for (const h of handles) db.remove(h)
        }
        expect(recorder.space.arena.usedBytes).toBe(EMPTY_BYTES)
        expect(recorder.space.arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 150 },
    )
  })

  it('tell of every change of a key while somebody watches, and of none otherwise', () => {
    const { space, modified } = newSpace()
    const [db, other] = [space.databases[0]!, space.databases[1]!]
    const key = keyOf('k')
    put(db, key, keyOf('v'), NO_EXPIRY)
    expect(modified).toEqual([])
    space.setWatching('transactions', true)
    const changes: [string, (h: number) => void, string[]][] = [
      ['put in place', () => put(db, key, keyOf('w'), NO_EXPIRY), ['0/k']],
      ['put anew', () => put(db, key, keyOf('w'.repeat(500)), NO_EXPIRY), ['0/k']],
      ['resize in place', (h) => db.resize(h, 499, STRING_RAW), ['0/k']],
      ['resize by moving', (h) => db.resize(h, 5000, STRING_RAW), ['0/k']],
      ['resize to huge', (h) => db.resize(h, 100_000, STRING_RAW), ['0/k']],
      ['resize of huge', (h) => db.resize(h, 100_001, STRING_RAW), ['0/k']],
      ['mutate', (h) => db.mutate(h, STRING_RAW), ['0/k']],
      ['no expiry to remove', (h) => db.setExpiry(h, NO_EXPIRY), []],
      ['first expiry', (h) => db.setExpiry(h, START_MS + 5), ['0/k']],
      ['next expiry', (h) => db.setExpiry(h, START_MS + 6), ['0/k']],
      ['copy', (h) => db.copyTo(h, other, key, 0, 1), ['1/k']],
      ['move', (h) => db.moveTo(h, other, keyOf('m'), 0, 1), ['0/k', '1/m']],
    ]
    for (const [name, change, expected] of changes) {
      modified.length = 0
      change(find(db, key))
      expect([...modified].sort(), name).toEqual(expected)
    }
    modified.length = 0
    other.remove(find(other, key))
    expect(modified).toEqual(['1/k'])
  })
})

describe('a key whose time is over', () => {
  const expiring = (): Recorder & { db: Database; key: Buffer } => {
    const recorder = newSpace()
    const db = recorder.space.databases[0]!
    const key = keyOf('k')
    put(db, key, keyOf('v'), START_MS + 10)
    recorder.space.setTime(START_MS + 10)
    return { ...recorder, db, key }
  }

  it('is there in the millisecond of its expiry, and gone in the next', () => {
    const { space, db, key, expired } = expiring()
    expect(find(db, key)).not.toBe(0)
    space.setTime(START_MS + 11)
    expect(db.peek(key, 0, 1)).not.toBe(0)
    expect(find(db, key)).toBe(0)
    expect(expired).toEqual(['0/k'])
    expect([db.size, db.expires.size, space.stats.expired]).toEqual([0, 0, 1])
  })

  it('is hidden, not deleted, from the clients of a replica, and there for its primary', () => {
    const { space, db, key, expired } = expiring()
    space.setTime(START_MS + 11)
    space.expiry = 'hide'
    expect(find(db, key)).toBe(0)
    expect(db.read(key, 0, 1, ANY_TYPE)).toBe(0)
    space.expiry = 'ignore'
    expect(find(db, key)).not.toBe(0)
    expect([db.size, expired.length]).toEqual([1, 0])
  })

  it('hands its expiry on only to what its primary writes', () => {
    for (const expiry of ['delete', 'hide', 'ignore'] as const) {
      const { space, db, key } = expiring()
      space.setTime(START_MS + 11)
      space.expiry = expiry
      expect(db.expiryMs(put(db, key, keyOf('w'), KEEP_EXPIRY))).toBe(expiry === 'ignore' ? START_MS + 10 : NO_EXPIRY)
    }
  })

  it('is found by the walk over the expiry table', () => {
    const { space, expired } = newSpace()
    const db = space.databases[0]!
    for (let i = 0; i < 3000; i++) put(db, keyOf(`k${i}`), keyOf('v'), i % 3 === 0 ? NO_EXPIRY : START_MS + (i % 3))
    space.setTime(START_MS + 2)
    for (let hash = 0; hash < 2 ** 32; ) hash = db.expireSegment(hash)
    expect([db.size, db.expires.size, expired.length]).toEqual([2000, 1000, 1000])
    expect(expired.every((id) => Number(id.slice(3)) % 3 === 1)).toBe(true)
  })
})

describe('reads', () => {
  it('count, and touch the clock unless told not to', () => {
    const { space } = newSpace()
    const db = space.databases[0]!
    const key = keyOf('k')
    const clock = db.clock(put(db, key, keyOf('v'), NO_EXPIRY))
    space.setTime(START_MS + 5000)
    expect(db.clock(find(db, key))).toBe(clock)
    space.touch = false
    expect(db.clock(db.read(key, 0, 1, ANY_TYPE))).toBe(clock)
    space.touch = true
    expect(db.clock(db.read(key, 0, 1, ANY_TYPE))).toBe((clock + 5) & 0x1fffff)
    db.read(keyOf('absent'), 0, 6, ANY_TYPE)
    expect(space.stats).toMatchObject({ hits: 2, misses: 1 })
  })
})

describe('new bytes', () => {
  it('are zero where that is promised, in the block of the entry and beyond', () => {
    const { space } = newSpace()
    const db = space.databases[0]!
    const bytes = (h: number): Buffer => {
      const { bytes, start, end } = db.value(h)
      return bytes.subarray(start, end)
    }
    // Memory that is used again is not zero by itself.
    for (const length of [20, 50_000, 100_000]) {
      put(db, keyOf('old'), Buffer.alloc(length, 7), NO_EXPIRY)
      db.remove(find(db, keyOf('old')))
      expect(bytes(db.putZeros(keyOf('z'), 0, 1, length, STRING_RAW)).equals(Buffer.alloc(length))).toBe(true)
    }
    put(db, keyOf('k'), keyOf('ab'), NO_EXPIRY)
    for (const length of [4, 40, 50_000, 61_440, 70_000, 2_000_000, 70_000, 5_000_000]) {
      const h = find(db, keyOf('k'))
      const before = Buffer.from(bytes(h))
      if (length < before.length) db.resize(h, length, STRING_RAW)
      else db.grow(h, length, STRING_RAW, 0, 0)
      const expected = Buffer.alloc(length)
      before.copy(expected)
      expect(bytes(find(db, keyOf('k'))).equals(expected), `${length}`).toBe(true)
    }
  })
})

describe('an arena that is full', () => {
  /** Lets so many allocations of blocks and values pass; those after it fail. */
  function limitTo(space: Keyspace, blocks: number, values: number): void {
    const { arena } = space
    const [alloc, allocHuge] = [arena.alloc.bind(arena), arena.huge.alloc.bind(arena.huge)]
    let [blocksLeft, valuesLeft] = [blocks, values]
    arena.alloc = (units) => {
      if (blocksLeft-- <= 0) throw new ArenaFullError('full')
      return alloc(units)
    }
    arena.huge.alloc = (length, given) => {
      if (valuesLeft-- <= 0) throw new ArenaFullError('full')
      return allocHuge(length, given)
    }
  }

  it.each<[what: string, blocks: number, values: number, change: (db: Database) => unknown]>([
    ['put', 0, 1, (db) => put(db, keyOf('new'), Buffer.alloc(100_000), NO_EXPIRY)],
    ['put, value', 1, 0, (db) => put(db, keyOf('new'), Buffer.alloc(100_000), NO_EXPIRY)],
    ['put over another', 0, 1, (db) => put(db, keyOf('k'), Buffer.alloc(100_000), NO_EXPIRY)],
    ['put over another, value', 1, 0, (db) => put(db, keyOf('k'), Buffer.alloc(100_000), NO_EXPIRY)],
    ['zeros', 0, 1, (db) => db.putZeros(keyOf('new'), 0, 3, 100_000, STRING_RAW)],
    ['zeros, value', 1, 0, (db) => db.putZeros(keyOf('k'), 0, 1, 100_000, STRING_RAW)],
    ['growing', 0, 1, (db) => db.grow(find(db, keyOf('k')), 100_000, STRING_RAW, 0, 0)],
    ['resize', 0, 1, (db) => db.resize(find(db, keyOf('k')), 100_000, STRING_RAW)],
    ['resize, value', 1, 0, (db) => db.resize(find(db, keyOf('k')), 100_000, STRING_RAW)],
    ['first expiry', 0, 0, (db) => db.setExpiry(find(db, keyOf('k')), START_MS + 5)],
    ['copy', 1, 0, (db) => db.copyTo(find(db, keyOf('huge')), db, keyOf('new'), 0, 3)],
    ['move', 0, 0, (db) => db.moveTo(find(db, keyOf('huge')), db, keyOf('new'), 0, 3)],
  ])('changes nothing and loses nothing: %s', (_what, blocks, values, change) => {
    const { space } = newSpace()
    const db = space.databases[0]!
    put(db, keyOf('k'), keyOf('v'), NO_EXPIRY)
    put(db, keyOf('huge'), Buffer.alloc(100_000, 'h'), NO_EXPIRY)
    const before = [contents(db), space.usedBytes]
    limitTo(space, blocks, values)
    expect(() => change(db)).toThrow(ArenaFullError)
    expect([contents(db), space.usedBytes]).toEqual(before)
  })

  it('splits no segment halfway', () => {
    const { space } = newSpace()
    const db = space.databases[0]!
    const before = space.usedBytes
    for (let i = 0; i < 819; i++) put(db, keyOf(`k${i}`), keyOf('v'), NO_EXPIRY)
    const full = space.usedBytes
    // The entry itself and one of the two new segments.
    limitTo(space, 2, 0)
    expect(() => put(db, keyOf('new'), keyOf('v'), NO_EXPIRY)).toThrow(ArenaFullError)
    const { directoryBytes } = space.arena
    expect(space.usedBytes - full).toBeLessThanOrEqual(directoryBytes)
    for (let i = 0; i < 819; i++) db.remove(find(db, keyOf(`k${i}`)))
    expect(space.usedBytes - before).toBeLessThanOrEqual(directoryBytes)
  })
})

describe('flushing', () => {
  it('of one database among others gives its memory back bit by bit', () => {
    const { space } = newSpace()
    const [first, second] = [space.databases[0]!, space.databases[1]!]
    put(second, keyOf('stays'), keyOf('v'), NO_EXPIRY)
    const before = space.arena.usedBytes
    for (let i = 0; i < 5000; i++) put(first, keyOf(`k${i}`), keyOf('v'), i % 2 === 0 ? NO_EXPIRY : START_MS + 1e6)
    put(first, keyOf('huge'), Buffer.alloc(100_000), NO_EXPIRY)
    expect(space.flush(first)).toBe(5001)
    expect([first.size, second.size]).toEqual([0, 1])
    let steps = 1
    while (space.releaseSome()) steps++
    expect(steps).toBeGreaterThan(4)
    expect(space.arena.usedBytes).toBe(before)
    expect(space.arena.huge.usedBytes).toBe(0)
  })

  it('of everything frees at once', () => {
    const { space } = newSpace()
    const empty = space.usedBytes
    for (let i = 0; i < 5000; i++) put(space.databases[i % 3]!, keyOf(`k${i}`), Buffer.alloc(100), NO_EXPIRY)
    put(space.databases[2]!, keyOf('huge'), Buffer.alloc(100_000), NO_EXPIRY)
    expect(space.flush()).toBe(5001)
    expect(space.usedBytes).toBe(empty)
    expect(space.releaseSome()).toBe(false)
  })
})
