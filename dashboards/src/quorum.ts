// The sentinels themselves: who leads, who reaches whom, and whether they have the time to do their work.
import { dashboard, graph, SELECTED, SELECTED_PROCESS, timeline } from './panels.ts'

export const quorum = dashboard(
  'vedette-quorum',
  'Quorum',
  'The sentinels themselves: leader, members, gossip, and whether they get the processor time they need.',
  [
    {
      title: 'Agreement',
      panels: [
        timeline(
          'Leader',
          { expr: `vedette_sentinel_raft_is_leader{${SELECTED_PROCESS}}`, legend: '{{instance}}' },
          { '0': { text: 'follower', color: 'blue' }, '1': { text: 'leader', color: 'green' } },
          { span: 12 },
        ),
        timeline(
          'Knows a leader',
          { expr: `vedette_sentinel_raft_has_leader{${SELECTED_PROCESS}}`, legend: '{{instance}}' },
          { '0': { text: 'none', color: 'red' }, '1': { text: 'yes', color: 'green' } },
          { span: 12 },
        ),
        graph('Sentinels usable, voting and needed', [
          {
            expr: `min by (group) (vedette_sentinel_group_sentinels_usable{${SELECTED}})`,
            legend: '{{group}}: usable for the worst',
          },
          {
            expr: `max by (group) (vedette_sentinel_group_sentinels_usable{${SELECTED}})`,
            legend: '{{group}}: usable for the best',
          },
          {
            expr: `max by (group) (vedette_sentinel_group_sentinels_voting{${SELECTED}})`,
            legend: '{{group}}: voting',
          },
          {
            expr: `max by (group) (vedette_sentinel_group_sentinels_needed{${SELECTED}})`,
            legend: '{{group}}: needed',
          },
        ]),
        graph('Sentinels of a group that know a leader', [
          { expr: `sum by (group) (vedette_sentinel_group_has_leader{${SELECTED}})`, legend: '{{group}}' },
        ]),
        graph(
          'Patience: what followers promised the leader',
          [{ expr: `vedette_sentinel_raft_patience_seconds{${SELECTED_PROCESS}}`, legend: '{{instance}}' }],
          { unit: 's', description: 'Grows where messages or processes are slow, and comes back.' },
        ),
        graph('Raft term', [{ expr: `vedette_sentinel_raft_term{${SELECTED_PROCESS}}`, legend: '{{instance}}' }], {
          description: 'Rises with every election: it should be a flat line.',
        }),
        graph('Elections', [
          {
            expr: `sum by (instance) (increase(vedette_sentinel_raft_elections_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ]),
        graph(
          'Answers to heartbeats: 50 and 99 %',
          [0.5, 0.99].map((q) => ({
            expr: `histogram_quantile(${q}, sum by (le, sentinel) (rate(vedette_sentinel_heartbeat_seconds_bucket{${SELECTED_PROCESS}}[$__rate_interval])))`,
            legend: `{{sentinel}} ${q * 100} %`,
          })),
          { unit: 's', description: 'As the leader sees them.' },
        ),
        graph('Entries not committed yet', [
          { expr: `vedette_sentinel_raft_commit_lag_entries{${SELECTED_PROCESS}}`, legend: '{{instance}}' },
        ]),
        graph('Commit index', [
          { expr: `vedette_sentinel_raft_commit_index{${SELECTED_PROCESS}}`, legend: '{{instance}}' },
        ]),
        graph('Voters', [{ expr: `vedette_sentinel_raft_voters{${SELECTED_PROCESS}}`, legend: '{{instance}}' }]),
        graph(
          'Durable state',
          [{ expr: `vedette_sentinel_state_file_bytes{${SELECTED_PROCESS}}`, legend: '{{instance}}' }],
          { unit: 'bytes' },
        ),
      ],
    },
    {
      title: 'Gossip',
      panels: [
        graph('Other sentinels known and connected', [
          { expr: `vedette_sentinel_peers_known{${SELECTED_PROCESS}}`, legend: '{{instance}}: known' },
          { expr: `vedette_sentinel_peers_connected{${SELECTED_PROCESS}}`, legend: '{{instance}}: connected' },
        ]),
        graph(
          'Messages',
          [
            {
              expr: `sum by (instance, direction) (rate(vedette_sentinel_gossip_messages_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
              legend: '{{instance}} {{direction}}',
            },
          ],
          { unit: 'cps' },
        ),
        graph(
          'Payload',
          [
            {
              expr: `sum by (instance, direction) (rate(vedette_sentinel_gossip_bytes_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
              legend: '{{instance}} {{direction}}',
            },
          ],
          { unit: 'Bps' },
        ),
        graph('Dropped messages and foreign hellos', [
          {
            expr: `sum by (instance, direction) (increase(vedette_sentinel_gossip_dropped_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
            legend: '{{instance}} dropped {{direction}}',
          },
          {
            expr: `sum by (instance) (increase(vedette_sentinel_foreign_hellos_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
            legend: '{{instance}} foreign hellos',
          },
        ]),
      ],
    },
    {
      title: 'Watching',
      panels: [
        graph(
          'Answers to PING: 50, 99 and 100 %',
          [0.5, 0.99, 1].map((q) => ({
            expr: `histogram_quantile(${q}, sum by (le, group) (rate(vedette_sentinel_ping_seconds_bucket{${SELECTED}}[$__rate_interval])))`,
            legend: `{{group}} ${q * 100} %`,
          })),
          { unit: 's' },
        ),
        graph('Servers by role and health', [
          {
            expr: `max by (group, role, health) (vedette_sentinel_group_servers{${SELECTED}})`,
            legend: '{{group}} {{role}} {{health}}',
          },
        ]),
        graph('Promises to primaries (leases)', [
          {
            expr: `sum by (instance) (rate(vedette_sentinel_lease_grants_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ]),
      ],
    },
    {
      title: 'The processes',
      panels: [
        graph(
          'Processor time',
          [
            {
              expr: `rate(process_cpu_seconds_total{${SELECTED_PROCESS}}[$__rate_interval]) and on (instance) vedette_sentinel_raft_term`,
              legend: '{{instance}}',
            },
          ],
          { unit: 'percentunit' },
        ),
        graph(
          'Time until certificates expire',
          [
            {
              expr: `vedette_sentinel_certificate_expiry_timestamp_seconds{${SELECTED_PROCESS}} - time()`,
              legend: '{{instance}} {{option}}',
            },
          ],
          { unit: 's' },
        ),
        graph(
          'Resident memory',
          [
            {
              expr: `process_resident_memory_bytes{${SELECTED_PROCESS}} and on (instance) vedette_sentinel_raft_term`,
              legend: '{{instance}}',
            },
          ],
          { unit: 'bytes' },
        ),
        graph(
          'Event loop delay, 99 %',
          [
            {
              expr: `nodejs_eventloop_lag_p99_seconds{${SELECTED_PROCESS}} and on (instance) vedette_sentinel_raft_term`,
              legend: '{{instance}}',
            },
          ],
          { unit: 's' },
        ),
        graph('Rounds abstained for stalls', [
          {
            expr: `sum by (instance) (increase(vedette_sentinel_stall_abstentions_total{${SELECTED_PROCESS}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ]),
      ],
    },
  ],
)
