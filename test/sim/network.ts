// The network between simulated processes: messages are delayed (so they overtake each other), lost, doubled, and cut
// off in either direction. What it does changes during a run; calm() makes it a good network.
import type { World } from './world.ts'

export interface Network<M> {
  send(from: string, to: string, message: M): void
  /** From now on nothing gets from one to the other; the opposite way is not affected. */
  cut(from: string, to: string): void
  /** Cuts all ways between the two sides. */
  partition(side: readonly string[], other: readonly string[]): void
  heal(): void
  /** Draws new rates of loss and doubling and a new spread of delays. */
  storm(): void
  /** Few faults or none, from now on. Cuts stay as they are. */
  calm(): void
}

export function createNetwork<M>(world: World, deliver: (to: string, message: M) => void): Network<M> {
  const cuts = new Set<string>()
  let loss = 0
  let doubling = 0
  let delayMs = 2
  let longDelay = 0

  /** A cut also catches what is under way. */
  const arrive = (from: string, to: string, message: M): void => {
    const late = world.chance(longDelay) ? world.between(0, 3000) : 0
    world.after(world.between(0.3, delayMs) + late, () => cuts.has(`${from}>${to}`) || deliver(to, message))
  }
  return {
    send(from, to, message) {
      if (cuts.has(`${from}>${to}`) || world.chance(loss)) return
      arrive(from, to, message)
      if (world.chance(doubling)) arrive(from, to, message)
    },
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    partition(side, other) {
      for (const a of side) {
        for (const b of other) {
          cuts.add(`${a}>${b}`)
          cuts.add(`${b}>${a}`)
        }
      }
    },
    heal: () => cuts.clear(),
    storm() {
      loss = world.chance(0.5) ? 0 : world.between(0, 0.3)
      doubling = world.chance(0.5) ? 0 : world.between(0, 0.3)
      delayMs = world.pick([1, 3, 10, 50, 250])
      longDelay = world.chance(0.7) ? 0 : world.between(0, 0.05)
    },
    calm() {
      loss = 0
      doubling = 0
      delayMs = 3
      longDelay = 0
    },
  }
}
