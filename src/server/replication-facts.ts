// What INFO's section Replication and ROLE tell: the fields and their order are those of Redis 7.0, since sentinels,
// exporters and operators' scripts read them.
import type { ServerOptions } from '../config/server-options.ts'
import { monotonicMs } from '../io/clock.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import { type AttachedReplica, countGoodReplicas, infoLine, replicaAddress } from '../replication/attached.ts'
import type { History } from '../replication/history.ts'
import type { FailoverState } from './failover.ts'
import type { PrimaryLink } from './replica-link.ts'

/** Fields of INFO, in order. */
export type Facts = [name: string, value: string | number][]

const secondsSince = (ms: number): number => Math.max(0, Math.floor((monotonicMs() - ms) / 1000))

/** The fields of INFO's section Replication. */
export function replicationFacts(
  options: Readonly<ServerOptions>,
  history: History,
  link: PrimaryLink | undefined,
  replicas: readonly AttachedReplica[],
  failover: FailoverState,
): Facts {
  return [
    ['role', link === undefined ? 'master' : 'slave'],
    ...(link === undefined ? [] : linkFacts(options, history, link)),
    ['connected_slaves', replicas.length],
    ...goodReplicasFact(options, replicas),
    ...replicas.map((replica, index): Facts[number] => {
      const line = infoLine(index, replica, monotonicMs())
      return [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]
    }),
    ['master_failover_state', failover],
    ['master_replid', history.id],
    ['master_replid2', history.secondId],
    ['master_repl_offset', history.offset],
    ['second_repl_offset', history.secondOffset],
    ['repl_backlog_active', history.backlog === undefined ? 0 : 1],
    ['repl_backlog_size', history.backlog?.sizeBytes() ?? options['repl-backlog-size']],
    ['repl_backlog_first_byte_offset', history.backlog?.firstOffset() ?? 0],
    ['repl_backlog_histlen', history.backlog?.historyBytes() ?? 0],
  ]
}

function linkFacts(options: Readonly<ServerOptions>, history: History, link: PrimaryLink): Facts {
  const { machine } = link
  const state = machine.state()
  const up = state === 'connected'
  const known = link.isConsistent()
  return [
    ['master_host', link.host],
    ['master_port', link.port],
    ['master_link_status', up ? 'up' : 'down'],
    ['master_last_io_seconds_ago', up ? secondsSince(machine.lastIoMs()) : -1],
    ['master_sync_in_progress', state === 'sync' ? 1 : 0],
    ['slave_read_repl_offset', known ? link.readOffset() : 1],
    ['slave_repl_offset', known ? history.offset : 1],
    ...(state === 'sync' ? transferFacts(link) : []),
    ...(up ? [] : ([['master_link_down_since_seconds', secondsSince(machine.downSinceMs())]] satisfies Facts)),
    // Whose data are no part of its primary's history must not be promoted; this is what every sentinel understands.
    ['slave_priority', known ? options['replica-priority'] : 0],
    ['slave_read_only', options['replica-read-only'] ? 1 : 0],
    ['replica_announced', options['replica-announced'] ? 1 : 0],
    ['replica_complete', known ? 1 : 0],
  ]
}

function transferFacts({ machine }: PrimaryLink): Facts {
  const { totalBytes, readBytes } = machine.transfer()
  const known = totalBytes > 0
  return [
    ['master_sync_total_bytes', Math.max(totalBytes, 0)],
    ['master_sync_read_bytes', readBytes],
    ['master_sync_left_bytes', known ? totalBytes - readBytes : -readBytes],
    ['master_sync_perc', known ? ((100 * readBytes) / totalBytes).toFixed(2) : '0.00'],
    ['master_sync_last_io_seconds_ago', secondsSince(machine.lastIoMs())],
  ]
}

function goodReplicasFact(options: Readonly<ServerOptions>, replicas: readonly AttachedReplica[]): Facts {
  const maxLag = options['min-replicas-max-lag']
  if (options['min-replicas-to-write'] === 0 || maxLag === 0) return []
  return [['min_slaves_good_slaves', countGoodReplicas(replicas, maxLag, monotonicMs())]]
}

/** Writes the reply of ROLE. */
export function writeRole(
  reply: ReplyWriter,
  history: History,
  link: PrimaryLink | undefined,
  replicas: readonly AttachedReplica[],
): void {
  if (link === undefined) {
    const online = replicas.filter(({ state }) => state === 'online')
    reply.array(3)
    reply.bulkText('master')
    reply.int(history.offset)
    reply.array(online.length)
    for (const replica of online) {
      reply.array(3)
      reply.bulkText(replicaAddress(replica))
      reply.bulkText(String(replica.listeningPort))
      reply.bulkText(String(replica.ackOffset))
    }
    return
  }
  const state = link.machine.state()
  reply.array(5)
  reply.bulkText('slave')
  reply.bulkText(link.host)
  reply.int(link.port)
  reply.bulkText(state)
  reply.int(state === 'connected' ? history.offset : -1)
}
