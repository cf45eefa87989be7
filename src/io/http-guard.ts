// Who may read over HTTP: whoever knows a password of a file, which may change at any time (two lines while one follows another).
import { readFileSync } from 'node:fs'
import { monotonicMs } from './clock.ts'
import { sameSecret } from './secrets.ts'
import { countWrongGuesses } from './wrong-guesses.ts'

/**
 * What a header `Authorization` is worth now: a password that counts, none, or one too many, after which those of that address are not looked at.
 * By address, so that a scraper with an old password shuts out nobody else.
 */
export type HttpGuard = (authorization: string | undefined, address: string) => 'right' | 'wrong' | 'too many'

const LOOK_AGAIN_MS = 1_000

/** Of a file with a password a line. Throws if there is none now; what cannot be read later leaves the former ones in force. */
export function createHttpGuard(path: string, onUnreadable: (why: string) => void, nowMs = monotonicMs): HttpGuard {
  const guesses = countWrongGuesses(nowMs)
  let passwords = read(path)
  let readMs = nowMs()
  const look = (): void => {
    if (nowMs() - readMs < LOOK_AGAIN_MS) return
    readMs = nowMs()
    try {
      passwords = read(path)
    } catch (error) {
      onUnreadable((error as Error).message)
    }
  }
  return (authorization, address) => {
    look()
    const given = givenIn(authorization)
    if (given === undefined) return 'wrong' // nothing was guessed: browsers ask so first
    if (guesses.areTooMany(address)) return 'too many'
    if (passwords.filter((password) => sameSecret(given, password)).length > 0) return 'right'
    guesses.count(address)
    return 'wrong'
  }
}

function read(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const passwords = lines.map((line) => line.replace(/\r$/, '')).filter((line) => line !== '')
  if (passwords.length === 0) throw new Error(`http-password-file ${path} has no password`)
  return passwords
}

function givenIn(authorization = ''): string | undefined {
  const [, scheme = '', value = ''] = /^(Basic|Bearer) +(\S+)$/i.exec(authorization) ?? []
  if (scheme.toLowerCase() !== 'basic') return value === '' ? undefined : value
  const pair = Buffer.from(value, 'base64').toString()
  const colon = pair.indexOf(':')
  return colon < 0 ? undefined : pair.slice(colon + 1)
}
