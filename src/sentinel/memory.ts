// What a sentinel keeps in mind about others and about itself, besides what Raft replicates: whom it has heard of without proof
// (circle.ts fills that), and what keeps it from a working group (obstacle.ts). Nothing of it is written to a disk.
import type { Address } from './address.ts'
import type { PeerAddress } from './effects.ts'

/** A hello that nobody has proven yet. */
export interface Hint extends PeerAddress {
  /** It says that it belongs to a group. */
  readonly grouped: boolean
  readonly firstMs: number
  readonly heardMs: number
}

export interface Circle {
  readonly hints: Map<string, Hint>
  /** Peers that were forgotten (SENTINEL RESET, or long silence): they are let in when they return. */
  readonly former: Map<string, PeerAddress>
  /** Since when somebody claims to belong to a group. */
  groupHeardMs: number | undefined
  /** Members of this sentinel's group that have proven to belong to another one. */
  readonly deserters: Set<string>
  /** Somebody else uses this sentinel's key. */
  twin: { readonly resp: Address; readonly heardMs: number } | undefined
  /** Why the last request to join was not granted. */
  refusal: { readonly text: string; readonly atMs: number } | undefined
  /** What was complained about, and when. */
  readonly complaints: Map<string, number>
  /** What the transport was last told, and when. */
  toldKey: string
  toldMs: number
  /** Every port is open, so that others may be told of this sentinel. */
  open: boolean
}

export const createCircle = (open: boolean): Circle => ({
  hints: new Map(),
  former: new Map(),
  groupHeardMs: undefined,
  deserters: new Set(),
  twin: undefined,
  refusal: undefined,
  complaints: new Map(),
  toldKey: ' | ',
  toldMs: Number.NEGATIVE_INFINITY,
  open,
})

export interface Obstacle {
  text: string | undefined
  sinceMs: number
  saidMs: number | undefined
  lookedMs: number
}

export const createObstacle = (nowMs: number): Obstacle => ({
  text: undefined,
  sinceMs: nowMs,
  saidMs: undefined,
  lookedMs: nowMs,
})
