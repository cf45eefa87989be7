// Strings and hashes of all sizes in a keyspace, against a model of plain maps, while snapshots are begun, stepped and given up
// at random moments: a snapshot is what the model was at its cut, the data are what the model is, what is kept as sums is right,
// and when all is deleted nothing is left in memory.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EntryRef } from '../../../src/commands/entry-ref.ts'
import { deleteField, setField } from '../../../src/commands/hash-fields.ts'
import { type Database, KEEP_EXPIRY, NO_EXPIRY } from '../../../src/keyspace/database.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { Snapshot, type SnapshotEntry, type SnapshotSink } from '../../../src/keyspace/snapshot.ts'
import { TYPE_MASK } from '../../../src/store/entry.ts'
import type { NodeBytes } from '../../../src/store/nodes.ts'
import type { ElementOut } from '../../../src/store/walk.ts'
import { DEFAULT_LIMITS, type TypeLimits } from '../../../src/types/builder.ts'
import { createHashBuilder, hashCount, hashForEach } from '../../../src/types/hash.ts'
import { STRING_RAW } from '../../../src/types/string.ts'
import { partsEncoding } from '../../../src/types/table.ts'
import { TYPE_HASH, TYPE_STRING } from '../../../src/types/value-type.ts'

const DATABASES = 2
const LIMITS: TypeLimits = { ...DEFAULT_LIMITS, 'hash-max-listpack-entries': 8, 'hash-max-listpack-value': 20 }

type Value = { expiryMs: number } & ({ text: string } | { fields: Map<string, string> })
type Model = Map<string, Value>[]

const copyOf = (model: Model): Model =>
  model.map(
    (db) =>
      new Map(
        [...db].map(([key, value]) => [
          key,
          'fields' in value ? { ...value, fields: new Map(value.fields) } : { ...value },
        ]),
      ),
  )
const latin1 = ({ bytes, start, end }: NodeBytes): string => bytes.toString('latin1', start, end)
const buffer = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Puts together what a snapshot hands over. */
class Collector implements SnapshotSink {
  readonly found: Model = Array.from({ length: DATABASES }, () => new Map())
  private readonly space: Keyspace

  constructor(space: Keyspace) {
    this.space = space
  }

  private add({ db, key, expiryMs }: SnapshotEntry, value: { text: string } | { fields: Map<string, string> }): void {
    const name = latin1(key)
    expect(this.found[db]!.has(name), 'an entry is handed over once').toBe(false)
    this.found[db]!.set(name, { expiryMs, ...value })
  }

  blob(entry: SnapshotEntry, value: NodeBytes): void {
    if ((entry.kind & TYPE_MASK) === TYPE_STRING) return this.add(entry, { text: latin1(value) })
    const fields = new Map<string, string>()
    hashForEach({ nodes: this.space.nodes, encoding: 0, root: 0, ...value }, (f, v) => fields.set(latin1(f), latin1(v)))
    this.add(entry, { fields })
  }

  *hugeBlob(entry: SnapshotEntry, value: { length: number; next(): Buffer }): Generator<number, void> {
    const pieces: string[] = []
    for (let piece = value.next(); piece.length > 0; piece = value.next()) {
      pieces.push(piece.toString('latin1'))
      yield piece.length
    }
    const text = pieces.join('')
    expect(text.length).toBe(value.length)
    this.add(entry, { text })
  }

  *parts(
    entry: SnapshotEntry,
    nodes: Keyspace['nodes'],
    root: number,
    done: (h: number) => void,
  ): Generator<number, void> {
    const strings: string[] = []
    let open: string[] | undefined
    const close = (): void => {
      if (open !== undefined) strings.push(open.join(''))
      open = undefined
    }
    let count = -1
    const out: ElementOut = {
      length: (n) => {
        count = n
      },
      string(bytes, start, end) {
        close()
        strings.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
      },
      begin() {
        close()
        open = []
      },
      part: (bytes, start, end) => void open!.push(Buffer.from(bytes.subarray(start, end)).toString('latin1')),
      double: () => expect.unreachable(),
    }
    const { kind } = entry
    const kept = {
      ...entry,
      key: { bytes: Buffer.from(latin1(entry.key), 'latin1'), start: 0, end: entry.key.end - entry.key.start },
    }
    yield* partsEncoding(kind).walk(nodes, root, out, done)
    close()
    const fields = new Map<string, string>()
    for (let i = 0; i < strings.length; i += 2) fields.set(strings[i]!, strings[i + 1]!)
    expect(fields.size).toBe(count)
    this.add(kept, { fields })
  }
}

