// Names whose addresses a test can change: a hosts file of its own, seen only by the processes that are run under it. They get a
// mount namespace in which it lies over /etc/hosts; every look-up goes through the system's own resolver.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from './scope.ts'

export interface Hosts {
  /** Put before a command: it then sees these hosts. */
  readonly under: readonly string[]
  /** Gives the name this address from now on. */
  set(name: string, ip: string): void
}

/** With a user namespace where we are not root; undefined where the kernel allows neither. */
const UNSHARE = [
  ['unshare', '--mount'],
  ['unshare', '--mount', '--map-root-user'],
].find(
  ([program = '', ...args]) =>
    spawnSync(program, [...args, 'mount', '--bind', '/etc/hosts', '/etc/hosts']).status === 0,
)

/** Why there can be no hosts of a test's own here; undefined where there can. */
export const NO_HOSTS = UNSHARE === undefined ? 'no mount namespace may be made here (unshare --mount)' : undefined

/** Makes a hosts file that holds no more than localhost. */
export function createHosts(scope: Scope): Hosts {
  const path = join(scope.tempDir(), 'hosts')
  const ips = new Map([['localhost', '127.0.0.1']])
  // Written in place: a file put in its stead would not be the one that is mounted.
  const write = (): void => writeFileSync(path, [...ips].map(([name, ip]) => `${ip} ${name}\n`).join(''))
  write()
  return {
    under: [...(UNSHARE ?? []), 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', path],
    set(name, ip) {
      ips.set(name, ip)
      write()
    },
  }
}
