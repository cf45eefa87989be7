// Walks the keyspace as it is at one moment and writes it as an RDB, slice by slice between commands. BGSAVE and full syncs
// are the same walk with another sink; at most one is under way, because an entry can keep track of one only.
//
// Invariant: no slice takes much over SLICE_MS, and no command ever fails because a snapshot did.
import { RDB_VERSION_WITH_FIELD_EXPIRIES, RDB_VERSION_WRITTEN } from '../codec/rdb-format.ts'
import { createRdbWriter, type RdbWriter } from '../codec/rdb-writer.ts'
import { rdbPrefixOf, rdbTypeOf } from '../codec/values/table.ts'
import type { LibraryFacts } from '../commands/context.ts'
import { monotonicMs } from '../io/clock.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { Snapshot, type SnapshotEntry } from '../keyspace/snapshot.ts'
import { REDIS_VERSION } from '../lib/version.ts'
import { CLOCK_MASK } from '../store/entry.ts'
import type { Hold } from '../store/huge.ts'
import { partsEncoding } from '../types/table.ts'

/** Where a snapshot goes. */
export interface SnapshotSink {
  /** The next bytes of the file, the sink's own from now on. A throw ends the snapshot. */
  emit(chunk: Uint8Array): void
  /** Whether the sink has room; the walk waits while it has not. What changes meanwhile is emitted all the same. */
  ready(): boolean
  /** All bytes were emitted, or none will be any more because of the error. Called once. */
  done(error: Error | undefined): void
}

/** What is written beside the data. */
export interface SnapshotOptions {
  readonly compress: boolean
  readonly checksum: boolean
  readonly aux: readonly AuxField[]
}

/** An auxiliary field of an RDB. */
export type AuxField = readonly [name: string, value: string]

/**
 * What a snapshot of the keyspace taken now (Unix time in milliseconds) says of itself; `place` is its place in a history,
 * `isLogBase` whether it is the base of an append-only log.
 */
export function snapshotAux(
  keyspace: Keyspace,
  nowMs: number,
  place: readonly AuxField[],
  isLogBase = false,
): AuxField[] {
  return [
    ['redis-ver', REDIS_VERSION],
    ['redis-bits', '64'],
    ['ctime', String(Math.floor(nowMs / 1000))],
    ['used-mem', String(keyspace.usedBytes)],
    ...place,
    ['aof-base', isLogBase ? '1' : '0'],
  ]
}

export interface Snapshots {
  /** Whether a walk is under way; no other one can be started then. */
  busy(): boolean
  /** Begins a walk; the cut is now. */
  start(options: SnapshotOptions, sink: SnapshotSink): void
  /** A whole walk at once, while the server does nothing else. The sink's `ready` is not asked. */
  runAtOnce(options: SnapshotOptions, sink: SnapshotSink): void
  /** Gives the walk under way up: its sink's `done` is called with an error. It may stay busy for a while. */
  cancel(reason: string): void
  /** Gives it up and waits for the end: for shutdowns. */
  cancelAtOnce(reason: string): void
}

const SLICE_MS = 0.7
const WAIT_MS = 2
/** So many bytes are one step of the walk, or a little more: what an entry has that is not large. */
const STEP_BYTES = 128 * 1024

/** Milliseconds to wait for a key by an option that says microseconds, or that only one of so many keys waits for one. */
export function delayMs(option: number): number {
  return (option < 0 ? 1 / -option : option) / 1000
}

/** The snapshots of a keyspace, and of the libraries of functions beside it. `keyMs` is how long to wait for each key, so that tests see a snapshot under way. */
export function createSnapshots(
  keyspace: Keyspace,
  keyMs: () => number = () => 0,
  held: () => boolean = () => false,
  libraries: () => Iterable<LibraryFacts> = () => [],
): Snapshots {
  let walk: Walk | undefined
  let next: NodeJS.Timeout | NodeJS.Immediate | undefined

  const step = (): boolean => {
    if (walk!.step()) return true
    walk = undefined
    return false
  }

  const slice = (): void => {
    next = undefined
    if (walk === undefined) return
    const start = monotonicMs()
    while (walk.ready()) {
      const { keys } = walk
      if (!step()) return
      const waitMs = (walk.keys - keys) * keyMs()
      if (waitMs > 0) {
        next = setTimeout(slice, waitMs)
        return
      }
      if (monotonicMs() - start > SLICE_MS) {
        next = setImmediate(slice)
        return
      }
    }
    next = setTimeout(slice, WAIT_MS)
  }

  const drain = (): void => {
    while (walk !== undefined && step());
  }

  return {
    busy: () => walk !== undefined || held(),
    start(options, sink) {
      walk = createWalk(keyspace, libraries(), options, sink)
      next = setImmediate(slice)
    },
    runAtOnce(options, sink) {
      walk = createWalk(keyspace, libraries(), options, sink)
      drain()
    },
    cancel: (reason) => walk?.fail(new Error(reason)),
    cancelAtOnce(reason) {
      walk?.fail(new Error(reason))
      drain()
      clearImmediate(next as NodeJS.Immediate)
      clearTimeout(next as NodeJS.Timeout)
    },
  }
}

