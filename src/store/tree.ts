// A counted B+ tree over the nodes of one value: keeps leaves in order, and finds one by position, or by key.
//
//   inner node   word 0    the header of nodes.ts
//                word 1    bits 0–15 number of children, 16–23 level: 1 above the leaves
//                then 16 bytes a child: handle, number of elements below it (32 bits each), key of its first element (double)
//
//   leaf         a node of the tree's user: a listpack of a list, a page of a sorted set. Only its handle, its number of
//                elements and its key are known here.
//
// Positions cost one sum of counts a level. Keys are numbers that never descend from leaf to leaf: the score of a sorted set,
// the milliseconds of a stream's ID, 0 in a list. Where keys are equal, the user compares the first elements of leaves (`LeafOrder`).
//
// A `Tree` is machinery without a value, one for all values of a kind: every search takes the value's top node and leaves a
// path to one leaf, which the changes after it refer to. To change something: search, `own` the path, then change the leaf and tell (`setLeaf`), put one
// beside it (`reserve`, then `insertAfter`), or take it out. `top` is then the new top, for the value's root to store;
// the root itself must be owned by then. Nothing of a path holds from one command to the next: go on by position or by key.
//
// Invariants: counts are the sums below them, keys are those of first elements; no inner node is empty; all leaves have the
// same depth. A node that removals have left small is merged with a neighbour. Blocks are sized to what they hold, so a
// lopsided split costs no memory, and filling a tree in order leaves full nodes behind.

import { assert } from '../lib/assert.ts'
import { ArenaFullError, SLAB_BITS, SLAB_MASK } from './arena.ts'
import { NODE_HEADER_BYTES, type Nodes } from './nodes.ts'

const CHILDREN_MAX = 128
/** 2³² elements need four levels at the least fill that merging leaves. */
const DEPTH_MAX = 16
const CHILD_WORDS = 4
const HEADER_WORDS = NODE_HEADER_BYTES / 4
const COUNT_MASK = 0xffff
const LEVEL_SHIFT = 16

/** Units of an inner node with so many children. */
function innerUnits(children: number): number {
  return NODE_HEADER_BYTES / 8 + children * 2
}

/** Where keys do not decide. */
export interface LeafOrder {
  /** Whether the first element of the leaf comes after the one sought. */
  startsAfter(leaf: number): boolean
}

/** Searches and changes. After a search the path leads to `leaf`; 0 if the tree is empty. */
export class Tree {
  /** The top node of the value that was searched last, as the changes since then made it; 0 if it is empty. */
  top = 0
  /** The leaf that the path leads to, or 0. */
  leaf = 0
  /** Index in the leaf of the element that `seekIndex` sought. */
  offset = 0
  /** Of the last search. */
  private nodes!: Nodes
  private depth = 0
  private readonly path = new Uint32Array(DEPTH_MAX)
  private readonly at = new Uint32Array(DEPTH_MAX)

  private readonly childrenMax: number
  /** Two neighbours become one node if they have together no more children than this. */
  private readonly mergedMax: number

  /** A test gives nodes fewer children, for deep trees of few elements. */
  constructor(childrenMax = CHILDREN_MAX) {
    this.childrenMax = childrenMax
    this.mergedMax = (childrenMax * 3) >>> 2
  }

  // ---- searching ----

  /** The leaf with element `index`, which must be below the number of elements; `offset` is the rest. */
  seekIndex(nodes: Nodes, top: number, index: number): number {
    if (!this.begin(nodes, top)) return 0
    const { arena } = nodes
    let rest = index
    let node = top
    for (let depth = 0; ; depth++) {
      const u32 = arena.u32[node >>> SLAB_BITS]
      const w = (node & SLAB_MASK) << 1
      const last = w + HEADER_WORDS + ((u32[w + 1] & COUNT_MASK) - 1) * CHILD_WORDS
      let q = w + HEADER_WORDS
      while (q < last && rest >= u32[q + 1]) {
        rest -= u32[q + 1]
        q += CHILD_WORDS
      }
      this.path[depth] = node
      this.at[depth] = (q - w - HEADER_WORDS) / CHILD_WORDS
      node = u32[q]
      if (u32[w + 1] >>> LEVEL_SHIFT === 1) {
        this.depth = depth + 1
        this.offset = rest
        this.leaf = node
        return node
      }
    }
  }

