// Off-heap memory for everything a user stores: blocks addressed by 32-bit handles, so that the garbage collector has
// nothing to scan and accounting is exact.
//
//   slab (32 MiB ArrayBuffer) = 64 spans of 512 KiB
//   span                      = 1 medium page, or 8 small pages of 64 KiB
//   page                      = blocks of one size class, with a free list of its own
//
// A handle is (slab << 22 | unit) in units of 8 bytes; 0 is no block. A page whose last block is released serves any
// other class of its kind. The layout follows mimalloc's idea (free lists by page, Leijen et al. 2019): a page that
// empties is reusable as a whole, which one free list a class would never notice.
//
// Slabs go back to the system when they are empty (`trim`). Those that are sparse can be emptied: `beginEmptying` takes their
// pages out of all lists, so that nothing new comes there; whoever knows the blocks moves them (`move`), and `endEmptying` gives
// back what is empty by then. Neither costs `alloc` and `release` anything.
//
// Blocks over 64 KiB are runs of such pages in slabs that they share, and over 16 MiB slabs of their own, sized to fit. Large
// values live in `huge` instead, so this happens for very long keys only; but these must not use up the slabs either, of
// which there are 1,024.

import { discard } from './discard.ts'
import { HugeBlocks } from './huge.ts'
import { PageRuns } from './runs.ts'

/** Bytes of one unit, the grain of handles and sizes. */
export const UNIT_BYTES = 8
export const SLAB_BITS = 22
const SLAB_UNITS = 1 << SLAB_BITS
export const SLAB_MASK = SLAB_UNITS - 1
const SLABS_MAX = 1 << (32 - SLAB_BITS)

/** Bytes of a slab of pages. */
export const SLAB_BYTES = SLAB_UNITS * UNIT_BYTES

const PAGE_BITS = 13
const PAGE_UNITS = 1 << PAGE_BITS
const PAGES_PER_SLAB = SLAB_UNITS / PAGE_UNITS
const PAGES_PER_SPAN = 8
const SMALL_UNITS_MAX = PAGE_UNITS / 8
/** The largest block that pages serve, in units. */
const PAGED_UNITS_MAX = PAGE_UNITS
/** The largest block that shares a slab, in units. */
const SHARED_UNITS_MAX = SLAB_UNITS / 2

/**
 * Sizes of the classes in units: every size up to 512 bytes, then eight a doubling (12 % waste at most). From 4 KiB on also each power of two
 * with one unit more: a page of a list is as long as that, and a header.
 */
const CLASS_UNITS: number[] = []
for (let units = 1; units <= 64; units++) CLASS_UNITS.push(units)
for (let units = 64; units < PAGED_UNITS_MAX; units *= 2) {
  if (units >= 512) CLASS_UNITS.push(units + 1)
  for (let eighth = 1; eighth <= 8; eighth++) CLASS_UNITS.push(units + (units * eighth) / 8)
}
const CLASS_OF = new Uint8Array(PAGED_UNITS_MAX + 1)
CLASS_UNITS.forEach((units, c) => {
  const from = c === 0 ? 0 : CLASS_UNITS[c - 1] + 1
  CLASS_OF.fill(c, from, units + 1)
})
const CLASS_SIZE = Uint16Array.from(CLASS_UNITS)

/** Units that a block asked for with `units` really takes. */
export function blockUnits(units: number): number {
  return units <= PAGED_UNITS_MAX ? CLASS_SIZE[CLASS_OF[units]] : units
}

/** Whether a block for `before` units also serves `after` units, so that it need not move. */
export function sameBlock(before: number, after: number): boolean {
  if (before > PAGED_UNITS_MAX || after > PAGED_UNITS_MAX) return before === after
  return CLASS_OF[before] === CLASS_OF[after]
}

/** Thrown when 32 GiB of handles are used up; the command fails with an OOM error and nothing is changed. */
export class ArenaFullError extends Error {
  override readonly name = 'ArenaFullError'
}

