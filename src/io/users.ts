// The users that a process starts with, and what becomes of them when the files that they come from change.
import { latin1, startUsers, type UserLine } from '../acl/start.ts'
import type { Access } from '../facade/access.ts'
import { followFile, readSmallFile } from './followed-file.ts'
import type { Log } from './log.ts'
import { openPasswords } from './password-file.ts'

/** Options of both processes. */
export interface UserOptions {
  readonly requirepass: string
  readonly 'requirepass-file': string
  readonly aclfile: string
  readonly 'aclfile-reload': boolean
}

/** Takes the users as they are given, and follows their files as long as the process runs. Throws if they cannot be taken. */
export function openUsers({ users, file }: Access, options: UserOptions, lines: readonly UserLine[], log: Log): void {
  const { aclfile } = options
  const passwords = openPasswords(
    {
      name: 'requirepass',
      password: () => options.requirepass,
      file: options['requirepass-file'],
      changed: (now) => users.pinDefaultPasswords(now.map(latin1)),
    },
    log,
  )
  if (options['requirepass-file'] !== '') users.pinDefaultPasswords(passwords.now.map(latin1))
  // Before it is loaded: a change in between is noticed then.
  const known = file === undefined || !options['aclfile-reload'] ? undefined : contentOf(aclfile)
  const problem = startUsers(users, { passwords: passwords.now, lines, loadFile: file?.load })
  if (problem !== undefined) throw new Error(problem)
  if (known !== undefined) followFile(aclfile, 'aclfile', known, () => file!.load(), log)
}

function contentOf(path: string): string {
  try {
    return readSmallFile(path)
  } catch {
    return ''
  }
}
