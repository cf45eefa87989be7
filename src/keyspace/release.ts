// Values and tables that nobody can reach any more, on their way back to the arena: in slices between commands, so that DEL of
// a large value, or FLUSHDB, costs a command nothing. Their memory counts as used until it is given back.

import type { Nodes } from '../store/nodes.ts'
import type { Walk } from '../store/walk.ts'
import { partsEncoding } from '../types/table.ts'
import type { EntryTables } from './listing.ts'

/** A value up to this size is given back at once: that takes some microseconds. */
const AT_ONCE_BYTES_MAX = 16 * 1024

interface DetachedTables extends EntryTables {
  hash: number
}

/** The walk that gives back the nodes of a value which no entry refers to any more. */
export function releaseWalk(nodes: Nodes, kind: number, root: number): Walk {
  // A snapshot that was under way when the value went may still need some of it. A later one does not know it at all.
  const walk = nodes.walks
  const done = (h: number): void => {
    if (nodes.walking && nodes.walks === walk) nodes.drop(0, h)
    else nodes.free(h)
  }
  return partsEncoding(kind).walk(nodes, root, undefined, done)
}

/** What waits to be released. */
export class ReleaseQueue {
  private readonly values: Walk[] = []
  private readonly tables: DetachedTables[] = []
  /** Number of values that were released in slices, on their own or with their database. */
  released = 0

  /** Number of values and databases that wait. */
  get pending(): number {
    return this.values.length + this.tables.length
  }

  /** Releases a value made of nodes: at once if it is small, else in slices. */
  value(nodes: Nodes, kind: number, root: number): void {
    const small = nodes.bytes(root) <= AT_ONCE_BYTES_MAX
    const walk = releaseWalk(nodes, kind, root)
    if (small) while (!walk.next().done);
    else this.values.push(walk)
  }

  /** Releases the tables of a database, with all entries in them. */
  database(tables: EntryTables): void {
    this.tables.push({ ...tables, hash: 0 })
  }

  /** Forgets what waits: its arena is gone as a whole. */
  clear(): void {
    this.values.length = 0
    this.tables.length = 0
  }

  /**
   * One slice; whether there is more to do. Tables wait while a snapshot may need their entries; `releaseEntry` gives back an
   * entry with all that belongs to it.
   */
  step(snapshotUnderWay: boolean, releaseEntry: (h: number) => void): boolean {
    const walk = this.values[0]
    if (walk !== undefined) {
      if (walk.next().done) {
        this.values.shift()
        this.released++
      }
      return this.values.length > 0 || (this.tables.length > 0 && !snapshotUnderWay)
    }
    const first = this.tables[0]
    if (first === undefined || snapshotUnderWay) return false
    first.hash = first.table.visitSegment(first.hash, (h) => {
      const { length } = this.values
      releaseEntry(h)
      if (this.values.length === length) this.released++
    })
    if (first.hash < 2 ** 32) return true
    first.table.releaseIndex()
    first.expires.releaseIndex()
    first.fieldExpires.releaseIndex()
    this.tables.shift()
    return this.tables.length > 0 || this.values.length > 0
  }
}
