// How often which duration was measured, in little space: durations in nanoseconds are counted in classes, 32 for each doubling, so
// that what is read is exact to 3 %. What lasted longer than a bit over a second counts as that.

const STEPS = 32
const STEP_BITS = 5
const LONGEST = 2 ** 30
const CLASSES = STEPS * (30 - STEP_BITS + 1) + 1

function classOf(nanos: number): number {
  const n = Math.min(Math.max(Math.floor(nanos), 0), LONGEST)
  if (n < STEPS) return n
  const doublings = 31 - Math.clz32(n) - STEP_BITS
  return STEPS * doublings + (n >>> doublings)
}

/** The first duration of a class. */
function lowest(index: number): number {
  if (index < STEPS) return index
  const doublings = Math.floor(index / STEPS) - 1
  return (STEPS + (index % STEPS)) * 2 ** doublings
}

/** Durations that were measured. */
export class Histogram {
  /** How many there are. */
  count = 0
  private readonly counts = new Float64Array(CLASSES)

  /** Counts a duration, `times` times. */
  add(nanos: number, times = 1): void {
    this.counts[classOf(nanos)]! += times
    this.count += times
  }

  /** The duration in nanoseconds that so many percent do not exceed (0 to 100). */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.count))
    let seen = 0
    for (let i = 0; i < CLASSES; i++) {
      seen += this.counts[i]!
      if (seen >= wanted) return lowest(i + 1) - 1
    }
    return 0
  }

  /** How many are shorter than each doubling of 1,024 ns, as long as that adds any: pairs of nanoseconds and count. */
  doublings(): [nanos: number, count: number][] {
    const found: [number, number][] = []
    let seen = 0
    let index = 0
    for (let nanos = 1024; found.length === 0 || seen < this.count; nanos *= 2) {
      const before = seen
      const end = nanos >= LONGEST ? CLASSES : classOf(nanos)
      while (index < end) seen += this.counts[index++]!
      if (seen > before) found.push([nanos, seen])
      if (nanos >= LONGEST) break
    }
    return found
  }
}
