// Passwords that stand in a file or in an option, as they are now.
import { parsePasswords } from '../config/passwords.ts'
import { followFile, readSmallFile } from './followed-file.ts'
import type { Log } from './log.ts'

/** Passwords of which any may be the right one, the preferred one first; none: none is given or asked for. */
export interface Passwords {
  readonly now: readonly string[]
}

export interface PasswordOption {
  /** The option that has the password itself; `<name>-file` names the file. */
  readonly name: string
  /** Asked each time: it may change while the process runs. */
  readonly password: () => string
  readonly file: string
  /** Told whenever the file has others. */
  readonly changed?: (passwords: readonly string[]) => void
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString()

/** Opens what the options name. Throws if the file cannot be used. */
export function openPasswords({ name, password, file, changed }: PasswordOption, log: Log): Passwords {
  if (file === '') {
    return {
      get now() {
        return password() === '' ? [] : [password()]
      },
    }
  }
  const option = `${name}-file`
  if (password() !== '') throw new Error(`${name} and ${option} are both given: use one of the two`)
  let content: string
  try {
    content = readSmallFile(file)
  } catch (error) {
    throw new Error(`${option} ${file}: ${(error as Error).message}`)
  }
  const first = parsePasswords(utf8(content))
  if ('problem' in first) throw new Error(`${option} ${file}: ${first.problem}`)
  let now = first
  const take = (text: string): string | undefined => {
    const read = parsePasswords(utf8(text))
    if ('problem' in read) return read.problem
    now = read
    changed?.(now)
    return undefined
  }
  followFile(file, option, content, take, log)
  return {
    get now() {
      return now
    },
  }
}
