// One pass of defragmentation: the emptiest slabs of the arena are taken out of use, everything in them is moved elsewhere, a bit at
// a time between commands, and what is empty by then goes back to the system.
//
// All of the keyspace is looked at once: the segments of the tables, the entries, the nodes of the values (store/moving.ts). What
// nobody finds that way (a value that is being built, or released) keeps its slab from being empty; that slab is used again.

import { SLAB_BITS, SLAB_BYTES, type SlabFill } from '../store/arena.ts'
import { LOOK_BYTES, type Moving, type NodeOf } from '../store/moving.ts'
import { partsEncoding } from '../types/table.ts'
import { setValueWord, unitsOfEntry } from './blocks.ts'
import type { Database } from './database.ts'
import type { Keyspace } from './keyspace.ts'
import { repointEntry } from './listing.ts'

/** Values of up to so many bytes are moved at once. */
const AT_ONCE_BYTES_MAX = 16 * 1024
/** Of what is free in the slabs that stay, so much may be filled: not all of it is of the right sizes. */
const FILLED_SHARE = 0.9

/** The emptiest slabs, as many as the others have room for what is in them. */
export function slabsToEmpty(fills: readonly SlabFill[]): number[] {
  const emptiest = [...fills].sort((a, b) => a.usedBytes - b.usedBytes)
  let freeBytes = fills.reduce((sum, { usedBytes }) => sum + SLAB_BYTES - usedBytes, 0)
  let toMove = 0
  const chosen: number[] = []
  for (const { slab, usedBytes } of emptiest) {
    toMove += usedBytes
    freeBytes -= SLAB_BYTES - usedBytes
    if (toMove > freeBytes * FILLED_SHARE) break
    chosen.push(slab)
  }
  return chosen
}

/** What a pass has done. */
export interface DefragCounts {
  /** Entries looked at of which something was moved, and the others. */
  keyHits: number
  keyMisses: number
}

/** A pass over the keyspace. */
export class Defragmentation {
  private readonly space: Keyspace
  private readonly arena: Keyspace['arena']
  private readonly counts: DefragCounts
  private readonly path: Moving
  /** Values too large to be moved at once. */
  private readonly large: { db: Database; key: Buffer; kind: number }[] = []

  /** Takes these slabs out of use; `counts` is added to. */
  constructor(space: Keyspace, slabs: readonly number[], counts: DefragCounts) {
    this.space = space
    this.arena = space.arena
    this.counts = counts
    this.arena.beginEmptying(slabs)
    this.path = this.walk()
  }

  /**
   * Goes on for about so many bytes; whether there is more to do. Not while a snapshot is under way. Throws ArenaFullError; `end` is
   * to be called then, too.
   */
  step(bytes: number): boolean {
    for (let left = bytes; left > 0; ) {
      // All keys were flushed at once, with the arena.
      if (this.space.arena !== this.arena) return false
      const result = this.path.next()
      if (result.done) return false
      left -= result.value
    }
    return true
  }

  /** Gives back one slab, if there is an empty one; whether there was. */
  dropOne(): boolean {
    return this.arena.dropEmptied(1) > 0
  }

  /** Uses what is not empty again. */
  end(): void {
    this.arena.endEmptying()
  }

  private *walk(): Moving {
    for (const db of this.space.databases) {
      yield* this.moveSegments(db)
      for (let cursor = 0; ; ) {
        cursor = yield* this.moveEntries(db, cursor)
        for (let value = this.large.pop(); value !== undefined; value = this.large.pop()) yield* this.moveLarge(value)
        if (cursor === 0) break
      }
    }
  }

  private *moveSegments(db: Database): Moving {
    for (const name of ['table', 'expires', 'fieldExpires'] as const) {
      for (let hash = 0; hash < 2 ** 32; ) {
        const before = this.arena.movedBytes
        hash = db[name].moveSegment(hash)
        yield this.arena.movedBytes - before + LOOK_BYTES
      }
    }
  }

  /** One step of a scan; its next cursor. */
  private *moveEntries(db: Database, cursor: number): Generator<number, number> {
    const before = this.arena.movedBytes
    const next = db.scan(cursor, (h) => this.moveEntry(db, h))
    yield this.arena.movedBytes - before + LOOK_BYTES
    return next
  }

  private moveEntry(db: Database, h: number): void {
    const { arena, counts } = this
    const before = arena.movedBlocks
    const moved = this.moveBlock(db, h)
    if (db.isParts(moved)) {
      const root = db.root(moved)
      if (this.space.nodes.bytes(root) > AT_ONCE_BYTES_MAX) {
        this.large.push({ db, key: db.keyCopy(moved), kind: db.kind(moved) })
      } else {
        const moving = partsEncoding(db.kind(moved)).move(this.space.nodes, () => root)
        while (!moving.next().done);
      }
    }
    if (arena.movedBlocks > before) counts.keyHits++
    else counts.keyMisses++
  }

  /** Moves the block of an entry, and the root of its value. */
  private moveBlock(db: Database, h: number): number {
    const { arena } = this
    const { nodes } = this.space
    let moved = h
    if (arena.emptying[h >>> SLAB_BITS] !== 0) {
      moved = arena.move(h, unitsOfEntry(arena, h))
      repointEntry(arena, db, h, moved)
    }
    if (db.isParts(moved)) setValueWord(arena, moved, nodes.moved(db.root(moved)))
    return moved
  }

  /** Moves the nodes of a large value, as long as it is there and of that kind. */
  private moveLarge({ db, key, kind }: { db: Database; key: Buffer; kind: number }): Moving | [] {
    const rootOf: NodeOf = () => {
      const h = db.peek(key, 0, key.length)
      return h !== 0 && db.kind(h) === kind ? db.root(h) : 0
    }
    const h = db.peek(key, 0, key.length)
    return h === 0 || db.kind(h) !== kind ? [] : partsEncoding(kind).move(this.space.nodes, rootOf)
  }
}
