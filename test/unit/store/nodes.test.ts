// Nodes with a structure of the simplest kind on them (a root with links to leaves and to strings), against a model: whatever
// changes while a walk is under way, the walk sees the value as it was when it began, and in the end nothing is left behind.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena, SLAB_BITS, SLAB_MASK } from '../../../src/store/arena.ts'
import { NODE_HEADER_BYTES, type NodeBytes, Nodes, ROOT_HEADER_BYTES } from '../../../src/store/nodes.ts'

const LINKS_MAX = 6
const ROOT_UNITS = ROOT_HEADER_BYTES / 8 + LINKS_MAX / 2

/** A list of leaves. A leaf is a node that begins with its length, or a string's node. */
class Leaves {
  readonly nodes: Nodes
  root: number
  /** What is in the leaves, and which of them are strings. */
  model: { text: string; isString: boolean }[] = []

  constructor(nodes: Nodes) {
    this.nodes = nodes
    this.root = nodes.allocRoot(ROOT_UNITS)
  }

  link(root: number, i: number): number {
    return this.nodes.arena.u32[root >>> SLAB_BITS]![(root & SLAB_MASK) * 2 + ROOT_HEADER_BYTES / 4 + i]!
  }

  setLink(i: number, h: number): void {
    const { arena } = this.nodes
    arena.u32[this.root >>> SLAB_BITS]![(this.root & SLAB_MASK) * 2 + ROOT_HEADER_BYTES / 4 + i] = h
  }

  /** Writes a text into a leaf that is owned and large enough. */
  write(h: number, text: string): void {
    const { arena } = this.nodes
    arena.u32[h >>> SLAB_BITS]![(h & SLAB_MASK) * 2 + 1] = text.length
    arena.u8[h >>> SLAB_BITS]!.write(text, (h & SLAB_MASK) * 8 + NODE_HEADER_BYTES, 'latin1')
  }

  read(h: number, isString: boolean): string {
    const { arena } = this.nodes
    if (isString) {
      const range: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
      const { bytes, start, end } = this.nodes.string(h, range)
      return bytes.toString('latin1', start, end)
    }
    const length = arena.u32[h >>> SLAB_BITS]![(h & SLAB_MASK) * 2 + 1]!
    const at = (h & SLAB_MASK) * 8 + NODE_HEADER_BYTES
    return arena.u8[h >>> SLAB_BITS]!.toString('latin1', at, at + length)
  }

  units(text: string): number {
    return Math.ceil((NODE_HEADER_BYTES + text.length) / 8)
  }

  add(text: string, isString: boolean): void {
    if (this.model.length === LINKS_MAX) return
    this.root = this.nodes.own(this.root)
    let h: number
    if (isString) {
      const bytes = Buffer.from(text, 'latin1')
      h = this.nodes.allocString(this.root, bytes, 0, bytes.length)
    } else {
      h = this.nodes.alloc(this.root, this.units(text))
      this.write(h, text)
    }
    this.setLink(this.model.length, h)
    this.model.push({ text, isString })
    this.nodes.setCount(this.root, this.model.length)
  }

  change(at: number, text: string): void {
    const i = at % (this.model.length || 1)
    const leaf = this.model[i]
    if (leaf === undefined || leaf.isString) return
    this.root = this.nodes.own(this.root)
    const h = this.nodes.resize(this.root, this.link(this.root, i), this.units(text))
    this.setLink(i, h)
    this.write(h, text)
    this.model[i] = { text, isString: false }
  }

  removeLast(): void {
    if (this.model.pop() === undefined) return
    this.root = this.nodes.own(this.root)
    const h = this.link(this.root, this.model.length)
    this.nodes.setCount(this.root, this.model.length)
    this.nodes.drop(this.root, h)
  }

  /** The bytes that the root should know of. */
  countedBytes(): number {
    let bytes = this.nodes.units(this.root) * 8
    for (let i = 0; i < this.model.length; i++) {
      bytes += this.nodes.units(this.link(this.root, i)) * 8
      if (this.model[i]!.isString && this.model[i]!.text.length > 60 * 1024) bytes += this.model[i]!.text.length
    }
    return bytes
  }

  /** Gives the whole value up, a node at each step. `free` is for walks that began later. */
  *release(walk: number): Generator<void> {
    const { nodes, root } = this
    const done = (h: number): void => (nodes.walking && nodes.walks === walk ? nodes.drop(0, h) : nodes.free(h))
    for (let i = 0; i < this.model.length; i++) {
      done(this.link(root, i))
      yield
    }
    done(root)
  }
}

