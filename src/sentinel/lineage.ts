// The histories of a group's data, and which server has how much of them. A history is named by a replication ID, and an
// offset is a point in it; offsets of two histories cannot be compared. A promotion begins a new history that goes on
// from the one before (ServerInfo.parent), and so does what a primary loads from its file; a server that starts empty
// begins one that goes on from nothing.
//
// The replicated state names the histories that the group's primaries have written, newest last. A server *has* the newest
// one if it is in it or was promoted out of it; one that is still in an earlier one lacks all that was written since,
// whatever its offset says; one that is in none of them never held this group's data.
//
// Invariant: what is not known never counts in a server's favour.
import type { ServerInfo } from './info.ts'

/** A history, and the run ID of the process that was seen writing it last. */
export interface HistoryMark {
  readonly replId: string
  readonly runId: string
}

/** Histories that are remembered, newest last. */
export const LINEAGE_MAX = 8

/** The history that a primary writes, as its INFO says; undefined while it does not. */
export const markOf = (info: ServerInfo | undefined): HistoryMark | undefined =>
  info?.role === 'primary' && info.replId !== '' && info.runId !== '' && !info.loading
    ? { replId: info.replId, runId: info.runId }
    : undefined

/** How a server's data relates to the newest history. */
export type Kinship =
  /** It is in the newest history, or goes on from it. */
  | 'newest'
  /** It is in an earlier history of the group. */
  | 'earlier'
  /** It is in none of them. */
  | 'none'
  /** The group's histories are not known. */
  | 'unknown'

/** How a server's data relates to the group's. */
export function kinshipOf(info: ServerInfo, lineage: readonly HistoryMark[]): Kinship {
  const newest = lineage.at(-1)
  if (newest === undefined) return 'unknown'
  if (holds(info, newest.replId) >= 0) return 'newest'
  return lineage.some(({ replId }) => holds(info, replId) >= 0) ? 'earlier' : 'none'
}

/** Up to which offset a server has this history; -1 when it has none of it. */
export function holds({ replId, offset, parent }: Pick<ServerInfo, 'replId' | 'offset' | 'parent'>, history: string) {
  if (replId === history) return offset
  return parent?.replId === history ? Math.min(parent.offset, offset) : -1
}

/** True when everything that `other` has is certainly part of what `one` has. */
export const covers = (one: ServerInfo, other: ServerInfo): boolean => holds(one, other.replId) >= other.offset

/**
 * True when `one` certainly has more of the group's newest history than `other`. Of a server that began a history of its own
 * it cannot be said how much it has: it may have read everything from an append-only file, so its keys decide, with
 * plenty of room for those that expired meanwhile.
 */
export function hasMore(one: ServerInfo, other: ServerInfo, lineage: readonly HistoryMark[]): boolean {
  const newest = lineage.at(-1)
  if (newest === undefined || one.loading) return false
  const [has, otherHas] = [holds(one, newest.replId), holds(other, newest.replId)]
  if (has < 0) return false
  return otherHas >= 0 ? has > otherHas : other.keys * 2 < one.keys
}