  /** The first leaf. */
  seekFirst(nodes: Nodes, top: number): number {
    return this.begin(nodes, top) ? this.descend(top, 0, false) : 0
  }

  /** The last leaf. */
  seekLast(nodes: Nodes, top: number): number {
    return this.begin(nodes, top) ? this.descend(top, 0, true) : 0
  }

  /**
   * The last leaf whose first element does not come after the one sought, which has that key; the first leaf if there is
   * none. So the leaf where the element is if it is anywhere, and where it belongs if it is not.
   */
  seekKey(nodes: Nodes, top: number, key: number, order: LeafOrder): number {
    if (!this.begin(nodes, top)) return 0
    const { arena } = nodes
    let node = top
    for (let depth = 0; ; depth++) {
      const u32 = arena.u32[node >>> SLAB_BITS]
      const keys = arena.f64[node >>> SLAB_BITS]
      const w = (node & SLAB_MASK) << 1
      const keysAt = (node & SLAB_MASK) + HEADER_WORDS / 2 + 1
      const children = u32[w + 1] & COUNT_MASK
      const level = u32[w + 1] >>> LEVEL_SHIFT
      // How many children begin below the key.
      let from = 0
      let to = children
      while (from < to) {
        const middle = (from + to) >>> 1
        if (keys[keysAt + middle * 2] < key) from = middle + 1
        else to = middle
      }
      if (from < children && keys[keysAt + from * 2] === key) from = this.amongEqual(node, level, from, key, order)
      const i = from === 0 ? 0 : from - 1
      this.path[depth] = node
      this.at[depth] = i
      node = u32[w + HEADER_WORDS + i * CHILD_WORDS]
      if (level === 1) {
        this.depth = depth + 1
        this.leaf = node
        return node
      }
    }
  }

  /** How many children of a node begin with the element sought or before it, given that those up to `first` do and have lower keys. */
  private amongEqual(node: number, level: number, first: number, key: number, order: LeafOrder): number {
    const { arena } = this.nodes
    const u32 = arena.u32[node >>> SLAB_BITS]
    const keys = arena.f64[node >>> SLAB_BITS]
    const w = (node & SLAB_MASK) << 1
    const keysAt = (node & SLAB_MASK) + HEADER_WORDS / 2 + 1
    let from = first
    let to = u32[w + 1] & COUNT_MASK
    while (from < to) {
      const middle = (from + to) >>> 1
      if (
        keys[keysAt + middle * 2] > key ||
        order.startsAfter(this.firstLeafOf(u32[w + HEADER_WORDS + middle * CHILD_WORDS], level))
      ) {
        to = middle
      } else from = middle + 1
    }
    return from
  }

  /** The first leaf below a child of a node of that level. */
  private firstLeafOf(child: number, level: number): number {
    const { arena } = this.nodes
    let node = child
    for (let l = level; l > 1; l--) node = arena.u32[node >>> SLAB_BITS][((node & SLAB_MASK) << 1) + HEADER_WORDS]
    return node
  }

  /** Takes up the tree with that top; whether there is anything in it. */
  private begin(nodes: Nodes, top: number): boolean {
    this.nodes = nodes
    this.top = top
    if (top !== 0) return true
    this.depth = 0
    this.offset = 0
    this.leaf = 0
    return false
  }

