// Hosts on one machine: network namespaces on a bridge, each with an address, which can be cut off and joined again. Needs root
// and `ip`. Invariant: close() removes everything that was made.
import { execFileSync } from 'node:child_process'
import type { Proc, Scope } from '../support/scope.ts'

export interface Host {
  readonly name: string
  readonly address: string
  /** Starts a program on this host. */
  spawn(program: string, args: readonly string[], options?: { env?: Record<string, string>; cwd?: string }): Proc
  cut(): void
  join(): void
}

export interface Hosts {
  readonly all: readonly Host[]
  close(): void
}

const ip = (line: string): void => void execFileSync('ip', line.split(' '), { stdio: 'pipe' })

let made = 0

/** `count` hosts, 10.77.0.1 and on. */
export function createHosts(scope: Scope, count: number): Hosts {
  // A deleted link is there for a moment more: no name is used twice.
  const tag = `vd${process.pid % 10_000}${String.fromCharCode(97 + (made++ % 26))}`
  const bridge = `${tag}br`
  const all = Array.from({ length: count }, (_, i) => createHost(scope, tag, i + 1))
  const close = (): void => {
    for (const line of [...all.map(({ name }) => `netns del ${name}`), `link del ${bridge}`]) {
      try {
        ip(line)
      } catch {
        // It was not made, or is gone.
      }
    }
  }
  try {
    ip(`link add ${bridge} type bridge`)
    ip(`link set ${bridge} up`)
    // So that the test itself reaches them.
    ip(`addr add 10.77.0.254/24 dev ${bridge}`)
    for (const { name, address } of all) {
      const [outer, inner] = [`${name}o`, `${name}i`]
      ip(`netns add ${name}`)
      ip(`link add ${outer} type veth peer name ${inner}`)
      ip(`link set ${inner} netns ${name}`)
      ip(`link set ${outer} master ${bridge}`)
      ip(`link set ${outer} up`)
      ip(`-n ${name} addr add ${address}/24 dev ${inner}`)
      ip(`-n ${name} link set ${inner} up`)
      ip(`-n ${name} link set lo up`)
    }
  } catch (error) {
    close()
    throw error
  }
  return { all, close }
}

function createHost(scope: Scope, tag: string, number: number): Host {
  const name = `${tag}n${number}`
  return {
    name,
    address: `10.77.0.${number}`,
    spawn: (program, args, options = {}) =>
      scope.spawn('ip', ['netns', 'exec', name, program, ...args], {
        name: `${name} ${args.slice(1, 3).join(' ')}`,
        ...options,
      }),
    cut: () => ip(`link set ${name}o down`),
    join: () => ip(`link set ${name}o up`),
  }
}
