// The users that a process starts with: the default user's passwords, then `user` lines or a file of users, not both.

import type { Users } from './users.ts'

/** A `user` line of a configuration file. */
export interface UserLine {
  readonly name: string
  readonly rules: readonly string[]
}

export interface StartingUsers {
  /** Of the default user. */
  readonly passwords: readonly string[]
  readonly lines: readonly UserLine[]
  /** Loads the file of users; what is wrong with it. Undefined: there is none. */
  readonly loadFile: (() => string | undefined) | undefined
}

/** The form in which users know passwords. */
export const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

/** Makes the users; what is wrong, if anything is: the process cannot start then. */
export function startUsers(users: Users, { passwords, lines, loadFile }: StartingUsers): string | undefined {
  users.setDefaultPasswords(passwords.map(latin1))
  if (lines.length > 0 && loadFile !== undefined) {
    return 'Users are given both as lines of the configuration and by aclfile: use one of the two'
  }
  const names = new Set<string>()
  for (const { name, rules } of lines) {
    if (names.has(name)) return `Duplicate user found: ${name}. A user can only be defined once in config files`
    names.add(name)
    const problem = users.define(latin1(name), rules.map(latin1))
    if (problem !== undefined) return problem
  }
  const errors = loadFile?.()
  return errors === undefined ? undefined : `Aborting startup because of ACL errors: ${errors}`
}