/** A keyspace, the model that it should equal, and the snapshot under way. */
class Subject {
  readonly space: Keyspace
  readonly model: Model = Array.from({ length: DATABASES }, () => new Map())
  private snapshot: { walk: Snapshot; collector: Collector; cut: Model; given: boolean } | undefined

  constructor() {
    this.space = new Keyspace(DATABASES, { k0: 7, k1: 9 }, { expired() {}, modified() {}, flushing() {} })
    this.space.setTime(1_700_000_000_000)
    this.space.limits = LIMITS
  }

  db(i: number): Database {
    return this.space.databases[i]!
  }

  find(db: number, key: string): number {
    const k = buffer(key)
    return this.db(db).find(k, 0, k.length)
  }

  setString(db: number, key: string, text: string): void {
    const k = buffer(key)
    this.db(db).put(k, 0, k.length, buffer(text), 0, text.length, STRING_RAW, NO_EXPIRY)
    this.model[db]!.set(key, { text, expiryMs: NO_EXPIRY })
  }

  /** As SETRANGE: writes into a string, which may grow. */
  writeInto(db: number, key: string, at: number, text: string): void {
    const value = this.model[db]!.get(key)
    if (value === undefined || !('text' in value)) return
    const offset = Math.min(at, value.text.length)
    const length = Math.max(value.text.length, offset + text.length)
    const d = this.db(db)
    const h = this.find(db, key)
    if (length === value.text.length) d.mutate(h, STRING_RAW, offset, offset + text.length)
    const { bytes, start } = d.value(d.resize(h, length, STRING_RAW, offset, offset + text.length))
    buffer(text).copy(bytes, start + offset)
    value.text = value.text.slice(0, offset) + text + value.text.slice(offset + text.length)
  }

  truncate(db: number, key: string, length: number): void {
    const value = this.model[db]!.get(key)
    if (value === undefined || !('text' in value) || length > value.text.length) return
    this.db(db).resize(this.find(db, key), length, STRING_RAW, length, length)
    value.text = value.text.slice(0, length)
  }

  setFields(db: number, key: string, pairs: readonly (readonly [string, string])[]): void {
    const value = this.model[db]!.get(key)
    const d = this.db(db)
    if (value !== undefined && 'fields' in value) {
      const ref: EntryRef = { h: this.find(db, key) }
      for (const [f, v] of pairs) {
        const isNew = setField(this.space, d, ref, buffer(f), 0, f.length, buffer(v), 0, v.length)
        expect(isNew).toBe(!value.fields.has(f))
        value.fields.set(f, v)
      }
      return
    }
    const builder = createHashBuilder(this.space.nodes, LIMITS)
    for (const [f, v] of pairs) builder.set(buffer(f), 0, f.length, buffer(v), 0, v.length)
    d.putBuilt(buffer(key), 0, key.length, builder.finish(), KEEP_EXPIRY)
    this.model[db]!.set(key, { fields: new Map(pairs), expiryMs: value?.expiryMs ?? NO_EXPIRY })
  }

  deleteFields(db: number, key: string, fields: readonly string[]): void {
    const value = this.model[db]!.get(key)
    if (value === undefined || !('fields' in value)) return
    const ref: EntryRef = { h: this.find(db, key) }
    for (const f of fields) {
      expect(deleteField(this.space, this.db(db), ref, buffer(f), 0, f.length)).toBe(value.fields.delete(f))
      if (value.fields.size > 0) continue
      this.db(db).remove(ref.h)
      this.model[db]!.delete(key)
      return
    }
  }

  remove(db: number, key: string): void {
    const h = this.find(db, key)
    expect(h !== 0).toBe(this.model[db]!.delete(key))
    if (h !== 0) this.db(db).remove(h)
  }

  transfer(how: 'copyTo' | 'moveTo', db: number, key: string, toDb: number, toKey: string): void {
    const value = this.model[db]!.get(key)
    if (value === undefined || (db === toDb && key === toKey)) return
    this.db(db)[how](this.find(db, key), this.db(toDb), buffer(toKey), 0, toKey.length)
    if (how === 'moveTo') this.model[db]!.delete(key)
    this.model[toDb]!.set(toKey, 'fields' in value ? { ...value, fields: new Map(value.fields) } : { ...value })
  }

  expire(db: number, key: string, inMs: number): void {
    const value = this.model[db]!.get(key)
    if (value === undefined) return
    value.expiryMs = inMs === 0 ? NO_EXPIRY : this.space.nowMs + inMs
    this.db(db).setExpiry(this.find(db, key), value.expiryMs)
  }

