// The server's HTTP port: metrics for Prometheus, health for orchestrators and load balancers. Off unless asked for.
//
//   /healthz   200 while the process runs its loop
//   /readyz    200 once data are loaded and, on a replica, the link to the primary is up; 503 says what is missing
//   /primary   200 while clients may write here, else 503: for a load balancer's check of a write pool
//   /replica   200 while this is a replica whose link is up and, with ?lag=…, heard its primary at most so many seconds ago
//   /metrics   Prometheus text

import { type HttpReply, type HttpServer, startHttpOnFirst } from '../io/http.ts'
import type { HttpGuard } from '../io/http-guard.ts'
import type { Tls } from '../io/tls/tls.ts'
import { expositionOf } from '../metrics/table.ts'
import type { Observer } from './observe.ts'

/** What the health endpoints ask the server. */
export interface Health {
  readonly loading: () => boolean
  /** The group whose sentinels have not named the primary yet; undefined: a role was taken. */
  readonly undecided: () => string | undefined
  readonly isReplica: () => boolean
  readonly linkUp: () => boolean
  /** Seconds since anything came from the primary; only of a replica whose link is up. */
  readonly silenceSeconds: () => number
  readonly writable: () => boolean
}

export interface HttpPortOptions {
  readonly host: string
  /** Ports to try in order; 0 is any free one. */
  readonly ports: readonly number[]
  readonly observer: Observer
  readonly health: Health
  readonly onError: (message: string) => void
  readonly guard: HttpGuard | undefined
  readonly tls: Tls | undefined
}

/** Opens the first of the ports that can be had; rejects with an error that names the address. */
export function openHttp({ host, ports, observer, health, onError, guard, tls }: HttpPortOptions): Promise<HttpServer> {
  return startHttpOnFirst(ports, {
    host,
    guard,
    tls,
    open: ['/healthz', '/readyz', '/primary', '/replica'],
    routes: {
      '/healthz': () => ({ body: 'ok\n' }),
      '/readyz': () => readiness(health),
      '/primary': () => (health.writable() ? { body: 'writable\n' } : unavailable('clients may not write here')),
      '/replica': ({ query }) => replica(health, query.get('lag')),
      '/metrics': async () => {
        observer.collect()
        return { type: observer.registry.contentType, body: await expositionOf(observer.registry) }
      },
    },
    onError: (error, path) => onError(`HTTP ${path}: ${String(error)}`),
  })
}

const unavailable = (why: string): HttpReply => ({ status: 503, body: `${why}\n` })

function readiness(health: Health): HttpReply {
  if (health.loading()) return unavailable('data are being loaded')
  const group = health.undecided()
  if (group !== undefined) return unavailable(`the sentinels have not named the primary of ${group} yet`)
  if (health.isReplica() && !health.linkUp()) return unavailable('the link to the primary is down')
  return { body: 'ready\n' }
}

function replica(health: Health, lag: string | null): HttpReply {
  const seconds = lag === null ? Number.POSITIVE_INFINITY : Number(lag)
  if (Number.isNaN(seconds) || seconds < 0)
    return { status: 400, body: 'lag is a number of seconds, as in /replica?lag=2\n' }
  if (!health.isReplica()) return unavailable('this is no replica')
  if (health.loading()) return unavailable('data are being loaded')
  if (!health.linkUp()) return unavailable('the link to the primary is down')
  const silence = health.silenceSeconds()
  return silence <= seconds ? { body: 'in sync\n' } : unavailable(`nothing came from the primary for ${silence} s`)
}
