// Puts the entries of an RDB into the keyspace: for the file at start and for a full sync from a primary.
import { RdbError } from '../codec/rdb-format.ts'
import { createRdbReader, type RdbEntry, type RdbReader } from '../codec/rdb-reader.ts'
import { CommandError } from '../errors.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { restoreUse } from '../keyspace/uses.ts'
import type { BuiltValue } from '../types/builder.ts'

export interface Loader {
  readonly reader: RdbReader
  /** Auxiliary fields of the file so far. */
  readonly aux: ReadonlyMap<string, string>
  /** Entries that are in the keyspace now. */
  loaded(): number
  /** Entries whose time was over and that were left out. */
  expired(): number
  /** Keys without elements, which were left out. */
  empty(): number
}

export interface LoadOptions {
  readonly checksum: boolean
  readonly stringBytesMax: number
  /** A primary leaves out what has expired by this time (Unix ms); undefined: a replica takes everything. */
  readonly dropExpiredAtMs: number | undefined
  /** Called before the first key of the file comes into the keyspace. */
  readonly onFirst?: () => void
  /** A key was left out for that. */
  readonly onExpired?: (db: number, key: Buffer) => void
  /** A key was left out because it had no elements. */
  readonly onEmpty?: (key: Uint8Array) => void
  /** Takes a library of functions. */
  readonly onLibrary: (code: Buffer) => void
  /** A key that is there already is an error, not replaced. */
  readonly refuseDuplicates?: boolean
}

/** A loader into a keyspace, which should be empty: an entry that is there already is replaced. */
export function createLoader(keyspace: Keyspace, options: LoadOptions): Loader {
  const aux = new Map<string, string>()
  let loaded = 0
  let expired = 0
  let empty = 0
  let begun = false
  const first = (): void => {
    if (begun) return
    begun = true
    options.onFirst?.()
  }
  const onEntry = (entry: RdbEntry): void => {
    if (options.dropExpiredAtMs !== undefined && entry.expireMs >= 0 && entry.expireMs < options.dropExpiredAtMs) {
      expired++
      keyspace.releaseBuilt(builtValue(entry))
      options.onExpired?.(entry.db, Buffer.from(entry.key.subarray(entry.keyStart, entry.keyEnd)))
      return
    }
    const { key, keyStart, keyEnd } = entry
    const db = keyspace.databases[entry.db]!
    if (options.refuseDuplicates === true && db.peek(key, keyStart, keyEnd) !== 0) {
      keyspace.releaseBuilt(builtValue(entry))
      throw new Error('the snapshot has a key that is there already')
    }
    first()
    const expiryMs = entry.expireMs < 0 ? NO_EXPIRY : Math.max(entry.expireMs, 1)
    const h = db.putBuilt(key, keyStart, keyEnd, builtValue(entry), expiryMs)
    restoreUse(keyspace, db, h, entry.idleSeconds, entry.frequency)
    loaded++
  }
  const onEmpty = (key: Uint8Array): void => {
    empty++
    options.onEmpty?.(key)
  }
  const onLibrary = (code: Buffer): void => {
    try {
      options.onLibrary(code)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      throw new RdbError('corrupt', `Failed creating the library: ${error.reply}`)
    }
  }
  const reader = createRdbReader(
    { onEntry, onEmpty, onLibrary, onBuild: first, onAux: (name, value) => void aux.set(name, value) },
    {
      checksum: options.checksum,
      databases: keyspace.databases.length,
      stringBytesMax: options.stringBytesMax,
      build: keyspace,
    },
  )
  return { reader, aux, loaded: () => loaded, expired: () => expired, empty: () => empty }
}

function builtValue({ kind, root, value, valueStart, valueEnd }: RdbEntry): BuiltValue {
  return { kind, root, bytes: value, start: valueStart, end: valueEnd }
}
