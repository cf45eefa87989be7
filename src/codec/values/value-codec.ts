// What the codec needs to know of a type: how its values are spelled in RDB files and DUMP payloads, and how they are read.

import type { NodeBytes, Nodes } from '../../store/nodes.ts'
import type { BuiltValue, TypeLimits } from '../../types/builder.ts'

/** What a value is built with. */
export interface BuildContext {
  readonly nodes: Nodes
  readonly limits: TypeLimits
}

/**
 * What a reader of values reads from. Each method takes the next item or, if its bytes are not there yet, throws in a way that
 * undoes the whole step in which it was called; other bytes than such an item end the reading with an error.
 */
export interface RdbInput {
  length(): number
  /** A string of any form, valid until the next one is read into the same `into`. */
  string(into: NodeBytes): void
  /** A double of 8 bytes. */
  double(): number
  /** `bytes` raw bytes, valid until the next call. */
  raw(bytes: number, into: NodeBytes): void
  /** An error that says what is wrong with the value. */
  corrupt(what: string): Error
}

/** Reads one value in steps: what a step has read is done with, so that a long value never has to be there as a whole. */
export interface ValueReader {
  /**
   * Reads one more item; whether the value is complete. Anything may be thrown: the reader must change nothing before it has
   * read all that the step needs.
   */
  step(input: RdbInput): boolean
  /** The complete value. Undefined if it has no elements: such keys do not exist. */
  finish(): BuiltValue | undefined
  /** Gives back what was built so far. */
  abandon(): void
}

/** The codec's row of a type. */
export interface ValueCodec {
  readonly type: number
  /** By number of the encoding: the RDB type that values of it are written as. Blobs are one string, others walk (types/). */
  readonly written: Readonly<Record<number, number>>
  /** What stands before the string that a blob is written as, if anything does. */
  readonly prefix?: Uint8Array
  /** By RDB type: a reader. */
  readonly readers: Readonly<Record<number, (context: BuildContext) => ValueReader>>
}

/** A range to read strings into. */
export function emptyRange(): NodeBytes {
  return { bytes: NO_BYTES, start: 0, end: 0 }
}

const NO_BYTES = Buffer.alloc(0)
