// Which arguments of a command are user names or passwords: neither MONITOR nor the slow log shows them.

import { SERVER_OPTIONS } from '../config/server-options.ts'
import { optionName } from '../config/store.ts'

const REDACTED = Buffer.from('(redacted)')
/** Commands that may have secrets. */
const MAY_HAVE = new Set(['auth', 'hello', 'config', 'acl', 'migrate', 'replconf'])

const wordOf = (arg: Uint8Array): string => Buffer.from(arg.subarray(0, 64)).toString('latin1').toLowerCase()

function isSecretOption(name: string): boolean {
  const own = optionName(SERVER_OPTIONS, name) as keyof typeof SERVER_OPTIONS | undefined
  return own !== undefined && SERVER_OPTIONS[own].secret === true
}

function secretsOf(words: readonly string[]): ReadonlySet<number> {
  const secrets = new Set<number>()
  const hide = (from: number, count = Number.POSITIVE_INFINITY): void => {
    for (let i = from; i < words.length && i < from + count; i++) secrets.add(i)
  }
  if (words[0] === 'auth') hide(1)
  if (words[0] === 'acl' && words[1] === 'setuser') hide(2)
  if (words[0] === 'config' && words[1] === 'set') {
    for (let i = 2; i + 1 < words.length; i += 2) if (isSecretOption(words[i]!)) hide(i + 1, 1)
  }
  if (words[0] === 'replconf' && words[1] === 'vedette-enlist') hide(2)
  if (words[0] === 'hello') {
    for (let i = 2; i < words.length; i++) if (words[i] === 'auth') hide(i + 1, 2)
  }
  if (words[0] === 'migrate') {
    for (let i = 6; i < words.length; i++) {
      if (words[i] === 'auth') hide(i + 1, 1)
      if (words[i] === 'auth2') hide(i + 1, 2)
    }
  }
  return secrets
}

/** The arguments with `(redacted)` in the place of secrets. */
export function withoutSecrets(argv: readonly Uint8Array[]): readonly Uint8Array[] {
  if (argv[0] === undefined || argv[0].length > 16 || !MAY_HAVE.has(wordOf(argv[0]))) return argv
  const secrets = secretsOf(argv.map(wordOf))
  return secrets.size === 0 ? argv : argv.map((arg, i) => (secrets.has(i) ? REDACTED : arg))
}