/** How much of a slab is in use. */
export interface SlabFill {
  readonly slab: number
  readonly usedBytes: number
}

/** Slabs, pages and their free lists. */
export class Arena {
  /** Byte, 32-bit and double views of each slab: block h starts at unit (h & SLAB_MASK) of slab (h >>> SLAB_BITS). */
  readonly u8: Buffer[] = []
  readonly u32: Uint32Array[] = []
  readonly f64: Float64Array[] = []
  /** Values that are too large for pages. */
  readonly huge = new HugeBlocks()
  /** Bytes in blocks that are in use, size classes included; huge blocks keep their own account. */
  usedBytes = 0
  /** Bytes of the directories that tables keep beside the slabs. */
  directoryBytes = 0
  /** Bytes of all slabs, used or not. */
  reservedBytes = 0

  /** By slab: 1 while it is being emptied. */
  readonly emptying = new Uint8Array(SLABS_MAX)
  /** Blocks that `move` has moved, and their bytes. */
  movedBlocks = 0
  movedBytes = 0
  /** Bytes of slabs that went back to the system. */
  returnedBytes = 0

  // By page number (handle >>> PAGE_BITS). A page of 0 is no page: page 0 is never handed out.
  private pageFree = new Uint32Array(PAGES_PER_SLAB)
  /** Handle of the first block that was never used, up to pageEnd. */
  private pageBump = new Float64Array(PAGES_PER_SLAB)
  private pageEnd = new Float64Array(PAGES_PER_SLAB)
  private pageUsed = new Uint16Array(PAGES_PER_SLAB)
  /** 1 while a page is in a list; also while its slab is being emptied, when it is in none, so that `release` lets it be. */
  private pageListed = new Uint8Array(PAGES_PER_SLAB)
  /** The class that a page has, or had last. */
  private pageClass = new Uint8Array(PAGES_PER_SLAB)
  private pageNext = new Int32Array(PAGES_PER_SLAB)
  private pagePrev = new Int32Array(PAGES_PER_SLAB)
  /** First page of the medium page that a page belongs to; itself for a small one. */
  private pageBase = new Int32Array(PAGES_PER_SLAB)
  /** By class: the first page with a free block, 0 if there is none. */
  private readonly partial = new Int32Array(CLASS_UNITS.length)

  private freeSmallPages: number[] = []
  private freeSpans: number[] = []
  private readonly freeSlabs: number[] = []
  /** Slabs of pages, but for the first one. */
  private readonly pagedSlabs = new Set<number>()
  /** By number of the slab: the pages of slabs that large blocks share. */
  private readonly shared = new Map<number, PageRuns>()

  /** A block of at least `units` units with undefined contents. Throws ArenaFullError. */
  alloc(units: number): number {
    if (units > PAGED_UNITS_MAX) return this.allocLarge(units)
    const c = CLASS_OF[units]
    const size = CLASS_SIZE[c]
    let page = this.partial[c]
    if (page === 0) page = this.addPage(c)
    let handle = this.pageFree[page]
    if (handle !== 0) {
      this.pageFree[page] = this.u32[handle >>> SLAB_BITS][(handle & SLAB_MASK) << 1]
    } else {
      handle = this.pageBump[page]
      this.pageBump[page] = handle + size
    }
    this.pageUsed[page]++
    this.usedBytes += size << 3
    if (this.pageFree[page] === 0 && this.pageBump[page] + size > this.pageEnd[page]) this.unlist(c, page)
    return handle
  }