interface Walk {
  /** Entries that were handed to the writer. */
  readonly keys: number
  /** One more segment; false when the walk is over and its sink was told. */
  step(): boolean
  ready(): boolean
  /** Nothing is emitted any more; the rest of the walk only finishes the marks. */
  fail(error: Error): void
}

function createWalk(
  keyspace: Keyspace,
  libraries: Iterable<LibraryFacts>,
  options: SnapshotOptions,
  sink: SnapshotSink,
): Walk {
  let failed = false
  let db = -1
  let keys = 0
  const announced = new Set<number>()
  // What the sink throws ends the snapshot and nothing else; what is written after that goes nowhere.
  const emit = (chunk: Uint8Array): void => {
    if (failed) return
    try {
      sink.emit(chunk)
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)))
    }
  }
  const version = keyspace.databases.some(({ fieldExpires }) => fieldExpires.size > 0)
    ? RDB_VERSION_WITH_FIELD_EXPIRIES
    : RDB_VERSION_WRITTEN
  const writer = createRdbWriter({ emit, version, ...options })

  const fail = (error: Error): void => {
    if (failed) return
    failed = true
    snapshot.abandon()
    sink.done(error)
  }

  const select = (index: number): void => {
    db = index
    writer.selectDb(index)
    if (announced.has(index)) return
    announced.add(index)
    const part = snapshot.parts.find((one) => one.db === index)
    if (part !== undefined) writer.resizeDb(part.keys, part.expiries)
  }

  /** What stands before every entry: its database, if it is another one, and how much it is used, if that is kept. */
  const announce = ({ db: index, clock }: SnapshotEntry): void => {
    keys++
    if (index !== db) select(index)
    const { frequencies, savesIdle } = keyspace
    if (frequencies !== undefined) writer.frequency(frequencies.of(clock))
    else if (savesIdle) writer.idle((keyspace.clock - clock) & CLOCK_MASK)
  }

  /** What stands before the value of an entry that is written bit by bit. */
  const begin = (entry: SnapshotEntry): void => {
    const { key, kind, expiryMs } = entry
    announce(entry)
    writer.beginValue(rdbTypeOf(kind), key.bytes, key.start, key.end, expireMsOf(expiryMs))
  }

  /** The same for a blob. */
  const beginBlob = (entry: SnapshotEntry, prefix = rdbPrefixOf(entry.kind)): void => {
    begin(entry)
    if (prefix !== undefined) writer.out.part(prefix, 0, prefix.length)
  }

  const snapshot = new Snapshot(keyspace, {
    blob(entry, value) {
      const { key, kind, expiryMs } = entry
      const { bytes, start, end } = value
      const prefix = rdbPrefixOf(kind)
      if (prefix !== undefined) {
        beginBlob(entry, prefix)
        writer.out.string(bytes, start, end)
        return
      }
      announce(entry)
      writer.blob(rdbTypeOf(kind), key.bytes, key.start, key.end, bytes, start, end, expireMsOf(expiryMs))
    },
    *hugeBlob(entry, value) {
      beginBlob(entry)
      if (options.compress && value.length <= COMPRESSED_BYTES_MAX) return writeAtOnce(writer, value)
      writer.out.begin(value.length)
      for (let chunk = value.next(); chunk.length > 0; chunk = value.next()) {
        writer.out.part(chunk, 0, chunk.length)
        yield chunk.length
      }
    },
    *parts(entry, nodes, root, done) {
      begin(entry)
      yield* partsEncoding(entry.kind).walk(nodes, root, writer.out, done)
    },
  })
  writer.begin(options.aux)
  for (const { code } of libraries) writer.library(code)

  return {
    get keys() {
      return keys
    },
    step() {
      if (snapshot.step(STEP_BYTES)) return true
      if (failed) return false
      writer.end()
      // The last chunk may be what fails.
      if (!failed) sink.done(undefined)
      return false
    },
    ready: () => failed || sink.ready(),
    fail,
  }
}

/** Larger strings are written as they are: compressing one would pause the server for over a millisecond. */
const COMPRESSED_BYTES_MAX = 128 * 1024

/** A string that is small enough to be compressed, in one piece. */
function writeAtOnce(writer: RdbWriter, value: Hold): void {
  const whole = Buffer.allocUnsafe(value.length)
  for (let at = 0; at < whole.length; ) at += value.next().copy(whole, at)
  writer.out.string(whole, 0, whole.length)
}

function expireMsOf(expiryMs: number): number {
  return expiryMs === NO_EXPIRY ? -1 : expiryMs
}