  flush(db: number | undefined): void {
    this.space.flush(db === undefined ? undefined : this.db(db))
    for (const [i, keys] of this.model.entries()) if (db === undefined || db === i) keys.clear()
  }

  swap(): void {
    this.space.swap(this.db(0), this.db(1))
    this.model.reverse()
  }

  begin(): void {
    if (this.snapshot !== undefined) return
    const collector = new Collector(this.space)
    const cut = copyOf(this.model)
    this.snapshot = { walk: new Snapshot(this.space, collector), collector, cut, given: false }
  }

  step(budgetBytes: number): void {
    if (this.snapshot === undefined) return
    const { walk, collector, cut, given } = this.snapshot
    if (walk.step(budgetBytes)) return
    this.snapshot = undefined
    if (!given) expect(equalModels(collector.found, cut)).toBe('')
  }

  abandon(): void {
    if (this.snapshot === undefined) return
    this.snapshot.walk.abandon()
    this.snapshot.given = true
  }

  finish(): void {
    while (this.snapshot !== undefined) this.step(50_000)
  }

  check(): void {
    const found: Model = this.space.databases.map((db) => {
      const entries = new Map<string, Value>()
      db.forEach((h) => {
        const key = db.keyCopy(h).toString('latin1')
        const expiryMs = db.expiryMs(h)
        if (db.type(h) === TYPE_STRING) {
          entries.set(key, { text: latin1(db.value(h)), expiryMs })
          return
        }
        expect(db.type(h)).toBe(TYPE_HASH)
        const fields = new Map<string, string>()
        hashForEach(db.source(h), (f, v) => fields.set(latin1(f), latin1(v)))
        expect(hashCount(db.source(h))).toBe(fields.size)
        entries.set(key, { fields, expiryMs })
      })
      return entries
    })
    expect(equalModels(found, this.model)).toBe('')
  }

  /** Deletes everything, one key at a time, and says how many bytes are in use then. */
  emptied(): number {
    for (const [i, keys] of this.model.entries()) for (const key of [...keys.keys()]) this.remove(i, key)
    while (this.space.releaseSome()) {}
    return this.space.arena.usedBytes + this.space.arena.huge.usedBytes
  }
}

/** The first difference in words, or ''. (Quicker than toEqual with values of megabytes.) */
function equalModels(a: Model, b: Model): string {
  for (const [i, keys] of a.entries()) {
    const other = b[i]!
    if (keys.size !== other.size) return `database ${i}: keys ${[...keys.keys()]} and ${[...other.keys()]}`
    for (const [key, value] of keys) {
      const theirs = other.get(key)
      if (theirs === undefined) return `database ${i}: ${key} is missing`
      if (theirs.expiryMs !== value.expiryMs) return `${key}: expires ${value.expiryMs} and ${theirs.expiryMs}`
      if ('text' in value !== 'text' in theirs) return `${key}: another type`
      if ('text' in value && 'text' in theirs && value.text !== theirs.text) return `${key}: another text`
      if (!('fields' in value) || !('fields' in theirs)) continue
      if (value.fields.size !== theirs.fields.size)
        return `${key}: ${value.fields.size} and ${theirs.fields.size} fields`
      for (const [f, v] of value.fields) if (theirs.fields.get(f) !== v) return `${key}: another value of ${f}`
    }
  }
  return ''
}

const EMPTY_BYTES = new Subject().emptied()

const anyDb = fc.nat(DATABASES - 1)
const anyKey = fc.constantFrom('a', 'b', 'c', 'hash', 'string', 'k'.repeat(300))
const anyLetter = fc.nat(25).map((n) => String.fromCharCode(65 + n))
const anyText = fc
  .tuple(
    anyLetter,
    fc.oneof(
      { weight: 4, arbitrary: fc.nat(100) },
      { weight: 2, arbitrary: fc.constantFrom(60_000, 62_000, 130_000, 300_000) },
    ),
  )
  .map(([letter, n]) => letter.repeat(n))