  /** Gives back a block that was asked for with `units` units. */
  release(handle: number, units: number): void {
    if (units > PAGED_UNITS_MAX) return this.releaseLarge(handle, units)
    const c = CLASS_OF[units]
    const page = this.pageBase[handle >>> PAGE_BITS]
    this.u32[handle >>> SLAB_BITS][(handle & SLAB_MASK) << 1] = this.pageFree[page]
    this.pageFree[page] = handle
    this.usedBytes -= CLASS_SIZE[c] << 3
    if (this.pageListed[page] === 0) this.list(c, page)
    // The last page of a class stays, so that a class in light use does not give up and fetch a page again and again.
    if (--this.pageUsed[page] === 0 && (this.pageNext[page] !== 0 || this.pagePrev[page] !== 0)) {
      this.unlist(c, page)
      if (CLASS_SIZE[c] > SMALL_UNITS_MAX) this.freeSpans.push(page)
      else this.freeSmallPages.push(page)
    }
  }

  /** A block of `units` units that was in a slab being emptied, elsewhere. Throws ArenaFullError before any change. */
  move(handle: number, units: number): number {
    const to = this.alloc(units)
    const from = (handle & SLAB_MASK) << 3
    const target = this.u8[to >>> SLAB_BITS]
    this.u8[handle >>> SLAB_BITS].copy(target, (to & SLAB_MASK) << 3, from, from + (units << 3))
    this.release(handle, units)
    this.movedBlocks++
    this.movedBytes += units << 3
    return to
  }

  // ---- giving slabs back ----

  /** The slabs of pages, with the bytes in use in each; those that can never go are left out. */
  slabFills(): SlabFill[] {
    const fills: SlabFill[] = []
    for (const slab of this.pagedSlabs) fills.push({ slab, usedBytes: this.usedIn(slab) })
    return fills
  }

  /** Gives back slabs without a block, at most so many; the bytes that were. */
  trim(max = Number.POSITIVE_INFINITY): number {
    const empty: number[] = []
    for (const slab of this.pagedSlabs) {
      if (empty.length < max && this.emptying[slab] === 0 && this.usedIn(slab) === 0) empty.push(slab)
    }
    if (empty.length === 0) return 0
    this.beginEmptying(empty)
    return this.dropEmptied(max)
  }

  /** Takes slabs out of use for new blocks. */
  beginEmptying(slabs: readonly number[]): void {
    for (const slab of slabs) {
      this.emptying[slab] = 1
      const first = slab * PAGES_PER_SLAB
      for (let page = first; page < first + PAGES_PER_SLAB; page++) {
        if (this.pageListed[page] === 1) this.unlist(this.pageClass[page], page)
      }
      this.pageListed.fill(1, first, first + PAGES_PER_SLAB)
    }
    const stays = (page: number): boolean => this.emptying[Math.floor(page / PAGES_PER_SLAB)] === 0
    this.freeSmallPages = this.freeSmallPages.filter(stays)
    this.freeSpans = this.freeSpans.filter(stays)
  }

  /** Gives back those slabs being emptied that are empty, at most so many: each takes the system a millisecond. The bytes that were. */
  dropEmptied(max = Number.POSITIVE_INFINITY): number {
    const before = this.reservedBytes
    for (const slab of this.pagedSlabs) {
      if ((before - this.reservedBytes) / SLAB_BYTES >= max) break
      if (this.emptying[slab] === 0 || this.usedIn(slab) > 0) continue
      this.emptying[slab] = 0
      this.pagedSlabs.delete(slab)
      const first = slab * PAGES_PER_SLAB
      this.pageListed.fill(0, first, first + PAGES_PER_SLAB)
      this.dropSlab(slab)
    }
    return before - this.reservedBytes
  }

  /** Takes the slabs into use again that were not given back. */
  endEmptying(): void {
    for (const slab of this.pagedSlabs) {
      if (this.emptying[slab] === 0) continue
      this.emptying[slab] = 0
      const first = slab * PAGES_PER_SLAB
      this.pageListed.fill(0, first, first + PAGES_PER_SLAB)
      for (let span = first; span < first + PAGES_PER_SLAB; span += PAGES_PER_SPAN) this.putBack(span)
    }
  }