  /** Makes the path's rest, from `depth` on, the first or the last one below `node`. */
  private descend(node: number, depth: number, last: boolean): number {
    const { arena } = this.nodes
    let h = node
    for (let d = depth; ; d++) {
      const u32 = arena.u32[h >>> SLAB_BITS]
      const w = (h & SLAB_MASK) << 1
      const i = last ? (u32[w + 1] & COUNT_MASK) - 1 : 0
      this.path[d] = h
      this.at[d] = i
      h = u32[w + HEADER_WORDS + i * CHILD_WORDS]
      if (u32[w + 1] >>> LEVEL_SHIFT === 1) {
        this.depth = d + 1
        this.leaf = h
        return h
      }
    }
  }

  /** Goes on to the next leaf; 0, and the path stays, if there is none. */
  next(): number {
    return this.step(false)
  }

  /** Goes back to the leaf before; 0, and the path stays, if there is none. */
  previous(): number {
    return this.step(true)
  }

  private step(back: boolean): number {
    const { arena } = this.nodes
    for (let d = this.depth - 1; d >= 0; d--) {
      const h = this.path[d]
      const u32 = arena.u32[h >>> SLAB_BITS]
      const w = (h & SLAB_MASK) << 1
      const i = back ? this.at[d] - 1 : this.at[d] + 1
      if (i < 0 || i >= (u32[w + 1] & COUNT_MASK)) continue
      this.at[d] = i
      const child = u32[w + HEADER_WORDS + i * CHILD_WORDS]
      if (d < this.depth - 1) return this.descend(child, d + 1, back)
      this.leaf = child
      return child
    }
    return 0
  }

  /** Number of elements before the leaf of the path. */
  rank(): number {
    const { arena } = this.nodes
    let rank = 0
    for (let d = 0; d < this.depth; d++) {
      const h = this.path[d]
      const u32 = arena.u32[h >>> SLAB_BITS]
      const first = ((h & SLAB_MASK) << 1) + HEADER_WORDS + 1
      const end = first + this.at[d] * CHILD_WORDS
      for (let q = first; q < end; q += CHILD_WORDS) rank += u32[q]
    }
    return rank
  }

  /** Whether the path's leaf is the first one. */
  isFirst(): boolean {
    return this.isEnd(this.depth - 1, false)
  }

  /** Whether the path's leaf is the last one. */
  isLast(): boolean {
    return this.isEnd(this.depth - 1, true)
  }

  /** Number of elements of the path's leaf. */
  leafCount(): number {
    return this.siblingCount(0)
  }

  /** The leaf `by` places after the path's (before it if below 0), if it has the same parent, or 0: what to merge with. */
  sibling(by: number): number {
    const w = this.siblingAt(by)
    return w === 0 ? 0 : this.nodes.arena.u32[this.path[this.depth - 1] >>> SLAB_BITS][w]
  }

  /** Number of elements of such a leaf, which must be there. */
  siblingCount(by: number): number {
    return this.nodes.arena.u32[this.path[this.depth - 1] >>> SLAB_BITS][this.siblingAt(by) + 1]
  }

  /** Index of the first word of such a leaf in its parent, or 0. */
  private siblingAt(by: number): number {
    const d = this.depth - 1
    const i = this.at[d] + by
    const w = (this.path[d] & SLAB_MASK) << 1
    if (i < 0 || i >= this.children(this.path[d])) return 0
    return w + HEADER_WORDS + i * CHILD_WORDS
  }

  // ---- changing ----

  /** Makes the inner nodes of the path ones to change; the leaf is its user's to own. Throws ArenaFullError, with the tree as it was. */
  own(): void {
    const { nodes } = this
    if (!nodes.walking) return
    for (let d = 0; d < this.depth; d++) {
      const h = nodes.own(this.path[d])
      if (h !== this.path[d]) this.replaceOnPath(d, h)
    }
  }

  /** Moves the nodes of the path, and its leaf, if their slabs are being emptied (moving.ts). Throws ArenaFullError, with the tree whole. */
  move(): void {
    const { nodes } = this
    for (let d = 0; d < this.depth; d++) {
      const h = nodes.moved(this.path[d])
      if (h !== this.path[d]) this.replaceOnPath(d, h)
    }
    const leaf = nodes.moved(this.leaf)
    if (leaf === this.leaf) return
    nodes.arena.u32[this.path[this.depth - 1] >>> SLAB_BITS][this.siblingAt(0)] = leaf
    this.leaf = leaf
  }

