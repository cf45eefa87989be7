// Hashes of which some fields have an expiry (HEXPIRE): a table as any large hash is, and on its root a sorted set, the fields that
// have an expiry by the time of it in Unix milliseconds. So the field that is due next is found at once, a hash of a million fields is
// not built anew for the first expiry, and a hash without any pays nothing.
//
//   root   as in store/dict.ts, then the root of the sorted set (types/zset.ts)
//
// Invariants: each member of the sorted set is a field of the table; its bytes are counted to the hash as well. What says that it
// changes something is given a root that is the caller's to change (Nodes.own).

import { SLAB_BITS, SLAB_MASK } from '../store/arena.ts'
import { cloneDict, dictDelete, moveDict, releaseDict, walkDict } from '../store/dict.ts'
import { type Moving, moveLink, type NodeOf } from '../store/moving.ts'
import { type NodeBytes, type Nodes, ROOT_HEADER_BYTES } from '../store/nodes.ts'
import { rankingRange, rankingScoresBelow } from '../store/ranking.ts'
import type { Done, ElementOut, Walk } from '../store/walk.ts'
import { cloneZset, createParts, moveZset, partsDelete, partsScore, partsSet, releaseZset, walkZset } from './zset.ts'

/** Behind the two words that the table has on its root. */
const EXPIRIES_WORD = ROOT_HEADER_BYTES / 4 + 2
const MORE_UNITS = 1
const ROOT_UNITS = ROOT_HEADER_BYTES / 8 + 1 + MORE_UNITS

function expiriesOf(nodes: Nodes, root: number): number {
  return nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + EXPIRIES_WORD]
}

function setExpiries(nodes: Nodes, root: number, expiries: number): void {
  nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + EXPIRIES_WORD] = expiries
}

// ---- reading ----

/** The expiry of the field in bytes [start, end); NaN if it has none. */
export function fieldExpiry(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): number {
  return partsScore(nodes, expiriesOf(nodes, root), bytes, start, end)
}

/** Number of fields that have an expiry. */
export function expiryCount(nodes: Nodes, root: number): number {
  return nodes.count(expiriesOf(nodes, root))
}

/** Number of fields whose time was over before that one. */
export function dueCount(nodes: Nodes, root: number, beforeMs: number): number {
  return rankingScoresBelow(nodes, expiriesOf(nodes, root), beforeMs, false)
}

/** Visits the `count` fields that are due first; there must be as many. */
export function visitDue(
  nodes: Nodes,
  root: number,
  count: number,
  visit: (field: NodeBytes, atMs: number) => void,
): void {
  rankingRange(nodes, expiriesOf(nodes, root), 0, count, false, visit)
}

// ---- changing ----

/** Gives a field of the table an expiry, or another one. Throws ArenaFullError before any change. */
export function setFieldExpiry(
  nodes: Nodes,
  root: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  atMs: number,
): void {
  const before = fieldExpiry(nodes, root, bytes, start, end)
  changeExpiries(nodes, root, (expiries) => partsSet(nodes, expiries, bytes, start, end, atMs, before))
}

/** Takes the expiry of a field away; whether it had one. Throws ArenaFullError before any change. */
export function clearFieldExpiry(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (Number.isNaN(fieldExpiry(nodes, root, bytes, start, end))) return false
  changeExpiries(nodes, root, (expiries) => partsDelete(nodes, expiries, bytes, start, end))
  return true
}

/** Removes a field with its expiry; whether it was there. */
export function expiringDelete(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): boolean {
  clearFieldExpiry(nodes, root, bytes, start, end)
  return dictDelete(nodes, root, bytes, start, end)
}

function changeExpiries(nodes: Nodes, root: number, change: (expiries: number) => void): void {
  const former = expiriesOf(nodes, root)
  const expiries = nodes.own(former)
  if (expiries !== former) setExpiries(nodes, root, expiries)
  const before = nodes.bytes(expiries)
  try {
    change(expiries)
  } finally {
    nodes.addBytes(root, nodes.bytes(expiries) - before)
  }
}

/** A sorted set to collect expiries in before they are attached to a table. Throws ArenaFullError. */
export function createExpiries(nodes: Nodes): number {
  return createParts(nodes)
}

/**
 * Makes the table with that root, which is the caller's, one whose fields may have an expiry; the root of what was made. Throws
 * ArenaFullError before any change.
 */