  /** Lists the pages of a span again; without a block it is a free span, whatever it was. */
  private putBack(span: number): void {
    const pages = Array.from({ length: PAGES_PER_SPAN }, (_, i) => span + i)
    if (pages.every((page) => this.pageUsed[page] === 0)) return void this.freeSpans.push(span)
    const medium = this.pageUsed[span] > 0 && CLASS_SIZE[this.pageClass[span]] > SMALL_UNITS_MAX
    for (const page of medium ? [span] : pages) {
      const c = this.pageClass[page]
      if (this.pageUsed[page] === 0) this.freeSmallPages.push(page)
      else if (this.pageFree[page] !== 0 || this.pageBump[page] + CLASS_SIZE[c] <= this.pageEnd[page])
        this.list(c, page)
    }
  }

  /** Bytes in use in a slab of pages. A page that is not the first of its block's page has 0 used. */
  private usedIn(slab: number): number {
    const first = slab * PAGES_PER_SLAB
    let units = 0
    for (let page = first; page < first + PAGES_PER_SLAB; page++) {
      units += this.pageUsed[page] * CLASS_SIZE[this.pageClass[page]]
    }
    return units * UNIT_BYTES
  }

  private list(c: number, page: number): void {
    const first = this.partial[c]
    this.pageNext[page] = first
    this.pagePrev[page] = 0
    if (first !== 0) this.pagePrev[first] = page
    this.partial[c] = page
    this.pageListed[page] = 1
  }

  private unlist(c: number, page: number): void {
    const next = this.pageNext[page]
    const prev = this.pagePrev[page]
    if (prev !== 0) this.pageNext[prev] = next
    else this.partial[c] = next
    if (next !== 0) this.pagePrev[next] = prev
    this.pageNext[page] = this.pagePrev[page] = 0
    this.pageListed[page] = 0
  }

  private addPage(c: number): number {
    const medium = CLASS_SIZE[c] > SMALL_UNITS_MAX
    const page = medium ? this.takeSpan() : this.takeSmallPage()
    const pages = medium ? PAGES_PER_SPAN : 1
    for (let i = 0; i < pages; i++) this.pageBase[page + i] = page
    this.pageFree[page] = 0
    this.pageBump[page] = page * PAGE_UNITS
    this.pageEnd[page] = (page + pages) * PAGE_UNITS
    this.pageUsed[page] = 0
    this.pageClass[page] = c
    this.list(c, page)
    return page
  }

  private takeSmallPage(): number {
    if (this.freeSmallPages.length === 0) {
      const span = this.takeSpan()
      for (let i = PAGES_PER_SPAN - 1; i >= 0; i--) this.freeSmallPages.push(span + i)
    }
    return this.freeSmallPages.pop()!
  }

  private takeSpan(): number {
    if (this.freeSpans.length === 0) this.addPagedSlab()
    return this.freeSpans.pop()!
  }

  private addPagedSlab(): void {
    const slab = this.addSlab(SLAB_UNITS)
    const pages = this.u8.length * PAGES_PER_SLAB
    if (this.pageFree.length < pages) this.growPageTables(pages)
    const first = slab * PAGES_PER_SLAB
    // The first slab never goes: nothing else could take its number, because its first handle means no block.
    if (slab !== 0) this.pagedSlabs.add(slab)
    for (let page = first + PAGES_PER_SLAB - PAGES_PER_SPAN; page > first; page -= PAGES_PER_SPAN) {
      this.freeSpans.push(page)
    }
    // Page 0 stays unused, because 0 means no page and no block. The other pages of its span serve as small ones.
    if (slab !== 0) this.freeSpans.push(first)
    else for (let page = PAGES_PER_SPAN - 1; page > 0; page--) this.freeSmallPages.push(page)
  }

