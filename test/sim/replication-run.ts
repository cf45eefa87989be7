// One run of the replication simulator: servers that write, in many databases, follow each other, are promoted, killed and started
// again from snapshots, over a network that cuts their links. Then all is healed, and everybody must have the same.
//
// The promise: whoever is at the same offset of the same history has the same data.
import { vi } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { check, NoProgress } from './outcome.ts'
import { type Disk, type ReplicatingServer, startReplicatingServer } from './replicating-server.ts'
import { createReplicationNetwork } from './replication-network.ts'

const SERVERS = 4
const FAULTS_MS = 5_000
const STEP_MS = 20
const LOOK_MS = 5
const HEAL_MS = 40_000
const DATABASES = 16

/** What was seen, so that a run that tests nothing is noticed. */
export interface ReplicationTally {
  /** Servers that were at a place where another one had been. */
  compared: number
  promotions: number
  restarts: number
  full: number
  partial: number
}

export function runReplication(seed: number, print?: (line: string) => void): ReplicationTally {
  vi.useFakeTimers()
  try {
    return run(seed, print)
  } finally {
    vi.useRealTimers()
  }
}

function run(seed: number, print: (line: string) => void = () => {}): ReplicationTally {
  const random = seededRandom(seed, 0x4e71)
  const tally: ReplicationTally = { compared: 0, promotions: 0, restarts: 0, full: 0, partial: 0 }
  const say = (text: string): void => print(`${performance.now().toFixed(0).padStart(6)} ${text}`)
  const network = createReplicationNetwork(random)
  const world = {
    network,
    keyMs: () => random.below(4),
    log(name: string, text: string) {
      if (text.startsWith('Full resync from master')) tally.full++
      if (text.startsWith('Successful partial')) tally.partial++
      say(`${name} ${text}`)
    },
  }
  const names = Array.from({ length: SERVERS }, (_, i) => `s${i}`)
  const disks = new Map<string, Disk>(names.map((name) => [name, { snapshot: undefined }]))
  const servers = names.map((name, i) =>
    startReplicatingServer(world, name, disks.get(name)!, i === 0 ? undefined : 's0'),
  )
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)]!
  const checker = createChecker(tally)

  const faults: Record<string, () => void> = {
    cut() {
      const [a, b] = [pick(names), pick(names)]
      say(`cut ${a} ${b}`)
      network.cut(a, b, random.below(2_000))
    },
    save: () => pick(servers).save(random.below(2) === 0),
    restart() {
      const i = random.below(SERVERS)
      const { name } = servers[i]!
      const wasPrimary = servers[i]!.isPrimary()
      const primary = wasPrimary && random.below(3) > 0 ? undefined : pick(names.filter((other) => other !== name))
      say(`restart ${name}, as ${primary === undefined ? 'a primary' : `a replica of ${primary}`}`)
      servers[i]!.kill()
      servers[i] = startReplicatingServer(world, name, disks.get(name)!, primary)
      tally.restarts++
    },
    promote() {
      const server = pick(servers)
      if (server.isPrimary()) return
      say(`promote ${server.name}`)
      server.call('REPLICAOF', 'NO', 'ONE')
      tally.promotions++
    },
    follow() {
      const server = pick(servers)
      const other = pick(servers.filter((one) => one !== server))
      say(`${server.name} follows ${other.name}`)
      server.call('REPLICAOF', other.name, '6379')
    },
  }

  const step = (): void => {
    for (const server of servers)
      if (server.isPrimary()) for (let i = random.below(4); i > 0; i--) write(server, random)
    checker.look(servers)
    for (let ms = 0; ms < STEP_MS; ms += LOOK_MS) {
      vi.advanceTimersByTime(LOOK_MS)
      checker.look(servers)
    }
  }
  while (performance.now() < FAULTS_MS) {
    if (random.below(12) === 0) faults[pick(Object.keys(faults))]!()
    step()
  }

  say('everything is healed')
  const leader = pick(servers)
  leader.call('REPLICAOF', 'NO', 'ONE')
  for (const server of servers) if (server !== leader) server.call('REPLICAOF', leader.name, '6379')
  const deadlineMs = performance.now() + HEAL_MS
  while (new Set(servers.map((server) => server.place())).size > 1 || leader.place() === '') {
    if (performance.now() > deadlineMs)
      throw new NoProgress(servers.map((one) => `${one.name}: ${one.place()}`).join(', '))
    vi.advanceTimersByTime(STEP_MS)
    checker.look(servers)
  }
  for (const server of servers) server.kill()
  return tally
}

/** Remembers the digest of every place in a history that a server was seen at. */
function createChecker(tally: ReplicationTally) {
  const digests = new Map<string, { readonly digest: string; readonly by: string }>()
  const seen = new Map<ReplicatingServer, string>()
  return {
    look(servers: readonly ReplicatingServer[]): void {
      for (const server of servers) {
        const place = server.place()
        if (place === '' || seen.get(server) === place) continue
        seen.set(server, place)
        const state = server.state()
        for (const name of state?.names ?? []) {
          const known = digests.get(name)
          if (known === undefined) digests.set(name, { digest: state!.digest, by: server.name })
          else if (known.by !== server.name) tally.compared++
          check(
            known === undefined || known.digest === state!.digest,
            () => `${server.name} and ${known!.by} differ at ${name}, at ${performance.now().toFixed(0)} ms`,
          )
        }
      }
    },
  }
}

/** A client that writes something into some database. */
function write(server: ReplicatingServer, { below }: ReturnType<typeof seededRandom>): void {
  const key = (): string => `k${below(12)}`
  const db = String(below(DATABASES))
  // Seldom: a stream that goes on in the database of the last write says nothing of it.
  if (below(5) === 0) server.call('SELECT', db)
  const value = String(below(1_000_000))
  const writes: readonly (() => readonly string[])[] = [
    () => ['SET', key(), value],
    () => ['SET', key(), value, 'EX', '100000'],
    () => ['APPEND', 's', 'x'],
    () => ['INCR', 'n'],
    () => ['DEL', key(), key()],
    () => ['RPUSH', 'list', value],
    () => ['LPOP', 'list'],
    () => ['SADD', 'set', value],
    () => ['SPOP', 'set'],
    () => ['HSET', 'hash', key(), value],
    () => ['ZADD', 'zset', value, key()],
    () => ['COPY', key(), key(), 'DB', db, 'REPLACE'],
    () => ['MOVE', key(), db],
    () => ['SWAPDB', db, String(below(DATABASES))],
    () => ['EXPIRE', key(), '100000'],
  ]
  const one = (): readonly string[] => writes[below(writes.length)]!()
  if (below(40) === 0) server.call('FLUSHDB')
  if (below(5) > 0) server.call(...one())
  else for (const argv of [['MULTI'], one(), one(), ['SELECT', db], one(), ['EXEC']]) server.call(...argv)
}
