// Every metric of a sentinel. The supervisor sets the gauges from its state when they are collected, and counts the rest as
// it happens. `group` is the name under `sentinel monitor`, `server` is host:port.
import type { Registry } from 'prom-client'
import { createMetrics, type Metrics, type MetricTable } from './table.ts'

const MILLISECOND = 0.001
const ROUND_TRIPS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1_000, 5_000].map((ms) => ms * MILLISECOND)

export const SENTINEL_METRICS = {
  // ---- consensus ----
  raftTerm: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_term',
    help: 'Current Raft term; rises with every election.',
    labels: [],
  },
  raftIsLeader: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_is_leader',
    help: '1 while this sentinel is the leader and a majority confirms it.',
    labels: [],
  },
  raftHasLeader: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_has_leader',
    help: '1 while this sentinel knows a leader; without one no failover can start.',
    labels: [],
  },
  raftPatienceSeconds: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_patience_seconds',
    help: 'Least election timeout at present: longer than the configured one while answers are slow or this sentinel is starved.',
    labels: [],
  },
  raftCommitIndex: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_commit_index',
    help: 'Highest log index known to be committed.',
    labels: [],
  },
  raftCommitLag: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_commit_lag_entries',
    help: 'Entries of its log that it does not know to be committed yet.',
    labels: [],
  },
  raftElections: {
    kind: 'counter',
    name: 'vedette_sentinel_raft_elections_total',
    help: 'Terms that began since this process started, whoever stood for election.',
    labels: [],
  },
  heartbeatSeconds: {
    kind: 'histogram',
    name: 'vedette_sentinel_heartbeat_seconds',
    help: 'Leader: time from a heartbeat to another sentinel (host:port) until its answer.',
    labels: ['sentinel'],
    buckets: ROUND_TRIPS,
  },
  raftVoters: {
    kind: 'gauge',
    name: 'vedette_sentinel_raft_voters',
    help: 'Voting sentinels of the group of sentinels; 0 before it is formed.',
    labels: [],
  },
  stateFileBytes: {
    kind: 'gauge',
    name: 'vedette_sentinel_state_file_bytes',
    help: 'Size of the durable Raft log.',
    labels: [],
  },
  // ---- peers and gossip ----
  peersKnown: {
    kind: 'gauge',
    name: 'vedette_sentinel_peers_known',
    help: 'Other sentinels that this one knows.',
    labels: [],
  },
  peersConnected: {
    kind: 'gauge',
    name: 'vedette_sentinel_peers_connected',
    help: 'Other sentinels with a working gossip link.',
    labels: [],
  },
  gossipMessages: {
    kind: 'counter',
    name: 'vedette_sentinel_gossip_messages_total',
    help: 'Messages between sentinels, by direction (in, out).',
    labels: ['direction'],
  },
  gossipBytes: {
    kind: 'counter',
    name: 'vedette_sentinel_gossip_bytes_total',
    help: 'Payload bytes between sentinels, by direction (in, out).',
    labels: ['direction'],
  },
  gossipDropped: {
    kind: 'counter',
    name: 'vedette_sentinel_gossip_dropped_total',
    help: 'Messages dropped, by direction: in (malformed, strangers, incomplete), out (no link, full buffers).',
    labels: ['direction'],
  },
  foreignHellos: {
    kind: 'counter',
    name: 'vedette_sentinel_foreign_hellos_total',
    help: 'Hellos of sentinels that belong to another group of sentinels; they are refused.',
    labels: [],
  },
  // ---- monitored groups and servers ----
  groupServers: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_servers',
    help: 'Servers of a monitored group, by role (primary, replica) and health (up, down).',
    labels: ['group', 'role', 'health'],
  },
  groupConfigEpoch: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_config_epoch',
    help: 'Epoch of the last committed change of primary.',
    labels: ['group'],
  },
  groupQuorum: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_quorum',
    help: 'Verdicts of down that make the primary objectively down.',
    labels: ['group'],
  },
  groupHasLeader: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_has_leader',
    help: '1 while this sentinel knows a leader of the sentinels that watch the group.',
    labels: ['group'],
  },
  groupSentinelsVoting: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_sentinels_voting',
    help: 'Sentinels that vote on what happens to the group.',
    labels: ['group'],
  },
  groupSentinelsUsable: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_sentinels_usable',
    help: 'Voting sentinels that this one reaches, itself included.',
    labels: ['group'],
  },
  groupSentinelsNeeded: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_sentinels_needed',
    help: 'Sentinels without which no failover is possible: a majority, or the quorum of the group where that is more.',
    labels: ['group'],
  },
  groupPromotableReplicas: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_promotable_replicas',
    help: 'Replicas of which any could take over if the primary died now.',
    labels: ['group'],
  },
  groupDownVerdicts: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_down_verdicts',
    help: 'Sentinels that currently hold the primary for down, as this one knows.',
    labels: ['group'],
  },
  groupObjectivelyDown: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_objectively_down',
    help: '1 while a quorum holds the primary for down.',
    labels: ['group'],
  },
  groupPaused: {
    kind: 'gauge',
    name: 'vedette_sentinel_group_paused',
    help: '1 while an operator has paused automatic failovers of the group.',
    labels: ['group'],
  },
  groupUnavailableSeconds: {
    kind: 'counter',
    name: 'vedette_sentinel_group_unavailable_seconds_total',
    help: 'Time without a primary that is up, as this sentinel sees it, each from the last sign of life on.',
    labels: ['group'],
  },
  serverUp: {
    kind: 'gauge',
    name: 'vedette_sentinel_server_up',
    help: '1 while the server is not subjectively down.',
    labels: ['group', 'server'],
  },
  serverIsPrimary: {
    kind: 'gauge',
    name: 'vedette_sentinel_server_is_primary',
    help: '1 when the server is the committed primary of its group.',
    labels: ['group', 'server'],
  },
  serverOffsetBytes: {
    kind: 'gauge',
    name: 'vedette_sentinel_server_replication_offset_bytes',
    help: 'Replication offset that the server reported last.',
    labels: ['group', 'server'],
  },
  serverLagBytes: {
    kind: 'gauge',
    name: 'vedette_sentinel_server_replication_lag_bytes',
    help: 'How far the replica is behind the offset of its primary.',
    labels: ['group', 'server'],
  },
  serverLagSeconds: {
    kind: 'gauge',
    name: 'vedette_sentinel_server_replication_lag_seconds',
    help: 'Time since the primary last heard an acknowledgement of the replica, in whole seconds, as the primary says.',
    labels: ['group', 'server'],
  },
  pingSeconds: {
    kind: 'histogram',
    name: 'vedette_sentinel_ping_seconds',
    help: 'Time from a PING to a server until its answer.',
    labels: ['group'],
    buckets: ROUND_TRIPS,
  },
  // ---- decisions ----
  verdicts: {
    kind: 'counter',
    name: 'vedette_sentinel_verdicts_total',
    help: "Changes of this sentinel's own verdict on a primary, by verdict (down, up).",
    labels: ['group', 'verdict'],
  },
  leaseGrants: {
    kind: 'counter',
    name: 'vedette_sentinel_lease_grants_total',
    help: 'Promises that this sentinel gave to primaries, to let no other server take writes for the length of a lease.',
    labels: [],
  },
  stallAbstentions: {
    kind: 'counter',
    name: 'vedette_sentinel_stall_abstentions_total',
    help: 'Rounds in which this sentinel abstained because its own event loop had stalled.',
    labels: [],
  },
  failovers: {
    kind: 'counter',
    name: 'vedette_sentinel_failovers_total',
    help: 'Failovers that ended, as committed, by kind (automatic, switchover, forced), reason (dead, silent, operator, data, moved, unknown) and result (done, or why it was given up).',
    labels: ['group', 'kind', 'reason', 'result'],
  },
  failoverPhaseSeconds: {
    kind: 'histogram',
    name: 'vedette_sentinel_failover_phase_seconds',
    help: 'Time that each phase of a failover took: detect, vote, wait, choose, commit, fence, promote, announce, reconfigure.',
    labels: ['group', 'phase'],
    buckets: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000].map((ms) => ms * MILLISECOND),
  },
  failoverLostBytes: {
    kind: 'counter',
    name: 'vedette_sentinel_failover_lost_bytes_total',
    help: 'Upper bound of what failovers lost: bytes that the old primary may have written and the new one lacked.',
    labels: ['group'],
  },
  failoverSeconds: {
    kind: 'histogram',
    name: 'vedette_sentinel_failover_seconds',
    help: 'Time from the last sign of life of the old primary (from the order, if it was one) to the committed change of primary.',
    labels: ['group'],
    buckets: [5, 10, 25, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 10_000, 60_000].map((ms) => ms * MILLISECOND),
  },
  certificateExpiry: {
    kind: 'gauge',
    name: 'vedette_sentinel_certificate_expiry_timestamp_seconds',
    help: 'Unix time at which a certificate expires, by the option that names its file; of several in a file the first. Only with TLS.',
    labels: ['option'],
  },
  lastFailoverTimestamp: {
    kind: 'gauge',
    name: 'vedette_sentinel_last_failover_timestamp_seconds',
    help: 'When the last failover ended, in seconds since 1970; absent before the first.',
    labels: ['group'],
  },
} as const satisfies MetricTable

export type SentinelMetrics = Metrics<typeof SENTINEL_METRICS>

/** Registers the metrics of a sentinel. */
export function createSentinelMetrics(registry: Registry): SentinelMetrics {
  return createMetrics(registry, SENTINEL_METRICS)
}
