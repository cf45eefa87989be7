// The sentinel's HTTP port: metrics for Prometheus, health for orchestrators, the primary's address for load balancers.
//
//   /healthz   200 while the process runs its loop
//   /readyz    200 once the group is formed, a leader is known and every primary's address is certain; 503 says what is missing
//   /primary   ?name=…: the primary as JSON; 200 while it is up, 503 while it is not, 404 for an unknown name
//   /status    what SENTINEL VEDETTE-STATUS says
//   /          the console; /events is what it shows as it changes, /picture the same for whoever cannot read a stream
//   /failover  POST: a switchover, for the console, where a token is configured (switchover.ts)
//   /history   ?name=…: the failovers of a group, or of all, newest first
//   /outlook   ?name=…: who would become primary if the present one died now
//   /metrics   Prometheus text
import { monotonicMs } from '../io/clock.ts'
import { type HttpReply, type HttpServer, startHttpOnFirst } from '../io/http.ts'
import type { HttpGuard } from '../io/http-guard.ts'
import type { Log } from '../io/log.ts'
import type { Tls } from '../io/tls/tls.ts'
import { expositionOf } from '../metrics/table.ts'
import { isCertain } from '../sentinel/certainty.ts'
import { obstacleOf } from '../sentinel/obstacle.ts'
import type { CoreState } from '../sentinel/state.ts'
import { topoOf } from '../sentinel/state.ts'
import { statusOf } from './commands/info.ts'
import { consolePage } from './console-page.ts'
import { historyOf } from './history.ts'
import type { Live } from './live.ts'
import type { Observer } from './observe.ts'
import { outlookReport } from './outlook.ts'
import type { Sentinel } from './sentinel.ts'
import { createSwitchover } from './switchover.ts'

export interface HttpPortOptions {
  readonly host: string
  /** Ports to try in order; 0 is any free one. */
  readonly ports: readonly number[]
  readonly sentinel: Sentinel
  readonly observer: Observer
  readonly status: () => string
  readonly live: Live
  /** What a switchover over HTTP takes; undefined: none is possible. */
  readonly token: string | undefined
  readonly guard: HttpGuard | undefined
  readonly tls: Tls | undefined
  readonly log: Log
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** Opens the first of the ports that can be had. */
export function openHttp(options: HttpPortOptions): Promise<HttpServer> {
  const { sentinel, observer, host, live, token, log, guard, tls } = options
  const core = sentinel.core.state
  const routes = {
    '/': consolePage(),
    '/picture': () => json(live.picture().map(({ name, data }) => [name, JSON.parse(data)])),
    '/healthz': () => ({ body: 'ok\n' }),
    '/readyz': () => readiness(core, monotonicMs()),
    '/primary': ({ query }: { query: URLSearchParams }) => primary(core, query.get('name')),
    '/status': () => ({ type: JSON_TYPE, body: options.status() }),
    '/history': ({ query }: { query: URLSearchParams }) => history(core, query.get('name')),
    '/outlook': ({ query }: { query: URLSearchParams }) => outlook(core, query.get('name')),
    '/metrics': async () => {
      observer.collect(monotonicMs())
      return { type: observer.registry.contentType, body: await expositionOf(observer.registry) }
    },
  }
  const onError = (error: unknown, path: string): void => log.warning(`HTTP ${path}: ${String(error)}`)
  const onRefused = (why: string): void => log.warning(why)
  const switchover = createSwitchover({ token, request: sentinel.request, onRefused, nowMs: monotonicMs })
  const [posts, streams] = [{ '/failover': switchover }, { '/events': live.stream }]
  return startHttpOnFirst(options.ports, {
    host,
    routes,
    posts,
    streams,
    onError,
    guard,
    tls,
    open: ['/healthz', '/readyz'],
  })
}

/** What is missing until this sentinel can be relied on. */
function readiness(core: CoreState, nowMs: number): HttpReply {
  const obstacle = obstacleOf(core, nowMs)
  const missing = [
    ...(core.formed === undefined ? ['the group of sentinels is not formed yet'] : []),
    ...(core.formed !== undefined && core.raft.leader === undefined ? ['the sentinels have no leader'] : []),
    ...(isCertain(core, nowMs) ? [] : ['it has not heard the leader yet, and a failover may have been missed']),
    ...(obstacle === undefined ? [] : [obstacle]),
    ...(core.provisional.groups.size > 0
      ? [`not yet agreed on: ${[...core.provisional.groups.keys()].join(' ')}`]
      : []),
  ]
  return missing.length === 0 ? { body: 'ready\n' } : { status: 503, body: `${missing.join('\n')}\n` }
}

/** The group that a request names; the only one needs no name. */
const nameOf = (core: CoreState, asked: string | null): string =>
  asked ?? (core.groups.size === 1 ? [...core.groups.keys()][0]! : '')

const noSuchGroup = (path: string): HttpReply => ({
  status: 404,
  body: `no such group; name it as in ${path}?name=mymaster\n`,
})

const json = (value: unknown): HttpReply => ({ type: JSON_TYPE, body: `${JSON.stringify(value)}\n` })

function history(core: CoreState, asked: string | null): HttpReply {
  if (asked !== null && !core.groups.has(asked)) return noSuchGroup('/history')
  return json(historyOf(core, asked ?? undefined))
}

function outlook(core: CoreState, asked: string | null): HttpReply {
  const name = nameOf(core, asked)
  return core.groups.has(name) ? json(outlookReport(core, name, monotonicMs())) : noSuchGroup('/outlook')
}

function primary(core: CoreState, asked: string | null): HttpReply {
  const name = nameOf(core, asked)
  const topo = topoOf(core, name)
  if (topo === undefined) return noSuchGroup('/primary')
  if (!isCertain(core, monotonicMs()))
    return { status: 503, body: 'this sentinel has not heard the leader yet, and names nobody until then\n' }
  const state = statusOf(core, name)
  const { host, port } = topo.primary
  return {
    status: state === 'ok' ? 200 : 503,
    type: JSON_TYPE,
    body: `${JSON.stringify({ name, host, port, epoch: topo.configEpoch, status: state })}\n`,
  }
}
