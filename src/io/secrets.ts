// Comparing secrets in a time that tells nothing of where they differ, nor of their lengths.
import { createHash, timingSafeEqual } from 'node:crypto'

/** SHA-256 of latin1 text, in hex: the form that passwords of users are kept in. */
export const sha256Hex = (latin1: string): string => createHash('sha256').update(latin1, 'latin1').digest('hex')

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Whether two secrets are the same text. */
export function sameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret))
}
