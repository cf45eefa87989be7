// Who may read over HTTP: whoever knows a password of a file, which may change at any time (two lines while one follows another).
import { readFileSync } from 'node:fs'
import { monotonicMs } from './clock.ts'
import { sameSecret } from './secrets.ts'

/** Whether a header `Authorization` gives a password that counts now. */
export type HttpGuard = (authorization: string | undefined) => boolean

const LOOK_AGAIN_MS = 1_000

/** Of a file with a password a line. Throws if there is none now; what cannot be read later leaves the former ones in force. */
export function createHttpGuard(path: string, onUnreadable: (why: string) => void): HttpGuard {
  let passwords = read(path)
  let readMs = monotonicMs()
  const look = (): void => {
    if (monotonicMs() - readMs < LOOK_AGAIN_MS) return
    readMs = monotonicMs()
    try {
      passwords = read(path)
    } catch (error) {
      onUnreadable((error as Error).message)
    }
  }
  return (authorization) => {
    look()
    const given = givenIn(authorization)
    return given !== undefined && passwords.filter((password) => sameSecret(given, password)).length > 0
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
