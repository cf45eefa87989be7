// Randomness from the operating system: identities, nonces, and the seeds of the generators that the pure code takes.
import { randomBytes } from 'node:crypto'

/** `count` random 32-bit unsigned integers, as a seed for lib/prng. */
export function randomWords(count: number): number[] {
  const bytes = randomBytes(4 * count)
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(4 * index))
}

/** `digits` random hexadecimal digits in lower case (run IDs have 40). */
export function randomHex(digits: number): string {
  return randomBytes(Math.ceil(digits / 2))
    .toString('hex')
    .slice(0, digits)
}
