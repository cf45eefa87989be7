// The file of users (`aclfile`) on disk. Invariant: it is either the old or the new one, whole, also after a crash.
import { closeSync, readFileSync } from 'node:fs'
import type { Users } from '../acl/users.ts'
import type { UserFile } from '../facade/access.ts'
import { replaceFile } from './durable.ts'
import type { Log } from './log.ts'

/** Passwords are in it, if only as hashes. */
const MODE = 0o600

export function createUserFile(path: string, users: Users, log: Pick<Log, 'warning'>): UserFile | undefined {
  if (path === '') return undefined
  return {
    load() {
      try {
        return users.load(readFileSync(path, 'latin1'), path)
      } catch (error) {
        return `Error loading ACLs, opening file '${path}': ${reasonOf(error)}`
      }
    },
    save() {
      try {
        const text = users.lines().map((line) => `${line}\n`)
        closeSync(replaceFile(path, `${path}.tmp-${process.pid}`, Buffer.from(text.join(''), 'latin1'), MODE))
        return true
      } catch (error) {
        log.warning(`Writing ACL file for ACL SAVE: ${reasonOf(error)}`)
        return false
      }
    },
  }
}

/** A reason as C words it: Node writes `ENOENT: no such file or directory, open 'x'`. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'No such file or directory'
  return code === 'EACCES' ? 'Permission denied' : message
}
