// How the nodes of a value leave slabs that are being emptied (Arena.beginEmptying): one after the other, each by its parent, which
// stores the new handle. A structure has one such way through itself, a generator, beside its walk (walk.ts).
//
// The value changes between two steps. So a move keeps no handle from one step to the next, only a position: a hash, an index. What
// it misses because elements went meanwhile stays where it is until the slab is emptied another time; what is new is elsewhere anyway.
// It never runs while a walk is under way, which may still need a node where it is.

import { SLAB_BITS, SLAB_MASK } from './arena.ts'
import type { Nodes } from './nodes.ts'
import type { Tree } from './tree.ts'

/** One way through a value: yields about how many bytes it looked at since the last time. Throws ArenaFullError, with the value whole. */
export type Moving = Generator<number, void>

/** The node as it is now: the root of the value, or what hangs on it; 0 if it is not there any more. */
export type NodeOf = () => number

/** A step moves hardly more than this. */
export const MOVE_STEP_BYTES = 32 * 1024
/** What it takes to look at a node, in bytes that take as long to move. */
export const LOOK_BYTES = 256

/**
 * Moves the inner nodes and leaves of the tree whose top stands in a word of a node. `moveBelow` moves what hangs on a leaf, or a part
 * of it: whether that was all.
 */
export function* moveTree(
  nodes: Nodes,
  tree: Tree,
  holderOf: NodeOf,
  word: number,
  moveBelow: (leaf: number) => boolean = () => true,
): Moving {
  for (let index = 0; ; ) {
    const holder = holderOf()
    const top = holder === 0 ? 0 : wordOf(nodes, holder, word)
    if (top === 0) return
    const before = nodes.arena.movedBytes
    tree.seekIndex(nodes, top, index)
    try {
      tree.move()
    } finally {
      setWordOf(nodes, holder, word, tree.top)
    }
    const whole = moveBelow(tree.leaf)
    if (whole && tree.isLast()) return
    if (whole) index = tree.rank() + tree.leafCount()
    yield nodes.arena.movedBytes - before + LOOK_BYTES
  }
}

/** Moves the node whose handle stands in a word of another one. */
export function moveLink(nodes: Nodes, holder: number, word: number): void {
  setWordOf(nodes, holder, word, nodes.moved(wordOf(nodes, holder, word)))
}

/** Word `i` of a node. */
export function wordOf(nodes: Nodes, h: number, i: number): number {
  return nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + i]
}

function setWordOf(nodes: Nodes, h: number, i: number, value: number): void {
  nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + i] = value
}
