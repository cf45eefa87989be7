// The sentinel process: opens its state, its ports and its transport, and joins them to the sentinel. The order matters for
// the start: all ports are taken first, watching begins at once, while libp2p is still being loaded, and the others are told of
// this sentinel when it can be reached; metrics come last.
import net from 'node:net'
import { join, resolve } from 'node:path'
import { portChoices } from '../config/ports.ts'
import {
  GOSSIP_PORT_OFFSET,
  HTTP_PORT_OFFSET,
  type MonitoredGroup,
  type SentinelOptions,
} from '../config/sentinel-options.ts'
import { monotonicMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import { loadOrCreatePeerKey, type PeerKey } from '../io/gossip/identity.ts'
import { refuseOpenGossip } from '../io/gossip/swarm-key.ts'
import { startGossip } from '../io/gossip.ts'
import type { HttpServer } from '../io/http.ts'
import { openHttpGuard } from '../io/http-guard.ts'
import { type DirectoryLock, lockDirectory } from '../io/lock.ts'
import type { Log } from '../io/log.ts'
import { raisePriority } from '../io/priority.ts'
import { makeStateDirectory, openStateFile } from '../io/state/file.ts'
import type { StateStore } from '../io/state/store.ts'
import { openTls, type Tls } from '../io/tls/tls.ts'
import type { Peer, PeerTransport } from '../io/transport.ts'
import type { PeerAddress } from '../sentinel/effects.ts'
import { EVENTS, type EventName } from '../sentinel/events.ts'
import type { GroupConfig } from '../sentinel/settings.ts'
import { listenError, type ReservedPort, reservePort, resolveHost, specific } from './addresses.ts'
import { runScripts } from './announce.ts'
import type { SliceKeeper } from './endpoint-slice.ts'
import { processFacts } from './facts.ts'
import { followHostnames } from './hostnames.ts'
import { decodeIdentity, type Identity, loadIdentity } from './identity.ts'
import { keepSlices } from './kubernetes.ts'
import type { Live } from './live.ts'
import { changeOption, shownOptions } from './live-options.ts'
import type { Observer } from './observe.ts'
import { openPort, type PortOptions, type RespPort } from './port.ts'
import { createScripts, type Scripts } from './scripts.ts'
import { type Sentinel, startSentinel as startWatching } from './sentinel.ts'
import { createShownHost } from './shown-address.ts'
import { statusOfSentinel } from './status.ts'

/** A running sentinel. `closed` resolves with the exit code when it has ended, for whatever reason. */
export interface RunningSentinel {
  readonly port: number
  /** 0 when HTTP is off. */
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

/** Starts a sentinel; rejects with an error that says what is wrong, with everything closed again. */
export async function startSentinel(options: SentinelOptions, log: Log): Promise<RunningSentinel> {
  const gossipHost = options['gossip-bind'] || (options.swarmKey === undefined ? '127.0.0.1' : '0.0.0.0')
  refuseOpenGossip(gossipHost, options.swarmKey)
  raisePriority(options['process-nice'])
  const lock = await lockState(options.dir, log)
  let process: Process
  try {
    process = createProcess(options, log, lock, openStateFile(options.dir), openTls(options, log))
  } catch (error) {
    lock.release()
    throw error
  }
  try {
    const groups = await Promise.all(options.groups.map((group) => groupConfig(process, group)))
    return await open(process, groups, gossipHost)
  } catch (error) {
    await process.close(1)
    throw error
  }
}

/** Makes the state's directory this process's own. Who loses it ends at once: to write on could mean to vote twice. */
function lockState(directory: string, log: Log): Promise<DirectoryLock> {
  makeStateDirectory(directory)
  const onLost = (reason: string): void => {
    log.warning(`The state directory is lost, the process ends: ${reason}`)
    process.exit(1)
  }
  return lockDirectory(directory, { name: '.lock', onLost })
}

/** What has been opened so far, and how it all ends. */
interface Process {
  readonly options: SentinelOptions
  readonly log: Log
  readonly lock: DirectoryLock
  readonly store: StateStore
  readonly tls: Tls
  readonly startedMs: number
  readonly scripts: Scripts
  sentinel?: Sentinel
  port?: RespPort
  transport?: PeerTransport
  http?: HttpServer
  observer?: Observer
  live?: Live
  slices?: readonly SliceKeeper[]
  /** Tells the others that this sentinel is reached elsewhere now. */
  relocate?: () => void
  /** Held for listeners that open later. */
  readonly reserved: ReservedPort[]
  readonly closed: Promise<number>
  /** Ends everything, once; `closed` then resolves with the code. */
  close(code: number): Promise<void>
  /** The same in good order: a leader first hands over. */
  stop(): Promise<void>
}

function createProcess(options: SentinelOptions, log: Log, lock: DirectoryLock, store: StateStore, tls: Tls): Process {
  let end: (code: number) => void = () => {}
  let closing: Promise<void> | undefined
  const running: Process = {
    options,
    log,
    lock,
    store,
    tls,
    startedMs: monotonicMs(),
    reserved: [],
    scripts: createScripts({
      nowMs: monotonicMs,
      directory: resolve(options.dir),
      timing: () => running.sentinel!.core.state.timing,
      onEvent: (name, payload) => tell(running, name, payload),
      onFailure: (message) => log.warning(message),
    }),
    closed: new Promise<number>((resolve) => {
      end = resolve
    }),
    close(code) {
      closing ??= closeAll(running).finally(() => end(code))
      return closing
    },
    async stop() {
      if (closing === undefined) await handOver(running.sentinel)
      await running.close(0)
    },
  }
  return running
}

/** Tells the log and, unless it is for those who look for faults only, the subscribers of an event. */
function tell({ log, port }: Process, name: EventName, payload: string): void {
  const { level } = EVENTS[name]
  log[level](`${name} ${payload}`)
  if (level !== 'debug') port?.publish(name, payload)
}

async function closeAll(running: Process): Promise<void> {
  const { sentinel, port, http, transport, store, lock, scripts, reserved, live, tls, slices = [] } = running
  scripts.stop()
  tls.clear()
  live?.stop()
  for (const slice of slices) slice.stop()
  sentinel?.stop()
  port?.close()
  await Promise.all([http?.stop(), transport?.stop(), ...reserved.map((held) => held.release())])
  try {
    store.close()
  } finally {
    lock.release()
  }
}

async function handOver(sentinel: Sentinel | undefined): Promise<void> {
  const consensus = sentinel?.consensus
  if (consensus === undefined || !consensus.isLeader() || consensus.status().membership.voters.length < 2) return
  consensus.handOver()
  const untilMs = monotonicMs() + HAND_OVER_MS
  while (consensus.isLeader() && monotonicMs() < untilMs) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function open(running: Process, groups: readonly GroupConfig[], gossipHost: string): Promise<RunningSentinel> {
  const { options, log, store } = running
  for (const warning of store.warnings) log.warning(warning)
  const key = loadOrCreatePeerKey(join(options.dir, KEY_FILE))
  const identity = loadIdentity(store, () => randomHex(40))
  const hold = async (host: string, choices: readonly number[]): Promise<ReservedPort> => {
    const held = await reservePort(host, choices)
    running.reserved.push(held)
    return held
  }
  const gossipHeld = await hold(gossipHost, portChoices(options['gossip-port'], options.port, GOSSIP_PORT_OFFSET))
  const gossipPort = gossipHeld.port
  const httpChoice = options['http-port']
  const httpHeld =
    httpChoice === 'off'
      ? undefined
      : await hold(options['http-bind'], portChoices(httpChoice, options.port, HTTP_PORT_OFFSET))
  const failures = new Set<string>()
  const port = await openPort(portOptions(running, identity, failures)).catch((error: NodeJS.ErrnoException) => {
    throw listenError(options.port, error)
  })
  running.port = port
  const sentinel = watch(running, { groups, key, identity, gossipHost, gossipPort, failures, port })
  running.sentinel = sentinel
  const forget = followHostnames(sentinel, options.groups, (host) => lookUp(options, host))
  void running.closed.then(forget)
  log.notice(`Sentinel ID is ${identity.runId}, peer ID ${key.peerId}; port ${port.port}, gossip port ${gossipPort}`)
  const transport = await gossip(running, sentinel, key, gossipHost, gossipHeld)
  running.slices = keepSlices(options, sentinel, log)
  const http = httpHeld && (await observe(running, sentinel, httpHeld))
  const { closed, stop } = running
  return { port: port.port, httpPort: http?.port ?? 0, gossipPort: transport.port, closed, stop }
}

function portOptions(running: Process, identity: Identity, failures: Set<string>): PortOptions {
  const { options, log } = running
  return {
    bind: options.bind,
    port: options.port,
    unixsocket: options.unixsocket,
    unixsocketperm: options.unixsocketperm,
    tlsPort: options['tls-port'],
    tls: running.tls,
    maxClients: options.maxclients,
    protectedMode: () => options['protected-mode'],
    users: options,
    onError: (message) => log.warning(message),
    host: {
      get sentinel() {
        return running.sentinel!
      },
      log,
      facts: () => processFacts(options, running.port?.port ?? 0, identity.runId, monotonicMs() - running.startedMs),
      denyScripts: options['deny-scripts-reconfig'],
      status: () => statusText(running),
      config: () => shownOptions(options),
      configure(name, value) {
        const done = changeOption(options, name, value)
        if ('error' in done) return done.error
        if (done.changed === 'announce-ip' || done.changed === 'announce-port') running.relocate?.()
        return undefined
      },
      shownHost: (ref) => createShownHost(options, running.sentinel!.core.state, running.sentinel!.links)(ref),
      directory: resolve(options.dir),
      failures,
      scripts: running.scripts,
      shutdown: () => void running.stop(),
      resolve: (host) => lookUp(options, host),
    },
  }
}

const statusText = (running: Process): string => JSON.stringify(statusOfSentinel(running.sentinel!, monotonicMs()))

interface WatchParts {
  readonly groups: readonly GroupConfig[]
  readonly key: PeerKey
  readonly identity: Identity
  readonly gossipHost: string
  readonly gossipPort: number
  readonly failures: ReadonlySet<string>
  readonly port: RespPort
}

function watch(
  running: Process,
  { groups, key, identity, gossipHost, gossipPort, failures, port }: WatchParts,
): Sentinel {
  const { options, log, store } = running
  const addresses = () => ({
    gossip: {
      host: options['gossip-announce-ip'] || options['announce-ip'] || specific(gossipHost),
      port: gossipPort,
    },
    resp: {
      host: options['announce-ip'],
      port: options['announce-port'] || (options['tls-replication'] && options['tls-port']) || port.port,
    },
  })
  running.relocate = () => running.sentinel?.move(addresses().resp, addresses().gossip)
  return startWatching({
    secure: () => (options['tls-replication'] ? running.tls.dialling() : undefined),
    passwordFiles: passwordFiles(options),
    peer: key.peerId,
    ...addresses(),
    groups,
    heartbeatMs: options['heartbeat-interval-milliseconds'],
    electionTimeoutMs: options['election-timeout-milliseconds'],
    expect: options.expect,
    name: options['announce-id'],
    replaceAfterMs: options['dead-sentinel-timeout'],
    store,
    identity,
    log,
    onPing: (group, ms) => running.observer?.notePing(group, ms),
    onHeartbeat: (peer, ms) => running.observer?.noteHeartbeat(peer, ms),
    onEvent: (name, payload, group) => {
      tell(running, name, payload)
      running.observer?.note(name, payload)
      running.live?.poke()
      for (const slice of running.slices ?? []) slice.poke()
      if (running.sentinel !== undefined && group !== undefined)
        runScripts(running.sentinel.core.state, running.scripts, group, name, payload)
      if (!simulates(failures, name)) return
      log.warning(`Simulated failure at ${name}: this sentinel crashes, as it was told to`)
      void running.close(SIMULATED_CRASH)
    },
    onFatal: (error) => {
      log.warning(`This sentinel ends, because it could break its promises: ${error.message}`)
      void running.close(1)
    },
  })
}

const simulates = (failures: ReadonlySet<string>, event: string): boolean =>
  (event === '+elected-leader' && failures.has('crash-after-election')) ||
  (event === '+promoted-slave' && failures.has('crash-after-promotion'))

async function gossip(
  running: Process,
  sentinel: Sentinel,
  key: PeerKey,
  host: string,
  { port, release }: ReservedPort,
): Promise<PeerTransport> {
  const transport = await startGossip(
    { key, host, port, swarmKey: running.options.swarmKey, beforeListen: release },
    {
      onMessage: (from, bytes) => sentinel.receive(from, bytes),
      onPeer: (peer, connected) => sentinel.peerLink(peer, connected),
      onWarning: (text) => running.log.warning(text),
    },
  )
  running.transport = transport
  const tookMs = Math.round(monotonicMs() - running.startedMs)
  running.log.notice(`Talking to the other sentinels on ${host}:${transport.port}, ${tookMs} ms after the start`)
  sentinel.attach({
    setPeers: (peers, hints) => transport.setPeers(toPeers(peers, hints)),
    send: (to, bytes) => void transport.send(to, bytes),
    broadcast: (bytes) => void transport.broadcast(bytes),
  })
  return transport
}

/** What the transport is to dial: a hint about a peer is one more address of it. */
function toPeers(peers: readonly PeerAddress[], hints: readonly PeerAddress[]): Peer[] {
  const known = new Set(peers.map(({ peer }) => peer))
  const hinted = new Map(hints.map(({ peer, gossip }) => [peer, gossip]))
  const strangers = hints.filter(({ peer }) => !known.has(peer))
  return [...peers, ...strangers].map(({ peer, gossip }) => {
    const other = known.has(peer) ? hinted.get(peer) : undefined
    return { id: peer, ...gossip, ...(other === undefined ? {} : { also: other }) }
  })
}

/** Metrics and HTTP come last: nothing waits for them, and loading them takes time from the start. */
async function observe(running: Process, sentinel: Sentinel, held: ReservedPort): Promise<HttpServer> {
  const { options, log, store } = running
  const [{ createObserver }, { openHttp }, { createLive }] = await Promise.all([
    import('./observe.ts'),
    import('./http.ts'),
    import('./live.ts'),
  ])
  const observer = createObserver({
    sentinel,
    store,
    transport: () => running.transport,
    expiries: running.tls.expiries,
  })
  const host = options['http-bind']
  await held.release()
  const { consoleToken: token, 'http-password-file': password, 'http-tls': secure } = options
  const live = createLive(sentinel, token !== undefined, monotonicMs)
  running.live = live
  running.http = await openHttp({
    host,
    ports: [held.port],
    sentinel,
    observer,
    live,
    token,
    guard: openHttpGuard(password, log),
    tls: secure ? running.tls : undefined,
    log,
    status: () => statusText(running),
  })
  running.observer = observer
  log.notice(`Metrics and health: http${secure ? 's' : ''}://${host}:${running.http.port}, where the console is, too`)
  return running.http
}

/** The address of a server, which may be given by name unless `resolve-hostnames no` says otherwise. */
const lookUp = async (options: SentinelOptions, host: string): Promise<string | undefined> =>
  options['resolve-hostnames'] || net.isIP(host) !== 0 ? resolveHost(host) : undefined

/** How often a name that does not resolve is looked up again. */
const RESOLVE_AGAIN_MS = 1_000

/**
 * A group of the file. A name that does not resolve is no reason to end for a sentinel that knows from an earlier run what it
 * watches: it looks the name up again and again. Without that it would know no server to watch: it ends, as Redis's does.
 */
async function groupConfig(running: Process, group: MonitoredGroup): Promise<GroupConfig> {
  const host = await lookUp(running.options, group.host)
  if (host === undefined) {
    const { identity } = running.store.state
    if (identity === undefined || decodeIdentity(identity)?.group === undefined)
      throw new Error(`Can't resolve instance hostname: ${group.host} of ${group.name}`)
    running.log.warning(
      `Can't resolve instance hostname: ${group.host} of ${group.name}. It goes on with what it knows, and tries again.`,
    )
    resolveLater(running, group)
  }
  return {
    unresolved: host === undefined,
    name: group.name,
    hostname: net.isIP(group.host) === 0 ? group.host : undefined,
    primary: { host: host ?? group.host, port: group.port },
    quorum: group.quorum,
    remembered: group.remembered.filter(({ host: ip }) => net.isIP(ip) !== 0),
    settings: {
      downAfterMs: group['down-after-milliseconds'],
      failoverTimeoutMs: group['failover-timeout'],
      parallelSyncs: group['parallel-syncs'],
      authUser: group['auth-user'],
      authPass: group['auth-pass'],
      notificationScript: group['notification-script'],
      clientReconfigScript: group['client-reconfig-script'],
      rebootDownAfterMs: group['master-reboot-down-after-period'],
      writeMode: group['write-mode'],
      leaseMs: group['lease-milliseconds'],
      syncReplicas: group['sync-replicas'],
      deadReplicaMs: group['dead-replica-timeout'],
      failoverIntervalMs: group['failover-interval'],
      renames: group['rename-command'],
    },
  }
}

function resolveLater(running: Process, { name, host, port }: MonitoredGroup): void {
  const timer = setInterval(() => {
    void lookUp(running.options, host).then((ip) => {
      if (ip === undefined || running.sentinel === undefined) return
      clearInterval(timer)
      running.log.notice(`${host} of ${name} is ${ip}.`)
      running.sentinel.resolved(name, { host: ip, port })
    })
  }, RESOLVE_AGAIN_MS)
  void running.closed.then(() => clearInterval(timer))
}

const passwordFiles = ({ groups }: SentinelOptions): ReadonlyMap<string, string> =>
  new Map(groups.flatMap((group) => (group['auth-pass-file'] === '' ? [] : [[group.name, group['auth-pass-file']]])))
