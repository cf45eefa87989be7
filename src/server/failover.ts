// FAILOVER: this primary hands its role to one of its replicas, without sentinels and without losing a write.
//
//   no-failover ──FAILOVER──▶ waiting-for-sync ──a replica has all, or FORCE──▶ failover-in-progress ──it answers──▶ no-failover
//                                    └── ABORT, time is up ──▶ no-failover          └── ABORT, it refuses ──▶ primary again
//
// Writes wait from the first step to the last. In progress this server is a replica already, so that there are never two
// primaries by our doing; the other one is made primary by PSYNC … FAILOVER, which the link sends.
import type { FailoverOrder } from '../commands/context.ts'
import { fail } from '../errors.ts'
import type { Log } from '../io/log.ts'
import { type AttachedReplica, replicaAddress } from '../replication/attached.ts'

/** The names are those of INFO. */
export type FailoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress'

/** What a failover needs of replication. */
export interface FailoverParts {
  readonly log: Log
  /** Makes whatever gets into the stream wait, or lets it go on. */
  readonly hold: (on: boolean) => void
  readonly isReplica: () => boolean
  readonly replicas: () => readonly AttachedReplica[]
  /** Up to where the stream is written. */
  readonly offset: () => number
  /** Becomes a replica of the chosen one. */
  readonly follow: (host: string, port: number) => void
  /** Becomes primary again. */
  readonly lead: () => void
  readonly monotonicMs: () => number
}

export interface Failover {
  state(): FailoverState
  begin(order: FailoverOrder): void
  /** FAILOVER ABORT. */
  abort(): void
  /** A replica may have all of the stream now, or time may be up. */
  check(): void
  /** The chosen one has answered PSYNC … FAILOVER: it is primary now, or it is not. */
  answered(accepted: boolean): void
}

interface UnderWay {
  readonly target: FailoverOrder['target']
  readonly force: boolean
  readonly untilMs: number
  inProgress: boolean
}

const isAt = (replica: AttachedReplica, host: string, port: number): boolean =>
  replicaAddress(replica).toLowerCase() === host.toLowerCase() && replica.listeningPort === port

/** The failovers of a server; there is one at a time at most. */
export function createFailover(parts: FailoverParts): Failover {
  const { log } = parts
  let current: UnderWay | undefined

  const end = (): void => {
    current = undefined
    parts.hold(false)
  }

  const giveUp = (failover: UnderWay, why: string): void => {
    const { target, inProgress } = failover
    log.notice(`FAILOVER to ${target === undefined ? 'any replica' : addressOf(target)} aborted: ${why}`)
    if (inProgress) parts.lead()
    end()
  }

  const proceed = (failover: UnderWay, { host, port }: Target): void => {
    current = { ...failover, target: { host, port }, inProgress: true }
    parts.follow(host, port)
  }

  /** The replica to hand over to, if it has all of the stream. */
  const synced = (target: Target | undefined): AttachedReplica | undefined => {
    const offset = parts.offset()
    return parts
      .replicas()
      .find(
        (replica) =>
          replica.state === 'online' &&
          replica.ackOffset === offset &&
          replica.listeningPort > 0 &&
          (target === undefined || isAt(replica, target.host, target.port)),
      )
  }

  const requireTarget = ({ host, port }: Target): void => {
    const replica = parts.replicas().find((one) => isAt(one, host, port))
    if (replica === undefined) fail('failoverTarget')
    if (replica.state !== 'online') fail('failoverOffline')
  }

  return {
    state() {
      if (current === undefined) return 'no-failover'
      return current.inProgress ? 'failover-in-progress' : 'waiting-for-sync'
    },
    begin({ target, force, timeoutMs }) {
      if (current !== undefined) fail('failoverUnderWay')
      if (parts.isReplica()) fail('failoverOnReplica')
      if (parts.replicas().length === 0) fail('failoverAlone')
      if (force && (timeoutMs === 0 || target === undefined)) fail('failoverForce')
      if (target !== undefined) requireTarget(target)
      log.notice(`FAILOVER requested to ${target === undefined ? 'any replica' : addressOf(target)}.`)
      const untilMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : parts.monotonicMs() + timeoutMs
      current = { target, force, untilMs, inProgress: false }
      parts.hold(true)
    },
    abort() {
      if (current === undefined) fail('failoverNone')
      giveUp(current, 'Failover manually aborted')
    },
    check() {
      if (current === undefined || current.inProgress) return
      const { target, force, untilMs } = current
      const replica = synced(target)
      if (replica !== undefined) {
        const chosen = { host: replicaAddress(replica), port: replica.listeningPort }
        log.notice(`Failover target ${addressOf(chosen)} is synced, failing over.`)
        proceed(current, chosen)
      } else if (parts.monotonicMs() < untilMs) return
      else if (force && target !== undefined) {
        log.notice(`FAILOVER to ${addressOf(target)} time out exceeded, failing over.`)
        proceed(current, target)
      } else giveUp(current, 'Replica never caught up before timeout')
    },
    answered(accepted) {
      if (current === undefined) return
      if (accepted) end()
      else giveUp(current, 'Failover target rejected psync request')
    },
  }
}

type Target = NonNullable<FailoverOrder['target']>
const addressOf = ({ host, port }: Target): string => `${host}:${port}`
