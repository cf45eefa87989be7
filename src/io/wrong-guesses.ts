// Slows down whoever guesses a secret: of a source that was wrong too often of late nothing is looked at for a while, right or
// wrong. The sources that are remembered are bounded; the oldest is forgotten for a new one.

/** So many wrong secrets in so long, and then none is looked at. */
const WRONG_MAX = 10
const FORGOTTEN_MS = 60_000
const SOURCES_MAX = 1024

export interface WrongGuesses {
  /** Whether what this source gives is not to be looked at. */
  areTooMany(source: string): boolean
  count(source: string): void
}

export function countWrongGuesses(nowMs: () => number): WrongGuesses {
  /** When each source was wrong. */
  const sources = new Map<string, number[]>()
  return {
    areTooMany(source) {
      const wrong = (sources.get(source) ?? []).filter((atMs) => nowMs() - atMs <= FORGOTTEN_MS)
      if (wrong.length === 0) sources.delete(source)
      else sources.set(source, wrong)
      return wrong.length >= WRONG_MAX
    },
    count(source) {
      const wrong = sources.get(source)
      if (wrong !== undefined) return void wrong.push(nowMs())
      const [oldest] = sources.keys()
      if (sources.size >= SOURCES_MAX && oldest !== undefined) sources.delete(oldest)
      sources.set(source, [nowMs()])
    },
  }
}