/** The walk over one value: reads a leaf at each step. */
function* walkOver(leaves: Leaves, into: string[]): Generator<void> {
  const { nodes } = leaves
  const { root } = leaves
  const kinds = leaves.model.map((leaf) => leaf.isString)
  const count = nodes.count(root)
  yield
  for (let i = 0; i < count; i++) {
    const h = leaves.link(root, i)
    into.push(leaves.read(h, kinds[i]!))
    nodes.leave(h)
    yield
  }
  nodes.leave(root)
}

type Op =
  | { op: 'add'; text: string; isString: boolean }
  | { op: 'change'; at: number; text: string }
  | { op: 'removeLast' | 'step' | 'begin' | 'replace' | 'release' }

const text = fc.oneof(
  { weight: 9, arbitrary: fc.nat(200).map((n) => String.fromCharCode(65 + (n % 26)).repeat(n)) },
  { weight: 1, arbitrary: fc.constantFrom(61 * 1024, 200_000).map((n) => 'h'.repeat(n)) },
)
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('add' as const), text, isString: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('change' as const),
      at: fc.nat(5),
      text: text.filter((t) => t.length < 60_000),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ op: 'removeLast' as const }) },
  { weight: 6, arbitrary: fc.constant({ op: 'step' as const }) },
  { weight: 2, arbitrary: fc.constant({ op: 'begin' as const }) },
  { weight: 1, arbitrary: fc.constant({ op: 'replace' as const }) },
  { weight: 2, arbitrary: fc.constant({ op: 'release' as const }) },
)

describe('Nodes', () => {
  it('shows a walk what was there when it began, whatever changes, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        let live = new Leaves(nodes)
        let walk: { steps: Generator<void>; seen: string[]; expected: string[] } | undefined
        const releasing: { steps: Generator<void> }[] = []
        const step = (): void => {
          if (walk === undefined || !walk.steps.next().done) return
          expect(walk.seen).toEqual(walk.expected)
          nodes.endWalk()
          walk = undefined
        }
        const release = (): void => {
          if (releasing[0]?.steps.next().done) releasing.shift()
        }
        for (const one of ops) {
          switch (one.op) {
            case 'add':
              live.add(one.text, one.isString)
              break
            case 'change':
              live.change(one.at, one.text)
              break
            case 'removeLast':
              live.removeLast()
              break
            case 'step':
              step()
              break
            case 'release':
              release()
              break
            case 'begin': {
              if (walk !== undefined) break
              nodes.beginWalk()
              const seen: string[] = []
              walk = { steps: walkOver(live, seen), seen, expected: live.model.map((leaf) => leaf.text) }
              walk.steps.next()
              break
            }
            case 'replace':
              releasing.push({ steps: live.release(nodes.walks) })
              live = new Leaves(nodes)
              break
          }
          expect(nodes.bytes(live.root)).toBe(live.countedBytes())
          expect(nodes.count(live.root)).toBe(live.model.length)
          expect(live.model.map((leaf, i) => live.read(live.link(live.root, i), leaf.isString))).toEqual(
            live.model.map((leaf) => leaf.text),
          )
        }
        while (walk !== undefined) step()
        releasing.push({ steps: live.release(nodes.walks) })
        while (releasing.length > 0) release()
        expect(arena.usedBytes).toBe(0)
        expect(arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  it('does not copy what no walk needs', () => {
    const nodes = new Nodes(new Arena())
    const root = nodes.allocRoot(8)
    expect(nodes.own(root)).toBe(root)
    nodes.beginWalk()
    const younger = nodes.alloc(0, 3)
    expect(nodes.own(younger)).toBe(younger)
    const copy = nodes.own(root)
    expect(copy).not.toBe(root)
    expect(nodes.own(copy)).toBe(copy)
    nodes.leave(root)
    nodes.endWalk()
    expect(nodes.own(copy)).toBe(copy)
  })

  it('keeps a block while the size class stays, and its contents when it moves', () => {
    const nodes = new Nodes(new Arena())
    const root = nodes.allocRoot(8)
    const h = nodes.alloc(root, 70)
    const { arena } = nodes
    arena.u8[h >>> SLAB_BITS]!.write('contents', (h & SLAB_MASK) * 8 + NODE_HEADER_BYTES, 'latin1')
    expect(nodes.resize(root, h, nodes.units(h))).toBe(h)
    const moved = nodes.resize(root, h, 300)
    expect(moved).not.toBe(h)
    const at = (moved & SLAB_MASK) * 8 + NODE_HEADER_BYTES
    expect(arena.u8[moved >>> SLAB_BITS]!.toString('latin1', at, at + 8)).toBe('contents')
    expect(nodes.bytes(root)).toBe((nodes.units(root) + nodes.units(moved)) * 8)
  })
})
