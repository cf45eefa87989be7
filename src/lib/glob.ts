// Redis's glob patterns (KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET) over bytes: `*`, `?`, `[a-z]`, `[^a]`, `\x`.
// Matching takes O(pattern × text) steps at most: a later `*` makes backtracking into an earlier one pointless, so one
// backtracking point is enough and no pattern from the network can make it exponential.

const STAR = 42
const QUESTION = 63
const OPEN = 91
const CLOSE = 93
const CARET = 94
const BACKSLASH = 92
const DASH = 45

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte
}

/**
 * Length of the pattern element at `at` if it matches `byte`, or its length negated if it does not. As in Redis, a class
 * without `]` ends with the pattern, and a `\` at the end stands for itself.
 */
function matchOne(pattern: Uint8Array, at: number, byte: number, ignoreCase: boolean): number {
  const fold = ignoreCase ? lower : (b: number) => b
  const c = pattern[at]!
  if (c === QUESTION) return 1
  if (c === BACKSLASH && at + 1 < pattern.length) return fold(pattern[at + 1]!) === fold(byte) ? 2 : -2
  if (c !== OPEN) return fold(c) === fold(byte) ? 1 : -1

  let p = at + 1
  const negated = pattern[p] === CARET
  if (negated) p++
  let matched = false
  for (; p < pattern.length && pattern[p] !== CLOSE; p++) {
    if (pattern[p] === BACKSLASH && p + 1 < pattern.length) {
      p++
      if (fold(pattern[p]!) === fold(byte)) matched = true
    } else if (p + 2 < pattern.length && pattern[p + 1] === DASH) {
      const a = fold(pattern[p]!)
      const b = fold(pattern[p + 2]!)
      const x = fold(byte)
      if (x >= Math.min(a, b) && x <= Math.max(a, b)) matched = true
      p += 2
    } else if (fold(pattern[p]!) === fold(byte)) {
      matched = true
    }
  }
  const length = Math.min(p + 1, pattern.length) - at
  return matched !== negated ? length : -length
}

/** Stars that a pattern may pass; as Redis, which recurses at each: with more of them it matches nothing. */
const STARS_MAX = 1000

/** Whether `text` (or its range [start, end)) matches the glob `pattern` as a whole. */
export function globMatch(
  pattern: Uint8Array,
  text: Uint8Array,
  ignoreCase = false,
  start = 0,
  end = text.length,
): boolean {
  // As in Redis nothing but the empty pattern matches the empty text, not even `*`.
  if (start >= end) return pattern.length === 0
  let p = 0
  let t = start
  let starAt = -1
  let starText = 0
  let stars = 0
  while (t < end) {
    if (p < pattern.length && pattern[p] === STAR) {
      while (p + 1 < pattern.length && pattern[p + 1] === STAR) p++
      if (p + 1 === pattern.length) return true
      if (++stars > STARS_MAX) return false
      starAt = p++
      starText = t
      continue
    }
    const step = p < pattern.length ? matchOne(pattern, p, text[t]!, ignoreCase) : -1
    if (step > 0) {
      p += step
      t++
      continue
    }
    if (starAt < 0) return false
    p = starAt + 1
    t = ++starText
  }
  while (p < pattern.length && pattern[p] === STAR) p++
  return p === pattern.length
}