  private growPageTables(pages: number): void {
    const size = Math.max(pages, this.pageFree.length * 2)
    const grown = <T extends { set(from: T): void }>(larger: T, old: T): T => {
      larger.set(old)
      return larger
    }
    this.pageFree = grown(new Uint32Array(size), this.pageFree)
    this.pageBump = grown(new Float64Array(size), this.pageBump)
    this.pageEnd = grown(new Float64Array(size), this.pageEnd)
    this.pageUsed = grown(new Uint16Array(size), this.pageUsed)
    this.pageListed = grown(new Uint8Array(size), this.pageListed)
    this.pageClass = grown(new Uint8Array(size), this.pageClass)
    this.pageNext = grown(new Int32Array(size), this.pageNext)
    this.pagePrev = grown(new Int32Array(size), this.pagePrev)
    this.pageBase = grown(new Int32Array(size), this.pageBase)
  }

  /** A new slab, zeroed lazily by the system, so that only what is touched becomes resident. */
  private addSlab(units: number): number {
    if (this.freeSlabs.length === 0 && this.u8.length >= SLABS_MAX) {
      throw new ArenaFullError('32 GiB of handles are in use')
    }
    const memory = new ArrayBuffer(units * UNIT_BYTES)
    const slab = this.freeSlabs.pop() ?? this.u8.length
    this.u8[slab] = Buffer.from(memory)
    this.u32[slab] = new Uint32Array(memory)
    this.f64[slab] = new Float64Array(memory)
    this.reservedBytes += memory.byteLength
    return slab
  }

  private allocLarge(units: number): number {
    const handle = units > SHARED_UNITS_MAX ? (this.addLargeSlab(units) << SLAB_BITS) >>> 0 : this.allocRun(units)
    this.usedBytes += units * UNIT_BYTES
    return handle
  }

  private releaseLarge(handle: number, units: number): void {
    if (units > SHARED_UNITS_MAX) this.dropSlab(handle >>> SLAB_BITS)
    else this.releaseRun(handle, units)
    this.usedBytes -= units * UNIT_BYTES
  }

  private allocRun(units: number): number {
    const pages = Math.ceil(units / PAGE_UNITS)
    for (const [slab, runs] of this.shared) {
      const page = runs.take(pages)
      if (page >= 0) return ((slab << SLAB_BITS) >>> 0) + page * PAGE_UNITS
    }
    const slab = this.addLargeSlab(SLAB_UNITS)
    const runs = new PageRuns(PAGES_PER_SLAB)
    this.shared.set(slab, runs)
    return ((slab << SLAB_BITS) >>> 0) + runs.take(pages) * PAGE_UNITS
  }

  private releaseRun(handle: number, units: number): void {
    const slab = handle >>> SLAB_BITS
    const runs = this.shared.get(slab)!
    runs.give((handle & SLAB_MASK) / PAGE_UNITS, Math.ceil(units / PAGE_UNITS))
    // The last one stays: a key set and deleted again and again is not to cost a slab each time.
    if (runs.taken > 0 || this.shared.size === 1) return
    this.shared.delete(slab)
    this.dropSlab(slab)
  }

  /** A slab without pages of classes. */
  private addLargeSlab(units: number): number {
    // A block at unit 0 of slab 0 would have the handle 0.
    if (this.u8.length === 0) this.addPagedSlab()
    return this.addSlab(units)
  }

  private dropSlab(slab: number): void {
    const memory = this.u8[slab].buffer as ArrayBuffer
    this.reservedBytes -= memory.byteLength
    this.returnedBytes += memory.byteLength
    this.u8[slab] = EMPTY_U8
    this.u32[slab] = EMPTY_U32
    this.f64[slab] = EMPTY_F64
    this.freeSlabs.push(slab)
    discard(memory)
  }

  /** Gives back all slabs: nobody uses the arena any more. */
  dispose(): void {
    for (let slab = 0; slab < this.u8.length; slab++) if (this.u8[slab].length > 0) this.dropSlab(slab)
    // A pass that emptied some of them finds nothing more to do.
    this.pagedSlabs.clear()
    this.emptying.fill(0)
  }
}

const EMPTY_U8 = Buffer.alloc(0)
const EMPTY_U32 = new Uint32Array(0)
const EMPTY_F64 = new Float64Array(0)