export function attachExpiries(nodes: Nodes, table: number, expiries: number): number {
  const before = nodes.units(table)
  const root = nodes.resize(0, table, ROOT_UNITS)
  setExpiries(nodes, root, expiries)
  nodes.addBytes(root, (nodes.units(root) - before) * 8 + nodes.bytes(expiries))
  return root
}

/** Makes it a table again, whose fields have no expiry. */
export function detachExpiries(nodes: Nodes, root: number): void {
  const expiries = expiriesOf(nodes, root)
  nodes.addBytes(root, -nodes.bytes(expiries))
  const walk = walkZset(nodes, expiries, undefined, (h) => nodes.drop(0, h))
  while (!walk.next().done);
}

// ---- the whole ----

/**
 * The walk (walk.ts): as RDB has it, the earliest expiry in 8 bytes, the number of fields, and of each how much later its expiry is
 * by one (0: it has none), the field and its value.
 */
export function* walkExpiring(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk {
  const expiries = expiriesOf(nodes, root)
  const fields = out === undefined ? undefined : new FieldsOut(nodes, expiries, out)
  yield* walkDict(nodes, root, fields, (h) => {
    if (h !== root) done(h)
  })
  yield* walkZset(nodes, expiries, undefined, done)
  done(root)
}

/** Moves all nodes but the root (store/moving.ts). */
export function* moveExpiring(nodes: Nodes, rootOf: NodeOf): Moving {
  yield* moveDict(nodes, rootOf)
  const root = rootOf()
  if (root === 0) return
  moveLink(nodes, root, EXPIRIES_WORD)
  yield* moveZset(nodes, () => {
    const now = rootOf()
    return now === 0 ? 0 : expiriesOf(nodes, now)
  })
}

/** Takes the fields and values of the table, and passes each field on behind its expiry. */
class FieldsOut implements ElementOut {
  private readonly nodes: Nodes
  private readonly expiries: number
  private readonly out: ElementOut
  private firstMs = 0
  private isField = true
  /** A field that comes in parts, and how much of it is still to come. */
  private parts: Buffer[] = []
  private partsLeft = 0

  constructor(nodes: Nodes, expiries: number, out: ElementOut) {
    this.nodes = nodes
    this.expiries = expiries
    this.out = out
  }

  length(n: number): void {
    const { nodes, expiries } = this
    if (nodes.count(expiries) > 0) rankingRange(nodes, expiries, 0, 1, false, (_, atMs) => (this.firstMs = atMs))
    const first = Buffer.alloc(8)
    first.writeBigUInt64LE(BigInt(this.firstMs))
    this.out.part(first, 0, 8)
    this.out.length(n)
  }

  string(bytes: Uint8Array, start: number, end: number): void {
    if (this.isField) this.beginField(bytes, start, end)
    this.isField = !this.isField
    this.out.string(bytes, start, end)
  }

  begin(length: number): void {
    if (this.isField) this.partsLeft = length
    else {
      this.isField = true
      this.out.begin(length)
    }
  }

  part(bytes: Uint8Array, start: number, end: number): void {
    if (this.partsLeft === 0) return this.out.part(bytes, start, end)
    this.parts.push(Buffer.from(bytes.subarray(start, end)))
    this.partsLeft -= end - start
    if (this.partsLeft > 0) return
    const field = Buffer.concat(this.parts)
    this.parts = []
    this.string(field, 0, field.length)
  }

  double(x: number): void {
    this.out.double(x)
  }

  private beginField(bytes: Uint8Array, start: number, end: number): void {
    const atMs = partsScore(this.nodes, this.expiries, bytes, start, end)
    this.out.length(Number.isNaN(atMs) ? 0 : atMs - this.firstMs + 1)
  }
}

/** A copy. Throws ArenaFullError, and leaves nothing behind then. */
export function cloneExpiring(nodes: Nodes, root: number): number {
  const expiries = cloneZset(nodes, expiriesOf(nodes, root))
  let copy = 0
  try {
    copy = cloneDict(nodes, root, MORE_UNITS)
  } catch (error) {
    releaseZset(nodes, expiries)
    throw error
  }
  setExpiries(nodes, copy, expiries)
  nodes.addBytes(copy, nodes.bytes(expiries))
  return copy
}

/** Gives back a table and expiries that nobody else knows, at once. */
export function releaseUnattached(nodes: Nodes, table: number, expiries: number): void {
  if (table !== 0) releaseDict(nodes, table)
  if (expiries !== 0) releaseZset(nodes, expiries)
}
