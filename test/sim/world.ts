// The simulated world: a clock that jumps from event to event, one source of randomness, and a trace. A run is a
// function of its seed: events of the same time happen in the order in which they were planned.
import { type Random, seededRandom } from '../../src/lib/prng.ts'
import { NoProgress } from './outcome.ts'

/** More than any sound run has; a run with more goes round in circles. */
const EVENTS_MAX = 500_000

interface Event {
  readonly atMs: number
  readonly order: number
  readonly act: () => void
}

export interface World {
  readonly random: Random
  nowMs(): number
  /** Plans an act. */
  after(delayMs: number, act: () => void): void
  /** Lets events happen until the time given, or until `done`; gives false when `done` never became true. */
  runUntil(untilMs: number, done?: () => boolean): boolean
  /** A line of the trace; free when nobody listens. */
  trace(line: () => string): void
  /** True with the probability given. */
  chance(probability: number): boolean
  /** A number in [low, high). */
  between(low: number, high: number): number
  pick<T>(items: readonly T[]): T
}

export function createWorld(seed: number, print?: (line: string) => void): World {
  const random = seededRandom(seed, 0x5eed)
  const heap: Event[] = []
  let nowMs = 0
  let order = 0
  let happened = 0
  return {
    random,
    nowMs: () => nowMs,
    after(delayMs, act) {
      push(heap, { atMs: nowMs + Math.max(0, delayMs), order: order++, act })
    },
    runUntil(untilMs, done) {
      while (heap.length > 0 && heap[0]!.atMs <= untilMs) {
        const event = pop(heap)
        nowMs = event.atMs
        event.act()
        if (++happened > EVENTS_MAX) throw new NoProgress(`a storm: ${EVENTS_MAX} events by ${nowMs.toFixed(0)} ms`)
        if (done?.()) return true
      }
      nowMs = Math.max(nowMs, untilMs)
      return done?.() ?? true
    },
    trace(line) {
      print?.(`${nowMs.toFixed(1).padStart(9)} ${line()}`)
    },
    chance: (probability) => random.unit() < probability,
    between: (low, high) => low + random.unit() * (high - low),
    pick: (items) => items[random.below(items.length)]!,
  }
}

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

function push(heap: Event[], event: Event): void {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!before(event, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return top
}
