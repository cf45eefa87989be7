// Which pages of one slab are taken by blocks longer than a page. A block takes a run of pages that follow each other, the
// first that is long enough; runs given back join their neighbours by themselves, because all that is kept is one flag a page.

import { assert } from '../lib/assert.ts'

/** The pages of a slab, handed out in runs. */
export class PageRuns {
  /** Number of pages taken. */
  taken = 0
  private readonly used: Uint8Array
  /** No free run is longer than this: what keeps a search from looking at a full slab page by page. */
  private longestMax: number

  constructor(pages: number) {
    this.used = new Uint8Array(pages)
    this.longestMax = pages
  }

  /** Takes `count` pages; the first of them, or -1 if there is no run of that length. */
  take(count: number): number {
    if (count > this.longestMax) return -1
    let run = 0
    for (let page = 0; page < this.used.length; page++) {
      run = this.used[page] === 0 ? run + 1 : 0
      if (run < count) continue
      const first = page + 1 - count
      this.used.fill(1, first, page + 1)
      this.taken += count
      return first
    }
    this.longestMax = count - 1
    return -1
  }

  /** Gives back the run of `count` pages that begins with `first`. */
  give(first: number, count: number): void {
    assert(this.used[first] === 1 && this.used[first + count - 1] === 1, 'a run that is given back was taken')
    this.used.fill(0, first, first + count)
    this.taken -= count
    this.longestMax = this.used.length
  }
}
