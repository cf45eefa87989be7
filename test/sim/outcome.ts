// How a simulated run can end, and how many of them are run: three kinds of failure are told apart, and each prints the
// command that replays it with a trace.

/** Thrown by a checker: the cores have done what they must never do. */
export class WrongResult extends Error {
  override readonly name = 'WrongResult'
}

/** Thrown when a healed majority does not get on. */
export class NoProgress extends Error {
  override readonly name = 'NoProgress'
}

export type Failure = 'crash' | 'wrong result' | 'no progress'

export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new WrongResult(message())
}

const kindOf = (error: unknown): Failure =>
  error instanceof WrongResult ? 'wrong result' : error instanceof NoProgress ? 'no progress' : 'crash'

/** Runs one seed; undefined when it went well. */
export function attempt(run: (seed: number) => void, seed: number, replay: string): string | undefined {
  try {
    run(seed)
    return undefined
  } catch (error) {
    const kind = kindOf(error)
    const detail = error instanceof Error ? (kind === 'crash' ? error.stack : error.message) : String(error)
    return `seed ${seed}: ${kind}: ${detail}\n  replay: VEDETTE_SIM_SEED=${seed} ${replay}`
  }
}

/** The seeds of this run: one when VEDETTE_SIM_SEED is set, else `many` (an environment variable) or `count`, from VEDETTE_SIM_FIRST or 1. */
export function seedsToRun(count: number, many: string | undefined): { seeds: number[]; traced: boolean } {
  const one = process.env.VEDETTE_SIM_SEED
  if (one !== undefined) return { seeds: [Number(one)], traced: true }
  const first = Number(process.env.VEDETTE_SIM_FIRST ?? 1)
  return {
    seeds: Array.from({ length: many === undefined ? count : Number(many) }, (_, i) => first + i),
    traced: false,
  }
}

/** Cuts a list into pieces, so that a long run shows where it is. */
export function pieces<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = []
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size))
  return result
}