const anyField = fc.oneof(
  { weight: 9, arbitrary: fc.nat(3000).map((n) => `f${n}`) },
  { weight: 1, arbitrary: fc.constantFrom('F'.repeat(30), 'G'.repeat(3000)) },
)
const anyFieldValue = fc.oneof(
  { weight: 20, arbitrary: fc.nat(1_000_000).map(String) },
  { weight: 3, arbitrary: fc.nat(60).map((n) => 'v'.repeat(n)) },
  { weight: 1, arbitrary: fc.constantFrom('V'.repeat(5000), 'W'.repeat(200_000)) },
)
/** Some pairs, or so many at once that the hash becomes large. */
const anyPairs = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.tuple(anyField, anyFieldValue), { minLength: 1, maxLength: 6 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(2000), fc.constantFrom(20, 200, 3000))
      .map(([from, count]) =>
        Array.from({ length: count }, (_, i): [string, string] => [`f${from + i}`, `value ${i}`]),
      ),
  },
)
const anyStep: fc.Arbitrary<(subject: Subject) => void> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(anyDb, anyKey, anyText).map(
      ([db, key, text]) =>
        (s: Subject) =>
          s.setString(db, key, text),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(anyDb, anyKey, fc.constantFrom(0, 10, 64_000, 66_000, 200_000), anyText).map(
      ([db, key, at, text]) =>
        (s: Subject) =>
          s.writeInto(db, key, at, text),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyDb, anyKey, fc.nat(100_000)).map(
      ([db, key, n]) =>
        (s: Subject) =>
          s.truncate(db, key, n),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(anyDb, anyKey, anyPairs).map(
      ([db, key, pairs]) =>
        (s: Subject) =>
          s.setFields(db, key, pairs),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(anyDb, anyKey, fc.array(anyField, { maxLength: 300, minLength: 1 })).map(
      ([db, key, fields]) =>
        (s: Subject) =>
          s.deleteFields(db, key, fields),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyDb, anyKey).map(
      ([db, key]) =>
        (s: Subject) =>
          s.remove(db, key),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('copyTo' as const, 'moveTo' as const), anyDb, anyKey, anyDb, anyKey).map(
      ([how, db, key, toDb, toKey]) =>
        (s: Subject) =>
          s.transfer(how, db, key, toDb, toKey),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyDb, anyKey, fc.nat(3)).map(
      ([db, key, n]) =>
        (s: Subject) =>
          s.expire(db, key, n * 1000),
    ),
  },
  { weight: 1, arbitrary: fc.option(anyDb, { nil: undefined }).map((db) => (s: Subject) => s.flush(db)) },
  { weight: 1, arbitrary: fc.constant((s: Subject) => s.swap()) },
  { weight: 4, arbitrary: fc.constant((s: Subject) => s.begin()) },
  { weight: 8, arbitrary: fc.constantFrom(1, 1000, 40_000, 200_000).map((n) => (s: Subject) => s.step(n)) },
  { weight: 1, arbitrary: fc.constant((s: Subject) => s.abandon()) },
  { weight: 2, arbitrary: fc.constant((s: Subject) => void s.space.releaseSome()) },
)

describe('values of all kinds', () => {
  it('if they are long strings, are held as they were while they change in place', () => {
    const at = fc.constantFrom(0, 10, 64_000, 66_000, 200_000, 500_000)
    const short = fc.tuple(anyLetter, fc.nat(3000)).map(([letter, n]) => letter.repeat(n))
    const step: fc.Arbitrary<(subject: Subject) => void> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(at, short).map(
          ([from, text]) =>
            (s: Subject) =>
              s.writeInto(0, 'a', from, text),
        ),
      },
      { weight: 1, arbitrary: fc.nat(400_000).map((n) => (s: Subject) => s.truncate(0, 'a', n)) },
      { weight: 1, arbitrary: anyText.map((text) => (s: Subject) => s.setString(0, 'a', text)) },
      { weight: 1, arbitrary: fc.constant((s: Subject) => s.remove(0, 'a')) },
      { weight: 3, arbitrary: fc.constant((s: Subject) => s.begin()) },
      { weight: 5, arbitrary: fc.constantFrom(1, 100_000).map((n) => (s: Subject) => s.step(n)) },
      { weight: 1, arbitrary: fc.constant((s: Subject) => s.abandon()) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const subject = new Subject()
        subject.setString(0, 'a', 'a'.repeat(400_000))
        for (const step of steps) step(subject)
        subject.check()
        subject.finish()
        expect(subject.emptied()).toBe(EMPTY_BYTES)
      }),
      { numRuns: 100 },
    )
  })

  it('equal a model, in snapshots as of their cut, and leave nothing behind', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 70, size: 'max' }), (steps) => {
        const subject = new Subject()
        for (const step of steps) step(subject)
        subject.check()
        subject.finish()
        subject.check()
        expect(subject.emptied()).toBe(EMPTY_BYTES)
      }),
      { numRuns: 80 },
    )
  })
})
