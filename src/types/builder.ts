// How a value is built outside of the keyspace: element by element, in the encoding that it will have.

/** Limits of compact encodings, named as the options that set them. */
export interface TypeLimits {
  readonly 'list-max-listpack-size': number
  readonly 'hash-max-listpack-entries': number
  readonly 'hash-max-listpack-value': number
  readonly 'set-max-intset-entries': number
  readonly 'zset-max-listpack-entries': number
  readonly 'zset-max-listpack-value': number
  readonly 'stream-node-max-bytes': number
  readonly 'stream-node-max-entries': number
}

/** What the options are unless somebody sets them. */
export const DEFAULT_LIMITS: TypeLimits = {
  'list-max-listpack-size': -2,
  'hash-max-listpack-entries': 512,
  'hash-max-listpack-value': 64,
  'set-max-intset-entries': 512,
  'zset-max-listpack-entries': 128,
  'zset-max-listpack-value': 64,
  'stream-node-max-bytes': 4096,
  'stream-node-max-entries': 100,
}

/** A value that is in no entry yet: a blob in bytes [start, end), or a root that is the receiver's from now on. */
export interface BuiltValue {
  /** Type and encoding. */
  readonly kind: number
  /** 0 for a blob. */
  readonly root: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** What all builders have. */
export interface ValueBuilder {
  /** The value; a blob's bytes are valid until the builder is used again. */
  finish(): BuiltValue
  /** Gives back what was built, which `finish` has not handed out. */
  abandon(): void
}
