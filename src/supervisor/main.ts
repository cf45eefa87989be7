// The sentinel process: opens its state, its ports and its transport, and joins them to the sentinel. The order matters for
// the start: watching and hellos begin at once, while libp2p is still being loaded.
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import {
  GOSSIP_PORT_OFFSET,
  type MonitoredGroup,
  portChoices,
  type SentinelOptions,
} from '../config/sentinel-options.ts'
import { monotonicMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import { loadOrCreatePeerKey } from '../io/gossip/identity.ts'
import { refuseOpenGossip } from '../io/gossip/swarm-key.ts'
import { startGossip } from '../io/gossip.ts'
import type { Log } from '../io/log.ts'
import { openStateFile } from '../io/state/file.ts'
import type { StateStore } from '../io/state/store.ts'
import type { PeerTransport } from '../io/transport.ts'
import { isHost } from '../sentinel/address.ts'
import type { PeerAddress } from '../sentinel/effects.ts'
import type { GroupConfig } from '../sentinel/settings.ts'
import type { CommandHost, ProcessFacts } from './commands/spec.ts'
import { openPort, type RespPort } from './port.ts'
import { loadIdentity, type Sentinel, startSentinel as startWatching } from './sentinel.ts'
import { statusOfSentinel } from './status.ts'

/** A running sentinel. `closed` resolves with the exit code when it has ended, for whatever reason. */
export interface RunningSentinel {
  readonly port: number
  readonly httpPort: number
  readonly gossipPort: number
  stop(): Promise<void>
  readonly closed: Promise<number>
}

const KEY_FILE = 'peer.key'
/** How long a leader that stops waits for another to take over. */
const HAND_OVER_MS = 300
/** Exit code after a simulated failure, as Redis Sentinel's. */
const SIMULATED_CRASH = 99

/** Starts a sentinel; rejects with an error that says what is wrong, having changed nothing. */
export async function startSentinel(options: SentinelOptions, log: Log): Promise<RunningSentinel> {
  const gossipHost = options['gossip-bind'] || (options.swarmKey === undefined ? '127.0.0.1' : '0.0.0.0')
  refuseOpenGossip(gossipHost, options.swarmKey)
  const groups = await Promise.all(options.groups.map(groupConfig))
  const store = openStateFile(options.dir)
  try {
    return await start({ options, log, store, groups, gossipHost })
  } catch (error) {
    store.close()
    throw error
  }
}

interface Parts {
  readonly options: SentinelOptions
  readonly log: Log
  readonly store: StateStore
  readonly groups: readonly GroupConfig[]
  readonly gossipHost: string
}

async function start({ options, log, store, groups, gossipHost }: Parts): Promise<RunningSentinel> {
  for (const warning of store.warnings) log.warning(warning)
  const key = loadOrCreatePeerKey(join(options.dir, KEY_FILE))
  const identity = loadIdentity(store, () => randomHex(40))
  const announce = options['announce-ip']
  const running: { sentinel?: Sentinel; port?: RespPort; transport?: PeerTransport } = {}
  const failures = new Set<string>()
  let end: (code: number) => void = () => {}
  const closed = new Promise<number>((resolve) => {
    end = resolve
  })
  let ended = false
  const close = async (code: number, graceful: boolean): Promise<void> => {
    if (ended) return
    ended = true
    if (graceful) await handOver(running.sentinel)
    running.sentinel?.stop()
    running.port?.close()
    await running.transport?.stop()
    store.close()
    end(code)
  }
  const startedMs = monotonicMs()
  const host: Omit<CommandHost, 'clients' | 'stats' | 'kill' | 'subscriptionsMax'> = {
    get sentinel() {
      return running.sentinel!
    },
    log,
    facts: () => factsOf(options, running.port?.port ?? 0, identity.runId, startedMs),
    password: () => options.requirepass,
    denyScripts: options['deny-scripts-reconfig'],
    status: () => JSON.stringify(statusOfSentinel(running.sentinel!, monotonicMs())),
    config: () => configOf(options),
    failures,
    shutdown: () => void close(0, true),
    resolve: resolveHost,
  }
  const gossipPort = await freePort(gossipHost, portChoices(options['gossip-port'], options.port, GOSSIP_PORT_OFFSET))
  const port = await openPort({
    bind: options.bind,
    port: options.port,
    maxClients: options.maxclients,
    protectedMode: () => options['protected-mode'],
    password: () => options.requirepass,
    host,
    onError: (message) => log.warning(message),
  }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(listenError(options.port, error), { cause: error })
  })
  running.port = port
  const sentinel = startWatching({
    peer: key.peerId,
    gossip: { host: options['gossip-announce-ip'] || announce || specific(gossipHost), port: gossipPort },
    resp: { host: announce, port: options['announce-port'] || port.port },
    groups,
    heartbeatMs: options['heartbeat-interval-milliseconds'],
    electionTimeoutMs: options['election-timeout-milliseconds'],
    expect: options.expect,
    store,
    identity,
    log,
    onEvent: (name, payload) => {
      port.publish(name, payload)
      if (simulates(failures, name)) {
        log.warning(`Simulated failure at ${name}: this sentinel crashes, as it was told to`)
        void close(SIMULATED_CRASH, false)
      }
    },
    onFatal: (error) => {
      log.warning(`This sentinel ends, because it could break its promises: ${error.message}`)
      void close(1, false)
    },
  })
  running.sentinel = sentinel
  log.notice(`Sentinel ID is ${identity.runId}, peer ID ${key.peerId}; port ${port.port}, gossip port ${gossipPort}`)
  const swarm = options.swarmKey
  const transport = await startGossip(
    { key, host: gossipHost, port: gossipPort, swarmKey: swarm },
    {
      onMessage: (from, bytes) => sentinel.receive(from, bytes),
      onPeer: (peer, connected) => sentinel.peerLink(peer, connected),
    },
  ).catch(async (error: Error) => {
    sentinel.stop()
    port.close()
    throw error
  })
  running.transport = transport
  log.notice(
    `Talking to the other sentinels on ${gossipHost}:${transport.port}, ${Math.round(monotonicMs() - startedMs)} ms after the start`,
  )
  sentinel.attach({
    setPeers: (peers) => transport.setPeers(peers.map(toPeer)),
    send: (to, bytes) => void transport.send(to, bytes),
    broadcast: (bytes) => void transport.broadcast(bytes),
  })
  return {
    port: port.port,
    httpPort: 0,
    gossipPort: transport.port,
    closed,
    stop: () => close(0, true).then(() => void closed),
  }
}

