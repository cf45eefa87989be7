// Puts the entries of an RDB into the keyspace: for the file at start and for a full sync from a primary.
import { createRdbReader, type RdbEntry, type RdbReader } from '../codec/rdb-reader.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { stringEncodingOf } from '../types/string.ts'

export interface Loader {
  readonly reader: RdbReader
  /** Auxiliary fields of the file so far. */
  readonly aux: ReadonlyMap<string, string>
  /** Entries that are in the keyspace now. */
  loaded(): number
  /** Entries whose time was over and that were left out. */
  expired(): number
}

export interface LoadOptions {
  readonly checksum: boolean
  readonly stringBytesMax: number
  /** A primary leaves out what has expired by this time (Unix ms); undefined: a replica takes everything. */
  readonly dropExpiredAtMs: number | undefined
  /** A key was left out for that. */
  readonly onExpired?: (db: number, key: Buffer) => void
  /** A key that is there already is an error, not replaced. */
  readonly refuseDuplicates?: boolean
}

/** A loader into a keyspace, which should be empty: an entry that is there already is replaced. */
export function createLoader(keyspace: Keyspace, options: LoadOptions): Loader {
  const aux = new Map<string, string>()
  let loaded = 0
  let expired = 0
  const onEntry = (entry: RdbEntry): void => {
    if (options.dropExpiredAtMs !== undefined && entry.expireMs >= 0 && entry.expireMs < options.dropExpiredAtMs) {
      expired++
      options.onExpired?.(entry.db, Buffer.from(entry.key.subarray(entry.keyStart, entry.keyEnd)))
      return
    }
    const { key, keyStart, keyEnd, value, valueStart, valueEnd } = entry
    const encoding = stringEncodingOf(value, valueStart, valueEnd)
    const db = keyspace.databases[entry.db]!
    if (options.refuseDuplicates === true && db.peek(key, keyStart, keyEnd) !== 0) {
      throw new Error('the snapshot has a key that is there already')
    }
    const expiryMs = entry.expireMs < 0 ? NO_EXPIRY : Math.max(entry.expireMs, 1)
    db.put(key, keyStart, keyEnd, value, valueStart, valueEnd, encoding, expiryMs)
    loaded++
  }
  const reader = createRdbReader(
    { onEntry, onAux: (name, value) => void aux.set(name, value) },
    {
      checksum: options.checksum,
      databases: keyspace.databases.length,
      stringBytesMax: options.stringBytesMax,
    },
  )
  return { reader, aux, loaded: () => loaded, expired: () => expired }
}