  /** The path's leaf has this handle, number of elements and key now. */
  setLeaf(leaf: number, count: number, key: number): void {
    const d = this.depth - 1
    const { arena } = this.nodes
    const h = this.path[d]
    const w = ((h & SLAB_MASK) << 1) + HEADER_WORDS + this.at[d] * CHILD_WORDS
    const u32 = arena.u32[h >>> SLAB_BITS]
    const more = count - u32[w + 1]
    u32[w] = leaf
    this.leaf = leaf
    if (more !== 0) this.addCount(more)
    if (arena.f64[h >>> SLAB_BITS][(w >>> 1) + 1] !== key) this.setKey(d, key)
  }

  /** Room for another leaf beside the path's: what may throw ArenaFullError, before anything is changed for good. */
  reserve(root: number): void {
    if (this.depth === 0) {
      assert(this.top === 0, 'a search comes before a change')
      const top = this.nodes.alloc(root, innerUnits(1))
      this.nodes.arena.u32[top >>> SLAB_BITS][((top & SLAB_MASK) << 1) + 1] = 1 << LEVEL_SHIFT
      this.top = top
      this.path[0] = top
      this.at[0] = 0
      this.depth = 1
      return
    }
    let d = this.depth
    while (d > 0 && this.children(this.path[d - 1]) === this.childrenMax) d--
    if (d === 0) {
      this.growTop(root)
      d = 1
    }
    for (; d < this.depth; d++) {
      this.fit(root, d - 1, this.children(this.path[d - 1]) + 1)
      this.split(root, d)
    }
    this.fit(root, this.depth - 1, this.children(this.path[this.depth - 1]) + 1)
  }

  /** Puts a leaf behind the path's, or as the only one; the path then leads to it. `reserve` made the room. */
  insertAfter(leaf: number, count: number, key: number): void {
    this.insert(leaf, count, key, this.leaf === 0 ? 0 : 1)
  }

  /** Puts a leaf before the path's, or as the only one; the path then leads to it. `reserve` made the room. */
  insertBefore(leaf: number, count: number, key: number): void {
    this.insert(leaf, count, key, 0)
  }

  private insert(leaf: number, count: number, key: number, by: number): void {
    const d = this.depth - 1
    this.at[d] += by
    this.openGap(this.path[d], this.at[d], leaf, 0, key)
    this.leaf = leaf
    this.addCount(count)
    if (this.at[d] === 0) this.setKey(d, key)
  }

  /** Takes out the path's leaf, which its user has dropped. Search again after this. */
  remove(root: number): void {
    this.addCount(-this.leafCount())
    this.leaf = 0
    let d = this.depth - 1
    for (; d >= 0; d--) {
      this.closeGap(this.path[d], this.at[d])
      if (this.children(this.path[d]) > 0) break
      this.nodes.drop(root, this.path[d])
    }
    if (d < 0) {
      this.top = 0
      this.depth = 0
      return
    }
    if (this.at[d] === 0) this.setKey(d, this.key(this.path[d], 0))
    for (; d > 0; d--) if (!this.mergeAt(root, d)) this.shrinkChild(root, d - 1, this.at[d - 1])
    this.top = this.shrunk(root, this.top)
    this.lowerTop(root)
    this.depth = 0
  }

  /** Takes out a neighbour of the path's leaf (see `sibling`), which its user has dropped. Search again after this. */
  removeSibling(root: number, by: number): void {
    this.at[this.depth - 1] += by
    this.remove(root)
  }

  // ---- inner nodes ----

