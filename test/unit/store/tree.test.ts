// The tree against an array, with few children a node so that it is deep. Its user here is about the simplest there is: leaves
// of a few numbers. After every change the whole tree is checked; walks (snapshots) begin at any time and must see what was
// there then; and in the end no block is left.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { Arena, SLAB_BITS, SLAB_MASK } from '../../../src/store/arena.ts'
import { Nodes } from '../../../src/store/nodes.ts'
import { type LeafOrder, Tree, TreeWalk } from '../../../src/store/tree.ts'

const LEAF_MAX = 4

/** An element: ordered by key, then by id. */
interface Element {
  key: number
  id: number
}
const inOrder = (a: Element, b: Element): number => a.key - b.key || a.id - b.id

/** A sorted or positional list on a tree. Leaves: word 1 the count, then key and id as doubles. */
class Subject implements LeafOrder {
  readonly nodes: Nodes
  readonly tree: Tree
  root: number
  top = 0
  private sought: Element = { key: 0, id: 0 }

  constructor(nodes: Nodes, childrenMax: number) {
    this.nodes = nodes
    this.tree = new Tree(childrenMax)
    this.root = nodes.allocRoot(3)
  }

  read(leaf: number): Element[] {
    const { arena } = this.nodes
    const count = arena.u32[leaf >>> SLAB_BITS]![((leaf & SLAB_MASK) << 1) + 1]!
    const f64 = arena.f64[leaf >>> SLAB_BITS]!
    const at = (leaf & SLAB_MASK) + 1
    return Array.from({ length: count }, (_, i) => ({ key: f64[at + 2 * i]!, id: f64[at + 2 * i + 1]! }))
  }

  /** The elements in the node, or in another one in its place; a new one for 0. */
  write(leaf: number, elements: readonly Element[]): number {
    const { nodes } = this
    const units = 1 + 2 * elements.length
    const h = leaf === 0 ? nodes.alloc(this.root, units) : nodes.resize(this.root, leaf, units)
    nodes.arena.u32[h >>> SLAB_BITS]![((h & SLAB_MASK) << 1) + 1] = elements.length
    const at = (h & SLAB_MASK) + 1
    elements.forEach(({ key, id }, i) => {
      nodes.arena.f64[h >>> SLAB_BITS]!.set([key, id], at + 2 * i)
    })
    return h
  }

  startsAfter(leaf: number): boolean {
    return inOrder(this.read(leaf)[0]!, this.sought) > 0
  }

  seek(element: Element): number {
    this.sought = element
    return this.tree.seekKey(this.nodes, this.top, element.key, this)
  }

  /** Inserts into the leaf that the path leads to. */
  insertHere(offset: number, element: Element): void {
    const { tree } = this
    this.root = this.nodes.own(this.root)
    tree.own()
    const { leaf } = tree
    const elements = leaf === 0 ? [] : this.read(leaf)
    elements.splice(offset, 0, element)
    if (leaf === 0 || elements.length > LEAF_MAX) tree.reserve(this.root)
    if (leaf === 0) tree.insertAfter(this.write(0, elements), 1, element.key)
    else if (elements.length <= LEAF_MAX) tree.setLeaf(this.write(leaf, elements), elements.length, elements[0]!.key)
    else {
      // In order at the end, and in halves elsewhere; on the one side or the other of the old leaf.
      const cut = offset === LEAF_MAX ? LEAF_MAX : 2
      const [left, right] = [elements.slice(0, cut), elements.slice(cut)]
      if (element.id % 2 === 0) {
        tree.setLeaf(this.write(leaf, left), left.length, left[0]!.key)
        tree.insertAfter(this.write(0, right), right.length, right[0]!.key)
      } else {
        tree.setLeaf(this.write(leaf, right), right.length, right[0]!.key)
        tree.insertBefore(this.write(0, left), left.length, left[0]!.key)
      }
    }
    this.top = tree.top
    this.nodes.setCount(this.root, this.nodes.count(this.root) + 1)
  }

  /** Removes from the leaf that the path leads to; merges leaves where that is possible. */
  removeHere(offset: number): void {
    const { tree, nodes } = this
    this.root = nodes.own(this.root)
    tree.own()
    const { leaf } = tree
    const elements = this.read(leaf).toSpliced(offset, 1)
    if (elements.length === 0) {
      nodes.drop(this.root, leaf)
      tree.remove(this.root)
    } else {
      tree.setLeaf(this.write(leaf, elements), elements.length, elements[0]!.key)
      for (const by of [1, -1]) {
        const other = tree.sibling(by)
        if (other === 0 || elements.length + tree.siblingCount(by) > LEAF_MAX - 1) continue
        const theirs = this.read(other)
        const all = by === 1 ? [...elements, ...theirs] : [...theirs, ...elements]
        tree.setLeaf(this.write(tree.leaf, all), all.length, all[0]!.key)
        nodes.drop(this.root, other)
        tree.removeSibling(this.root, by)
        break
      }
    }
    this.top = tree.top
    nodes.setCount(this.root, nodes.count(this.root) - 1)
  }

