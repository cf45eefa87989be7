// What the keyspace and the codec need to know of a type, in one row each; types/table.ts joins the rows.

import type { Moving, NodeOf } from '../store/moving.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import type { Done, ElementOut, Walk } from '../store/walk.ts'

// Type numbers in an entry's header: those that Redis uses for its objects.
export const TYPE_STRING = 0
export const TYPE_LIST = 1
export const TYPE_SET = 2
export const TYPE_ZSET = 3
export const TYPE_HASH = 4
export const TYPE_STREAM = 6

/** A value where it is: a blob in bytes [start, end), or the root of its nodes. */
export interface ValueSource extends NodeBytes {
  nodes: Nodes
  encoding: number
  /** 0 for a blob. */
  root: number
  /** Fields of hashes whose time was over before this are not seen, in Unix milliseconds; undefined: all are. */
  hideMs?: number | undefined
}

/** One element: a member or field, and what belongs to it (the value of a field, the score of a member). */
export type VisitElement = (element: NodeBytes, second: NodeBytes | number | undefined) => void

/** An encoding that is made of nodes. */
export interface PartsEncoding {
  /** The walk over a value; with `out` it writes the elements as RDB does, number first. */
  walk(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk
  /** A copy of the value. Throws ArenaFullError, and leaves nothing behind then. */
  clone(nodes: Nodes, root: number): number
  /** Moves all nodes but the root out of slabs that are being emptied, a bit at a time: see store/moving.ts. */
  move(nodes: Nodes, rootOf: NodeOf): Moving
}

/** A type of values. */
export interface ValueType {
  readonly type: number
  /** As TYPE tells it. */
  readonly name: string
  /** By number of the encoding: the name as OBJECT ENCODING tells it. */
  readonly encodings: Readonly<Record<number, string>>
  /** By number of the encoding, for those that are made of nodes: 8 and above. */
  readonly parts: Readonly<Record<number, PartsEncoding>>
  /** Number of elements (bytes of a string). */
  count(value: ValueSource): number
  /** Calls `visit` for each element, in order where the type has one. The ranges are reused. */
  elements(value: ValueSource, visit: VisitElement): void
}