const toPeer = ({ peer, gossip }: PeerAddress) => ({ id: peer, ...gossip })

/** An address that others can connect to; empty for "every address". */
const specific = (host: string): string => (host === '0.0.0.0' || host === '::' ? '' : host)

const simulates = (failures: ReadonlySet<string>, event: string): boolean =>
  (event === '+elected-leader' && failures.has('crash-after-election')) ||
  (event === '+promoted-slave' && failures.has('crash-after-promotion'))

async function groupConfig(group: MonitoredGroup): Promise<GroupConfig> {
  const host = await resolveHost(group.host)
  if (host === undefined) throw new Error(`Can't resolve instance hostname: ${group.host} of ${group.name}`)
  return {
    name: group.name,
    primary: { host, port: group.port },
    quorum: group.quorum,
    settings: {
      downAfterMs: group['down-after-milliseconds'],
      failoverTimeoutMs: group['failover-timeout'],
      parallelSyncs: group['parallel-syncs'],
      authUser: group['auth-user'],
      authPass: group['auth-pass'],
      notificationScript: group['notification-script'],
      clientReconfigScript: group['client-reconfig-script'],
      rebootDownAfterMs: group['master-reboot-down-after-period'],
    },
  }
}

/** The IP address of a host; undefined when there is none. Servers know each other by address, so we do too. */
async function resolveHost(host: string): Promise<string | undefined> {
  if (net.isIP(host) !== 0) return host
  if (!isHost(host)) return undefined
  try {
    return (await lookup(host, { family: 4 })).address
  } catch {
    return undefined
  }
}

/** The first of the ports that can be listened on, for a listener that opens later. */
async function freePort(host: string, choices: readonly number[]): Promise<number> {
  for (const [i, choice] of choices.entries()) {
    try {
      return await probe(host, choice)
    } catch (error) {
      if (i === choices.length - 1)
        throw new Error(listenError(choice, error as NodeJS.ErrnoException), { cause: error })
    }
  }
  return 0
}

function probe(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const { port: bound } = server.address() as net.AddressInfo
      server.close(() => resolve(bound))
    })
  })
}

function listenError(port: number, { code, message }: NodeJS.ErrnoException): string {
  return code === 'EADDRINUSE'
    ? `Could not listen on port ${port}: another process uses it`
    : `Could not listen on port ${port}: ${message}`
}

async function handOver(sentinel: Sentinel | undefined): Promise<void> {
  const consensus = sentinel?.consensus
  if (consensus === undefined || !consensus.isLeader() || consensus.status().membership.voters.length < 2) return
  consensus.handOver()
  const untilMs = monotonicMs() + HAND_OVER_MS
  while (consensus.isLeader() && monotonicMs() < untilMs) await new Promise((resolve) => setTimeout(resolve, 10))
}

function factsOf(options: SentinelOptions, port: number, runId: string, startedMs: number): ProcessFacts {
  const cpu = process.cpuUsage()
  return {
    version: 'unreleased',
    pid: process.pid,
    port,
    runId,
    uptimeSeconds: Math.floor((monotonicMs() - startedMs) / 1000),
    configFile: '',
    executable: process.argv[1] ?? process.execPath,
    os: `${os.type()} ${os.release()} ${os.machine()}`,
    archBits: process.arch.includes('64') ? 64 : 32,
    cpu: { userSeconds: cpu.user / 1e6, systemSeconds: cpu.system / 1e6 },
    residentBytes: process.memoryUsage.rss(),
    maxClients: options.maxclients,
  }
}

/** What SENTINEL CONFIG GET shows. Passwords are not shown. */
const configOf = (options: SentinelOptions): Map<string, string> =>
  new Map([
    ['announce-ip', options['announce-ip']],
    ['announce-port', String(options['announce-port'])],
    ['announce-hostnames', options['announce-hostnames'] ? 'yes' : 'no'],
    ['resolve-hostnames', options['resolve-hostnames'] ? 'yes' : 'no'],
    ['loglevel', options.loglevel],
    ['expect', options.expect === undefined ? 'auto' : String(options.expect)],
    ['heartbeat-interval-milliseconds', String(options['heartbeat-interval-milliseconds'])],
    ['election-timeout-milliseconds', String(options['election-timeout-milliseconds'])],
  ])