  insertSorted(element: Element): void {
    const leaf = this.seek(element)
    const elements = leaf === 0 ? [] : this.read(leaf)
    this.insertHere(elements.filter((other) => inOrder(other, element) < 0).length, element)
  }

  insertAt(index: number, element: Element): void {
    if (index < this.nodes.count(this.root)) {
      this.tree.seekIndex(this.nodes, this.top, index)
      this.insertHere(this.tree.offset, element)
    } else this.insertHere(this.tree.seekLast(this.nodes, this.top) === 0 ? 0 : this.tree.leafCount(), element)
  }

  removeAt(index: number): void {
    this.tree.seekIndex(this.nodes, this.top, index)
    this.removeHere(this.tree.offset)
  }

  all(): Element[] {
    const all: Element[] = []
    for (let leaf = this.tree.seekFirst(this.nodes, this.top); leaf !== 0; leaf = this.tree.next())
      all.push(...this.read(leaf))
    return all
  }

  allBackwards(): Element[] {
    const all: Element[] = []
    for (let leaf = this.tree.seekLast(this.nodes, this.top); leaf !== 0; leaf = this.tree.previous()) {
      all.push(...this.read(leaf).reverse())
    }
    return all
  }

  /** Checks everything that is promised about the inner nodes; returns how many there are. */
  check(childrenMax: number): number {
    if (this.top === 0) return 0
    let bytes = this.nodes.units(this.root) * 8
    let inner = 0
    const visit = (h: number): { count: number; key: number; level: number } => {
      const { arena } = this.nodes
      const u32 = arena.u32[h >>> SLAB_BITS]!
      const w = (h & SLAB_MASK) << 1
      const [children, level] = [u32[w + 1]! & 0xffff, u32[w + 1]! >>> 16]
      bytes += this.nodes.units(h) * 8
      inner++
      expect(children).toBeGreaterThan(0)
      expect(children).toBeLessThanOrEqual(childrenMax)
      expect(this.nodes.units(h)).toBeGreaterThanOrEqual(1 + 2 * children)
      let count = 0
      for (let i = 0; i < children; i++) {
        const child = u32[w + 2 + 4 * i]!
        if (level === 1) bytes += this.nodes.units(child) * 8
        const elements = level === 1 ? this.read(child) : []
        const below = level === 1 ? { count: elements.length, key: elements[0]!.key, level: 0 } : visit(child)
        expect(below.level).toBe(level - 1)
        expect(u32[w + 3 + 4 * i]).toBe(below.count)
        expect(arena.f64[h >>> SLAB_BITS]![(w >>> 1) + 2 + 2 * i]).toBe(below.key)
        count += below.count
      }
      return { count, key: arena.f64[h >>> SLAB_BITS]![(w >>> 1) + 2]!, level }
    }
    const { count, level } = visit(this.top)
    expect(count).toBe(this.nodes.count(this.root))
    expect(this.nodes.bytes(this.root)).toBe(bytes)
    if (level > 1)
      expect(
        this.nodes.arena.u32[this.top >>> SLAB_BITS]![((this.top & SLAB_MASK) << 1) + 1]! & 0xffff,
      ).toBeGreaterThan(1)
    return inner
  }
}

/** A walk over the value as it is now; each step reads one leaf. */
function* walkOver(subject: Subject, into: Element[], back: boolean): Generator<void> {
  const { nodes, root } = subject
  const walk = new TreeWalk(nodes, subject.top, (h) => nodes.leave(h), back)
  yield
  for (let leaf = walk.next(); leaf !== 0; leaf = walk.next()) {
    into.push(...(back ? subject.read(leaf).reverse() : subject.read(leaf)))
    nodes.leave(leaf)
    yield
  }
  nodes.leave(root)
}

type Step = {
  op: 'insert' | 'remove' | 'append' | 'prepend' | 'walk' | 'step'
  where: number
  key: number
  times: number
}
const anyStep: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom('insert', 'insert', 'remove', 'remove', 'append', 'prepend', 'walk', 'step'),
  where: fc.nat(100_000),
  key: fc.nat(12),
  times: fc.integer({ min: 1, max: 25 }),
})