  private children(h: number): number {
    return this.nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 1] & COUNT_MASK
  }

  private key(h: number, i: number): number {
    return this.nodes.arena.f64[h >>> SLAB_BITS][(h & SLAB_MASK) + HEADER_WORDS / 2 + 2 * i + 1]
  }

  /** Number of elements below a node. */
  private total(h: number): number {
    const u32 = this.nodes.arena.u32[h >>> SLAB_BITS]
    const first = ((h & SLAB_MASK) << 1) + HEADER_WORDS + 1
    const end = first + this.children(h) * CHILD_WORDS
    let total = 0
    for (let q = first; q < end; q += CHILD_WORDS) total += u32[q]
    return total
  }

  private addCount(more: number): void {
    const { arena } = this.nodes
    for (let d = 0; d < this.depth; d++) {
      const h = this.path[d]
      arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + HEADER_WORDS + this.at[d] * CHILD_WORDS + 1] += more
    }
  }

  /** Sets the key of the path's child at a depth, and of all whose first it is. */
  private setKey(depth: number, key: number): void {
    const { arena } = this.nodes
    for (let d = depth; d >= 0; d--) {
      const h = this.path[d]
      arena.f64[h >>> SLAB_BITS][(h & SLAB_MASK) + HEADER_WORDS / 2 + 2 * this.at[d] + 1] = key
      if (this.at[d] > 0) return
    }
  }

  /** The node at a depth of the path is another block now. */
  private replaceOnPath(depth: number, h: number): void {
    this.path[depth] = h
    if (depth === 0) {
      this.top = h
      return
    }
    const parent = this.path[depth - 1]
    const w = ((parent & SLAB_MASK) << 1) + HEADER_WORDS + this.at[depth - 1] * CHILD_WORDS
    this.nodes.arena.u32[parent >>> SLAB_BITS][w] = h
  }

  /** Makes the block of a node on the path fit so many children. */
  private fit(root: number, depth: number, children: number): void {
    const h = this.nodes.resize(root, this.path[depth], innerUnits(children))
    if (h !== this.path[depth]) this.replaceOnPath(depth, h)
  }

  /** Gives back memory that child `i` of the path's node at a depth has no more use for, if that can be had now. */
  private shrinkChild(root: number, depth: number, i: number): void {
    const parent = this.path[depth]
    const w = ((parent & SLAB_MASK) << 1) + HEADER_WORDS + i * CHILD_WORDS
    const u32 = this.nodes.arena.u32[parent >>> SLAB_BITS]
    u32[w] = this.shrunk(root, u32[w])
    if (i === this.at[depth]) this.path[depth + 1] = u32[w]
  }

  /** A node in a smaller block, or itself if it needs at least half of it or the arena is full. */
  private shrunk(root: number, h: number): number {
    const units = innerUnits(this.children(h))
    if (units > this.nodes.units(h) / 2) return h
    return this.tryResize(root, h, units) || h
  }

  /** A node with room for `units`, or 0 if the arena is full. */
  private tryResize(root: number, h: number, units: number): number {
    try {
      return this.nodes.resize(root, h, units)
    } catch (error) {
      if (error instanceof ArenaFullError) return 0
      throw error
    }
  }

  /** Puts a child with that handle, count and key at index `i`; the block has room. */
  private openGap(h: number, i: number, child: number, count: number, key: number): void {
    const { arena } = this.nodes
    const w = (h & SLAB_MASK) << 1
    const u32 = arena.u32[h >>> SLAB_BITS]
    const at = w + HEADER_WORDS + i * CHILD_WORDS
    const end = w + HEADER_WORDS + (u32[w + 1] & COUNT_MASK) * CHILD_WORDS
    if (at < end) u32.copyWithin(at + CHILD_WORDS, at, end)
    u32[at] = child
    u32[at + 1] = count
    arena.f64[h >>> SLAB_BITS][(at >>> 1) + 1] = key
    u32[w + 1]++
  }

  private closeGap(h: number, i: number): void {
    const w = (h & SLAB_MASK) << 1
    const u32 = this.nodes.arena.u32[h >>> SLAB_BITS]
    const at = w + HEADER_WORDS + i * CHILD_WORDS
    const end = w + HEADER_WORDS + (u32[w + 1] & COUNT_MASK) * CHILD_WORDS
    u32.copyWithin(at, at + CHILD_WORDS, end)
    u32[w + 1]--
  }

  /** Copies children [from, to) of a node to index `at` of another one, whose number of children the caller sets. */
  private copyChildren(source: number, from: number, to: number, target: number, at: number): void {
    const { arena } = this.nodes
    const start = ((source & SLAB_MASK) << 1) + HEADER_WORDS + from * CHILD_WORDS
    const end = start + (to - from) * CHILD_WORDS
    const into = ((target & SLAB_MASK) << 1) + HEADER_WORDS + at * CHILD_WORDS
    arena.u32[target >>> SLAB_BITS].set(arena.u32[source >>> SLAB_BITS].subarray(start, end), into)
  }

  private setChildren(h: number, children: number): void {
    const u32 = this.nodes.arena.u32[h >>> SLAB_BITS]
    const w = ((h & SLAB_MASK) << 1) + 1
    u32[w] = (u32[w] & ~COUNT_MASK) | children
  }

  /** Puts a new top above the old one. */
  private growTop(root: number): void {
    const { nodes, top } = this
    const { arena } = nodes
    const above = nodes.alloc(root, innerUnits(1))
    const level = arena.u32[top >>> SLAB_BITS][((top & SLAB_MASK) << 1) + 1] >>> LEVEL_SHIFT
    arena.u32[above >>> SLAB_BITS][((above & SLAB_MASK) << 1) + 1] = (level + 1) << LEVEL_SHIFT
    this.openGap(above, 0, top, this.total(top), this.key(top, 0))
    for (let d = this.depth; d > 0; d--) {
      this.path[d] = this.path[d - 1]
      this.at[d] = this.at[d - 1]
    }
    this.path[0] = above
    this.at[0] = 0
    this.depth++
    this.top = above
  }

  /**
   * Splits the full node at a depth of the path; its parent has room. At an end of the whole tree nearly all children stay
   * together, in the middle each half gets as many.
   */
  private split(root: number, depth: number): void {
    const { nodes } = this
    const { arena } = nodes
    const left = this.path[depth]
    const children = this.children(left)
    const at = this.at[depth]
    const first = this.isEnd(depth, true) ? at : this.isEnd(depth, false) ? 1 : children >>> 1
    const right = nodes.alloc(root, innerUnits(children - first))
    arena.u32[right >>> SLAB_BITS][((right & SLAB_MASK) << 1) + 1] =
      (arena.u32[left >>> SLAB_BITS][((left & SLAB_MASK) << 1) + 1] & ~COUNT_MASK) | (children - first)
    this.copyChildren(left, first, children, right, 0)
    this.setChildren(left, first)
    const parent = this.path[depth - 1]
    const moved = this.total(right)
    const u32 = arena.u32[parent >>> SLAB_BITS]
    u32[((parent & SLAB_MASK) << 1) + HEADER_WORDS + this.at[depth - 1] * CHILD_WORDS + 1] -= moved
    this.openGap(parent, this.at[depth - 1] + 1, right, moved, this.key(right, 0))
    const i = this.at[depth - 1]
    if (at >= first) {
      this.at[depth - 1]++
      this.path[depth] = right
      this.at[depth] = at - first
    }
    this.shrinkChild(root, depth - 1, i)
  }

  /** Whether the path keeps to the end of the tree, the last or the first children, down to a depth. */
  private isEnd(depth: number, last: boolean): boolean {
    for (let d = depth; d >= 0; d--) {
      if (this.at[d] !== (last ? this.children(this.path[d]) - 1 : 0)) return false
    }
    return true
  }

  /** Handle of child `i` of the node at a depth of the path. */
  private handleAt(depth: number, i: number): number {
    const h = this.path[depth]
    return this.nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + HEADER_WORDS + i * CHILD_WORDS]
  }

  /** Merges the node at a depth of the path with a neighbour if they are small enough; false if there is none. */
  private mergeAt(root: number, depth: number): boolean {
    const parent = this.path[depth - 1]
    const i = this.at[depth - 1]
    const mine = this.children(this.path[depth])
    const after = i + 1 < this.children(parent) ? this.children(this.handleAt(depth - 1, i + 1)) : this.childrenMax
    const before = i > 0 ? this.children(this.handleAt(depth - 1, i - 1)) : this.childrenMax
    if (mine + Math.min(after, before) > this.mergedMax) return false
    return this.mergeWithNext(root, depth - 1, after <= before ? i : i - 1)
  }

  /** Merges children `i` and `i + 1` of the node at a depth of the path; false if the arena is full. */
  private mergeWithNext(root: number, depth: number, i: number): boolean {
    const { nodes } = this
    const { arena } = nodes
    const parent = this.path[depth]
    const second = this.handleAt(depth, i + 1)
    const old = this.handleAt(depth, i)
    const [a, b] = [this.children(old), this.children(second)]
    const first = this.tryResize(root, old, innerUnits(a + b))
    if (first === 0) return false
    this.copyChildren(second, 0, b, first, a)
    this.setChildren(first, a + b)
    const w = ((parent & SLAB_MASK) << 1) + HEADER_WORDS + i * CHILD_WORDS
    const u32 = arena.u32[parent >>> SLAB_BITS]
    u32[w] = first
    u32[w + 1] += u32[w + CHILD_WORDS + 1]
    this.closeGap(parent, i + 1)
    nodes.drop(root, second)
    return true
  }

  /** Takes away tops with one child. */
  private lowerTop(root: number): void {
    const { nodes } = this
    for (;;) {
      const { top } = this
      const word = nodes.arena.u32[top >>> SLAB_BITS][((top & SLAB_MASK) << 1) + 1]
      if (word >>> LEVEL_SHIFT === 1 || (word & COUNT_MASK) > 1) return
      this.top = nodes.arena.u32[top >>> SLAB_BITS][((top & SLAB_MASK) << 1) + HEADER_WORDS]
      nodes.drop(root, top)
    }
  }
}

