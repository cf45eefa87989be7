// Hosts on one machine: network namespaces on a bridge, each with an address and a packet filter of its own, which drops or
// resets what comes from others. The runner of the tests reaches all of them, whatever is cut. Needs root, `ip` and `nft`.
// Invariant: close() removes everything that was made.
import { execFileSync, spawnSync } from 'node:child_process'
import { isInstalled } from '../support/paths.ts'
import type { Proc, Scope } from '../support/scope.ts'

export interface Host {
  readonly name: string
  readonly address: string
  /** Starts a program on this host. */
  spawn(program: string, args: readonly string[], options?: { env?: Record<string, string>; cwd?: string }): Proc
  /** Adds a rule of nftables for the packets that come in. */
  filter(rule: string): void
  /** Takes all rules away. */
  open(): void
}

export interface Hosts {
  readonly all: readonly Host[]
  close(): void
}

const NO_RIGHTS = 'network namespaces may not be made here: run this as root'

/** Why there can be no hosts here; undefined where there can. */
export function whyNoHosts(): string | undefined {
  const missing = [
    ['ip', 'iproute2'],
    ['nft', 'nftables'],
  ].filter(([program = '']) => !isInstalled(program))
  if (missing.length > 0)
    return `not installed: ${missing.map(([program]) => program).join(', ')} (apt-get install ${missing.map(([, name]) => name).join(' ')})`
  return spawnSync('unshare', ['--net', 'nft', 'add table inet probe']).status === 0 ? undefined : NO_RIGHTS
}

const ip = (line: string): void => void execFileSync('ip', line.split(' '), { stdio: 'pipe' })

let made = 0

/** A net that nobody else on this machine has, not even what is left of a run that was killed. */
const NET = `10.77.${process.pid % 256}`

/** `count` hosts, .1 and on. */
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
    ip(`addr add ${NET}.254/24 dev ${bridge}`)
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
      nft(name, 'add table inet faults')
      nft(name, 'add chain inet faults in { type filter hook input priority 0; }')
    }
  } catch (error) {
    close()
    throw error
  }
  return { all, close }
}

const nft = (name: string, line: string): void =>
  void execFileSync('ip', ['netns', 'exec', name, 'nft', line], { stdio: 'pipe' })

function createHost(scope: Scope, tag: string, number: number): Host {
  const name = `${tag}n${number}`
  return {
    name,
    address: `${NET}.${number}`,
    spawn: (program, args, options = {}) =>
      scope.spawn('ip', ['netns', 'exec', name, program, ...args], {
        name: `${name} ${args.slice(1, 3).join(' ')}`,
        ...options,
      }),
    filter: (rule) => nft(name, `add rule inet faults in ${rule}`),
    open: () => nft(name, 'flush chain inet faults in'),
  }
}

const from = (hosts: readonly Host[]): string => `ip saddr { ${hosts.map(({ address }) => address).join(', ')} }`

/** From now on nothing that the ones send reaches the others, and nobody is told. */
export function deafen(senders: readonly Host[], receivers: readonly Host[]): void {
  for (const one of receivers) one.filter(`${from(senders)} drop`)
}

/** From now on nothing goes from the ones to the others, in either direction. */
export function part(these: readonly Host[], those: readonly Host[]): void {
  deafen(these, those)
  deafen(those, these)
}

/** From now on every connection between them is reset, old ones and new ones. */
export function reset(these: readonly Host[], those: readonly Host[]): void {
  for (const one of these) one.filter(`meta l4proto tcp ${from(those)} reject with tcp reset`)
  for (const one of those) one.filter(`meta l4proto tcp ${from(these)} reject with tcp reset`)
}

/** From now on so many packets of a hundred vanish, between any two. */
export function lose(hosts: readonly Host[], percent: number): void {
  for (const one of hosts)
    one.filter(`${from(hosts.filter((other) => other !== one))} numgen random mod 100 < ${percent} drop`)
}
