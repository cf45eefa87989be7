// Who may read over HTTP: whoever knows one of the passwords that count now.
import { monotonicMs } from './clock.ts'
import type { Log } from './log.ts'
import { openPasswords, type Passwords } from './password-file.ts'
import { sameSecret } from './secrets.ts'
import { countWrongGuesses } from './wrong-guesses.ts'

/**
 * What a header `Authorization` is worth now: a password that counts, none, or one too many, after which those of that address are not looked at.
 * By address, so that a scraper with an old password shuts out nobody else.
 */
export type HttpGuard = (authorization: string | undefined, address: string) => 'right' | 'wrong' | 'too many'

/** Of the file that `http-password-file` names; undefined without one. Throws if it cannot be used. */
export const openHttpGuard = (file: string, log: Log): HttpGuard | undefined =>
  file === '' ? undefined : createHttpGuard(openPasswords({ name: 'http-password', password: () => '', file }, log))

/** Asks for one of these passwords. */
export function createHttpGuard(passwords: Passwords, nowMs = monotonicMs): HttpGuard {
  const guesses = countWrongGuesses(nowMs)
  return (authorization, address) => {
    const given = givenIn(authorization)
    if (given === undefined) return 'wrong' // nothing was guessed: browsers ask so first
    if (guesses.areTooMany(address)) return 'too many'
    // All are compared, so that the time tells nothing.
    if (passwords.now.filter((password) => sameSecret(given, password)).length > 0) return 'right'
    guesses.count(address)
    return 'wrong'
  }
}

function givenIn(authorization = ''): string | undefined {
  const [, scheme = '', value = ''] = /^(Basic|Bearer) +(\S+)$/i.exec(authorization) ?? []
  if (scheme.toLowerCase() !== 'basic') return value === '' ? undefined : value
  const pair = Buffer.from(value, 'base64').toString()
  const colon = pair.indexOf(':')
  return colon < 0 ? undefined : pair.slice(colon + 1)
}