/**
 * A way through a tree that nobody changes any more, leaf by leaf, that can stop and go on: to emit the old tree of a snapshot,
 * or to release one in slices. `finish` is called for every inner node after everything below it; leaves are the caller's.
 */
export class TreeWalk {
  private readonly nodes: Nodes
  private readonly finish: (h: number) => void
  private readonly back: boolean
  private readonly path: number[] = []
  private readonly at: number[] = []

  constructor(nodes: Nodes, top: number, finish: (h: number) => void, back = false) {
    this.nodes = nodes
    this.finish = finish
    this.back = back
    if (top !== 0) this.enter(top)
  }

  private enter(h: number): void {
    const u32 = this.nodes.arena.u32[h >>> SLAB_BITS]
    this.path.push(h)
    this.at.push(this.back ? (u32[((h & SLAB_MASK) << 1) + 1] & COUNT_MASK) - 1 : 0)
  }

  /** The next leaf, or 0 at the end. What was answered before is finished by then. */
  next(): number {
    const { arena } = this.nodes
    while (this.path.length > 0) {
      const d = this.path.length - 1
      const h = this.path[d]
      const i = this.at[d]
      const u32 = arena.u32[h >>> SLAB_BITS]
      const w = (h & SLAB_MASK) << 1
      if (i < 0 || i >= (u32[w + 1] & COUNT_MASK)) {
        this.path.pop()
        this.at.pop()
        this.finish(h)
        continue
      }
      this.at[d] = this.back ? i - 1 : i + 1
      const child = u32[w + HEADER_WORDS + i * CHILD_WORDS]
      if (u32[w + 1] >>> LEVEL_SHIFT === 1) return child
      this.enter(child)
    }
    return 0
  }
}
