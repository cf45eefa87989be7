// One or more servers in depth: commands, memory, keys, replication, persistence, clients.
import { dashboard, graph, SELECTED_PROCESS, timeline } from './panels.ts'

const rate = (metric: string): string => `rate(${metric}{${SELECTED_PROCESS}}[$__rate_interval])`
const value = (metric: string): string => `${metric}{${SELECTED_PROCESS}}`

export const server = dashboard(
  'vedette-server',
  'Server',
  'Servers in depth: commands, memory, keys, replication, persistence, clients.',
  [
    {
      title: 'Role',
      panels: [
        timeline(
          'Role',
          { expr: value('vedette_server_is_primary'), legend: '{{instance}}' },
          { '0': { text: 'replica', color: 'blue' }, '1': { text: 'primary', color: 'green' } },
          { span: 12 },
        ),
        timeline(
          'Takes writes',
          { expr: value('vedette_server_is_writable'), legend: '{{instance}}' },
          { '0': { text: 'no', color: 'blue' }, '1': { text: 'yes', color: 'green' } },
          { span: 12 },
        ),
        graph('Uptime', [{ expr: value('vedette_server_uptime_seconds'), legend: '{{instance}}' }], { unit: 's' }),
        graph('Loading', [{ expr: value('vedette_server_is_loading'), legend: '{{instance}}' }]),
        timeline(
          'Lease of the sentinels',
          { expr: value('vedette_server_lease_held'), legend: '{{instance}}' },
          { '0': { text: 'none: writes refused', color: 'red' }, '1': { text: 'held', color: 'green' } },
          { span: 12 },
        ),
        graph('Leases that ran out', [
          {
            expr: `increase(vedette_server_lease_expiries_total{${SELECTED_PROCESS}}[$__rate_interval])`,
            legend: '{{instance}}',
          },
        ]),
      ],
    },
    {
      title: 'Commands',
      panels: [
        graph(
          'Commands a second',
          [{ expr: rate('vedette_server_commands_processed_total'), legend: '{{instance}}' }],
          {
            unit: 'ops',
          },
        ),
        graph(
          'The ten commands called most',
          [
            {
              expr: `topk(10, sum by (command) (${rate('vedette_server_command_calls_total')}))`,
              legend: '{{command}}',
            },
          ],
          { unit: 'ops' },
        ),
        graph(
          'Processor time by command',
          [
            {
              expr: `topk(10, sum by (command) (${rate('vedette_server_command_duration_seconds_total')}))`,
              legend: '{{command}}',
            },
          ],
          { unit: 'percentunit' },
        ),
        graph(
          'Error replies by code',
          [
            {
              expr: `sum by (instance, code) (${rate('vedette_server_error_replies_total')})`,
              legend: '{{instance}} {{code}}',
            },
          ],
          { unit: 'ops' },
        ),
        graph(
          'Calls refused and failed',
          [
            {
              expr: `topk(10, sum by (command) (${rate('vedette_server_command_rejected_calls_total')}))`,
              legend: '{{command}} refused',
            },
            {
              expr: `topk(10, sum by (command) (${rate('vedette_server_command_failed_calls_total')}))`,
              legend: '{{command}} failed',
            },
          ],
          { unit: 'ops' },
        ),
        graph(
          'Calls that go over many elements',
          [
            {
              expr: `topk(10, sum by (command) (${rate('vedette_server_command_large_calls_total')}))`,
              legend: '{{command}}',
            },
          ],
          { unit: 'ops' },
        ),
        graph(
          'Network',
          [
            {
              expr: `sum by (instance, direction) (${rate('vedette_server_network_bytes_total')})`,
              legend: '{{instance}} {{direction}}',
            },
          ],
          { unit: 'Bps' },
        ),
      ],
    },
    {
      title: 'Clients',
      panels: [
        graph('Clients', [
          { expr: value('vedette_server_clients_connected'), legend: '{{instance}} connected' },
          { expr: value('vedette_server_clients_blocked'), legend: '{{instance}} blocked' },
          { expr: value('vedette_server_clients_max'), legend: '{{instance}} let in at most' },
        ]),
        graph(
          'New and refused connections',
          [
            { expr: rate('vedette_server_connections_received_total'), legend: '{{instance}} received' },
            { expr: rate('vedette_server_connections_rejected_total'), legend: '{{instance}} refused' },
            { expr: rate('vedette_server_clients_evicted_total'), legend: '{{instance}} cut off for memory' },
          ],
          { unit: 'cps' },
        ),
        graph('Caches of clients', [
          { expr: value('vedette_server_clients_tracking'), legend: '{{instance}} clients' },
          { expr: value('vedette_server_tracked_keys'), legend: '{{instance}} keys' },
          { expr: value('vedette_server_tracked_items'), legend: '{{instance}} keys of clients' },
          { expr: value('vedette_server_tracked_prefixes'), legend: '{{instance}} prefixes' },
        ]),
        graph('Channels and patterns with subscribers', [
          { expr: value('vedette_server_pubsub_channels'), legend: '{{instance}} channels' },
          { expr: value('vedette_server_pubsub_patterns'), legend: '{{instance}} patterns' },
        ]),
      ],
    },
    {
      title: 'Memory and keys',
      panels: [
        graph(
          'Memory',
          [
            { expr: value('vedette_server_memory_used_bytes'), legend: '{{instance}} used' },
            { expr: value('vedette_server_memory_used_peak_bytes'), legend: '{{instance}} peak' },
            { expr: value('vedette_server_memory_dataset_bytes'), legend: '{{instance}} data' },
            { expr: value('vedette_server_memory_reserved_bytes'), legend: '{{instance}} reserved' },
            { expr: value('vedette_server_memory_blocks_bytes'), legend: '{{instance}} in blocks' },
            { expr: `${value('vedette_server_memory_limit_bytes')} > 0`, legend: '{{instance}} limit' },
            {
              expr: `process_resident_memory_bytes{${SELECTED_PROCESS}} and on (instance) vedette_server_info`,
              legend: '{{instance}} resident',
            },
          ],
          { unit: 'bytes' },
        ),
        graph(
          'Given back and moved together',
          [
            { expr: rate('vedette_server_memory_returned_bytes_total'), legend: '{{instance}} given back' },
            { expr: rate('vedette_server_defrag_moved_bytes_total'), legend: '{{instance}} moved' },
          ],
          { unit: 'Bps' },
        ),
        graph('Defragmentation', [{ expr: value('vedette_server_defrag_percent'), legend: '{{instance}}' }], {
          unit: 'percent',
          description: 'Share of a core that moving values together takes at the moment (activedefrag).',
        }),
        graph('Keys', [
          { expr: `sum by (instance, db) (${value('vedette_server_keys')})`, legend: '{{instance}} db {{db}}' },
          {
            expr: `sum by (instance, db) (${value('vedette_server_keys_expiring')})`,
            legend: '{{instance}} db {{db}} with expiry',
          },
        ]),
        graph(
          'Hit ratio',
          [
            {
              expr: `${rate('vedette_server_keyspace_hits_total')} / (${rate('vedette_server_keyspace_hits_total')} + ${rate('vedette_server_keyspace_misses_total')} > 0)`,
              legend: '{{instance}}',
            },
          ],
          { unit: 'percentunit' },
        ),
        graph(
          'Keys expired and evicted',
          [
            { expr: rate('vedette_server_keys_expired_total'), legend: '{{instance}} expired' },
            { expr: rate('vedette_server_keys_evicted_total'), legend: '{{instance}} evicted' },
            { expr: rate('vedette_server_hash_fields_expired_total'), legend: '{{instance}} fields expired' },
          ],
          { unit: 'ops' },
        ),
        graph(
          'Over maxmemory',
          [
            {
              expr: `${rate('vedette_server_memory_exceeded_seconds_total')} * on (instance) group_left (policy) ${value('vedette_server_eviction_policy')}`,
              legend: '{{instance}} {{policy}}',
            },
          ],
          {
            unit: 'percentunit',
            description:
              'Part of the time in which more was in use than maxmemory allows: eviction does not keep up, or finds nothing.',
          },
        ),
      ],
    },
    {
      title: 'Scripts',
      panels: [
        graph(
          'Scripts a second',
          [
            { expr: rate('vedette_server_script_calls_total'), legend: '{{instance}} run' },
            { expr: rate('vedette_server_script_errors_total'), legend: '{{instance}} failed' },
            { expr: rate('vedette_server_scripts_killed_total'), legend: '{{instance}} killed' },
          ],
          { unit: 'ops' },
        ),
        timeline(
          'A script keeps the server busy',
          { expr: value('vedette_server_script_busy'), legend: '{{instance}}' },
          { '0': { text: 'no', color: 'green' }, '1': { text: 'others get BUSY', color: 'red' } },
          { span: 12 },
        ),
        graph('Memory of scripts', [{ expr: value('vedette_server_script_memory_bytes'), legend: '{{instance}}' }], {
          unit: 'bytes',
          description: 'Taken by the interpreter, beside maxmemory.',
        }),
        graph('Cached scripts', [{ expr: value('vedette_server_scripts_cached'), legend: '{{instance}}' }]),
      ],
    },
    {
      title: 'Replication',
      panels: [
        graph('Offset', [{ expr: value('vedette_server_replication_offset_bytes'), legend: '{{instance}}' }], {
          unit: 'bytes',
        }),
        graph(
          'Not acknowledged by replicas',
          [{ expr: value('vedette_server_replica_lag_bytes'), legend: '{{instance}} → {{replica}}' }],
          { unit: 'bytes' },
        ),
        graph('Replicas', [
          { expr: `sum by (instance, state) (${value('vedette_server_replicas')})`, legend: '{{instance}} {{state}}' },
        ]),
        graph('Link to the primary', [
          { expr: value('vedette_server_replication_link_up'), legend: '{{instance}} up' },
          { expr: value('vedette_server_replication_link_silence_seconds'), legend: '{{instance}} silent for s' },
        ]),
        graph('Synchronizations', [
          {
            expr: `sum by (instance, kind) (increase(${value('vedette_server_syncs_total')}[$__rate_interval]))`,
            legend: '{{instance}} {{kind}}',
          },
        ]),
        graph(
          'Backlog and output waiting for replicas',
          [
            { expr: value('vedette_server_replication_backlog_bytes'), legend: '{{instance}} backlog' },
            { expr: value('vedette_server_replica_buffers_bytes'), legend: '{{instance}} waiting' },
          ],
          { unit: 'bytes' },
        ),
      ],
    },
    {
      title: 'Persistence',
      panels: [
        graph('Changes not on disk', [{ expr: value('vedette_server_changes_since_save'), legend: '{{instance}}' }]),
        graph(
          'Age of the last snapshot',
          [{ expr: `time() - ${value('vedette_server_last_save_timestamp_seconds')}`, legend: '{{instance}}' }],
          { unit: 's' },
        ),
        timeline(
          'Last snapshot written',
          { expr: value('vedette_server_last_save_ok'), legend: '{{instance}}' },
          { '0': { text: 'failed', color: 'red' }, '1': { text: 'good', color: 'green' } },
          { span: 12 },
        ),
        graph('Snapshot under way', [{ expr: value('vedette_server_save_in_progress'), legend: '{{instance}}' }]),
        graph(
          'Append-only log',
          [
            { expr: value('vedette_server_append_only_log_bytes'), legend: '{{instance}} size' },
            { expr: value('vedette_server_append_only_log_buffer_bytes'), legend: '{{instance}} to be written' },
          ],
          { unit: 'bytes' },
        ),
        timeline(
          'Append-only log written',
          { expr: value('vedette_server_append_only_log_ok'), legend: '{{instance}}' },
          { '0': { text: 'failed', color: 'red' }, '1': { text: 'good', color: 'green' } },
          { span: 12 },
        ),
      ],
    },
    {
      title: 'The process',
      panels: [
        graph(
          'Time until certificates expire',
          [
            {
              expr: `vedette_server_certificate_expiry_timestamp_seconds{${SELECTED_PROCESS}} - time()`,
              legend: '{{instance}} {{option}}',
            },
          ],
          { unit: 's' },
        ),
        graph(
          'Processor time',
          [
            {
              expr: `rate(process_cpu_seconds_total{${SELECTED_PROCESS}}[$__rate_interval]) and on (instance) vedette_server_info`,
              legend: '{{instance}}',
            },
          ],
          { unit: 'percentunit' },
        ),
        graph(
          'Event loop delay, 99 %',
          [
            {
              expr: `nodejs_eventloop_lag_p99_seconds{${SELECTED_PROCESS}} and on (instance) vedette_server_info`,
              legend: '{{instance}}',
            },
          ],
          { unit: 's' },
        ),
      ],
    },
  ],
)