describe.each([
  { sorted: true, childrenMax: 4 },
  { sorted: false, childrenMax: 4 },
  { sorted: true, childrenMax: 7 },
])('the tree, sorted: $sorted, of $childrenMax children a node,', ({ sorted, childrenMax }) => {
  it('holds what an array holds, and shows walks what was there when they began', () => {
    let deepest = 0
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60, size: 'max' }), (steps) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        const subject = new Subject(nodes, childrenMax)
        let model: Element[] = []
        let id = 0
        let walk: { steps: Generator<void>; seen: Element[]; expected: Element[] } | undefined
        const stepWalk = (): void => {
          if (walk === undefined || !walk.steps.next().done) return
          expect(walk.seen).toEqual(walk.expected)
          nodes.endWalk()
          walk = undefined
        }
        for (const { op, where, key, times } of steps) {
          if (op === 'walk' && walk === undefined) {
            nodes.beginWalk()
            const seen: Element[] = []
            const back = where % 2 === 1
            walk = { steps: walkOver(subject, seen, back), seen, expected: back ? model.toReversed() : model }
            walk.steps.next()
          }
          for (let i = 0; i < times; i++) {
            if (op === 'step') stepWalk()
            else if (op === 'remove' && model.length > 0) {
              const index = (where + i * 7) % model.length
              subject.removeAt(index)
              model = model.toSpliced(index, 1)
            } else if (op !== 'remove' && op !== 'walk') {
              const element = { key: sorted ? key : 0, id: sorted ? (where + i * 31) % 5000 : id++ }
              if (sorted) {
                if (model.some((other) => inOrder(other, element) === 0)) continue
                subject.insertSorted(element)
                model = [...model, element].sort(inOrder)
              } else {
                const index = op === 'append' ? model.length : op === 'prepend' ? 0 : where % (model.length + 1)
                subject.insertAt(index, element)
                model = model.toSpliced(index, 0, element)
              }
            }
          }
          subject.check(childrenMax)
          expect(subject.all()).toEqual(model)
        }
        deepest = Math.max(deepest, model.length)
        expect(subject.allBackwards()).toEqual(model.toReversed())
        model.forEach((element, i) => {
          expect(subject.read(subject.tree.seekIndex(subject.nodes, subject.top, i))[subject.tree.offset]).toEqual(
            element,
          )
          if (!sorted) return
          const leaf = subject.seek(element)
          const offset = subject.read(leaf).findIndex((other) => inOrder(other, element) === 0)
          expect(subject.tree.rank() + offset).toBe(i)
        })
        while (walk !== undefined) stepWalk()
        const release = new TreeWalk(nodes, subject.top, (h) => nodes.drop(0, h))
        for (let leaf = release.next(); leaf !== 0; leaf = release.next()) nodes.drop(0, leaf)
        nodes.drop(0, subject.root)
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 60 },
    )
    // Otherwise the test would be about shallow trees only.
    expect(deepest).toBeGreaterThan(LEAF_MAX * childrenMax * childrenMax)
  })
})

describe('a large tree', () => {
  it('keeps its inner nodes full when it is filled in order, and merges them when it is thinned out', () => {
    const subject = new Subject(new Nodes(new Arena()), 128)
    const n = 40_000
    for (let id = 0; id < n; id++) subject.insertAt(id, { key: 0, id: 2 * id })
    const leaves = n / LEAF_MAX
    expect(subject.check(128)).toBeLessThanOrEqual(Math.ceil(leaves / 127) + 3)
    const random = seededRandom(7)
    for (let left = n; left > n / 20; left--) subject.removeAt(random.below(left))
    const left = subject.all()
    expect(left.length).toBe(n / 20)
    expect(left).toEqual(left.toSorted(inOrder))
    // At the least fill: leaves of two elements, inner nodes of 48.
    expect(subject.check(128)).toBeLessThanOrEqual(Math.ceil(n / 20 / 2 / 48) + 3)
    for (let left = n / 20; left > 0; left--) subject.removeAt(left - 1)
    expect(subject.top).toBe(0)
  })

  it('finds equal keys by the order of leaves only, at every level', () => {
    const subject = new Subject(new Nodes(new Arena()), 4)
    const ids = Array.from({ length: 3000 }, (_, i) => (i * 1237) % 3000)
    for (const id of ids) subject.insertSorted({ key: 1, id })
    for (const id of ids) {
      const leaf = subject.seek({ key: 1, id })
      expect(subject.tree.rank() + subject.read(leaf).findIndex((element) => element.id === id)).toBe(id)
    }
    // Beside all there is.
    subject.seek({ key: 0, id: 0 })
    expect(subject.tree.rank()).toBe(0)
    subject.seek({ key: 2, id: 0 })
    expect(subject.tree.rank() + subject.tree.leafCount()).toBe(3000)
  })
})
