// A small seeded generator of pseudo-random numbers. Everything below the pure line that needs randomness takes one of
// these, so that a simulator run is a function of its seed. Not for secrets: those come from io/entropy.

/** A source of pseudo-random numbers. */
export interface Random {
  /** A 32-bit unsigned integer. */
  uint32(): number
  /** An integer in [0, bound), for 0 < bound ≤ 2³². */
  below(bound: number): number
  /** A number in [0, 1) with 32 bits of precision. */
  unit(): number
}

/**
 * The sfc32 generator (Chris Doty-Humphrey, PractRand), seeded with any number of 32-bit words.
 * The same seed gives the same sequence on every machine.
 */
export function seededRandom(...seed: number[]): Random {
  let a = 0x9e3779b9 ^ (seed[0] ?? 0)
  let b = 0x243f6a88 ^ (seed[1] ?? 0)
  let c = 0xb7e15162 ^ (seed[2] ?? 0)
  let counter = 1
  const uint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) uint32()
  return {
    uint32,
    below: (bound) => Math.floor((uint32() / 4294967296) * bound),
    unit: () => uint32() / 4294967296,
  }
}
