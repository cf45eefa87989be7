// Machines of their own for processes: network namespaces on one bridge, each with an address, between any two of which the packets can
// be dropped in silence, as a cable that is cut or a firewall does. Needs Linux, root and `ip`.
import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import type { Scope } from './scope.ts'
import { eventually } from './wait.ts'

export interface Island {
  readonly ip: string
  /** Put before a command: it then runs there. */
  readonly under: readonly string[]
}

/** Why there can be no islands here; undefined where there can. */
export const NO_ISLANDS =
  spawnSync('unshare', ['--net', 'sh', '-c', 'ip link add va type veth peer name vb && ip link add br0 type bridge'])
    .status === 0
    ? undefined
    : 'no network namespaces with bridges may be made here (they need root, and ip of iproute2)'

function run(...words: string[]): void {
  const [program = '', ...args] = words
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`)
}

let bridges = 0

/** Makes so many islands; the runner of the tests reaches all of them, always. */
export async function createIslands(scope: Scope, count: number): Promise<Island[]> {
  const id = `${process.pid % 10_000}x${bridges++}`
  const bridge = `vb${id}`
  const net = `10.${64 + (process.pid % 128)}.${(process.pid + bridges) % 256}`
  run('ip', 'link', 'add', bridge, 'type', 'bridge')
  scope.defer(() => run('ip', 'link', 'del', bridge))
  run('ip', 'addr', 'add', `${net}.1/24`, 'dev', bridge)
  run('ip', 'link', 'set', bridge, 'up')
  return Promise.all(
    Array.from({ length: count }, (_, i) => createIsland(scope, bridge, `${id}-${i}`, `${net}.${i + 2}`)),
  )
}

async function createIsland(scope: Scope, bridge: string, id: string, ip: string): Promise<Island> {
  // A namespace lives as long as a process in it.
  const { pid } = scope.spawn('unshare', ['--net', 'sleep', 'infinity'], { name: `island ${ip}` })
  const own = readlinkSync('/proc/self/ns/net')
  await eventually('the namespace is there', () => readlinkSync(`/proc/${pid}/ns/net`) !== own)
  const under = ['nsenter', '--target', String(pid), '--net']
  run('ip', 'link', 'add', `v${id}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid))
  run('ip', 'link', 'set', `v${id}`, 'master', bridge, 'up')
  run(...under, 'ip', 'addr', 'add', `${ip}/24`, 'dev', 'eth0')
  for (const device of ['eth0', 'lo']) run(...under, 'ip', 'link', 'set', device, 'up')
  return { ip, under }
}

/** From now on nothing goes from one to the other, in either direction, and nobody is told. */
export function cut(a: Island, b: Island): void {
  // Packets go to a card that nobody has.
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    run(
      ...from.under,
      'ip',
      'neigh',
      'replace',
      to.ip,
      'lladdr',
      '02:00:00:00:00:ff',
      'dev',
      'eth0',
      'nud',
      'permanent',
    )
}

export function heal(a: Island, b: Island): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    run(...from.under, 'ip', 'neigh', 'del', to.ip, 'dev', 'eth0')
}
