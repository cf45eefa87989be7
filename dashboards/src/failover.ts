// Who was primary when, what it took to change that, and what would happen next.
import { dashboard, GOOD_OR_BAD, graph, SELECTED, stat, timeline, valueMapping } from './panels.ts'

export const failover = dashboard(
  'vedette-failover',
  'Failover',
  'Who was primary when, how long each change took, and whether the next one would work.',
  [
    {
      title: 'Now',
      panels: [
        stat(
          'Primary up',
          { expr: `min(max by (group) (vedette_sentinel_group_servers{${SELECTED}, role="primary", health="up"}))` },
          {
            colours: [
              [null, 'red'],
              [1, 'green'],
            ],
            mappings: [valueMapping(GOOD_OR_BAD)],
          },
        ),
        stat(
          'Promotable replicas',
          { expr: `min(max by (group) (vedette_sentinel_group_promotable_replicas{${SELECTED}}))` },
          {
            colours: [
              [null, 'red'],
              [1, 'green'],
            ],
            description: 'Replicas of which any could take over now; of the group with the fewest.',
          },
        ),
        stat(
          'Sentinels to spare',
          {
            expr: `min(max by (group) (vedette_sentinel_group_sentinels_usable{${SELECTED}} - vedette_sentinel_group_sentinels_needed{${SELECTED}}))`,
          },
          {
            colours: [
              [null, 'red'],
              [0, 'orange'],
              [1, 'green'],
            ],
            description: 'Sentinels that may be lost before no failover is possible; below 0 none is.',
          },
        ),
        stat(
          'Failovers in this time',
          {
            expr: `sum(max by (group) (sum by (group, instance) (increase(vedette_sentinel_failovers_total{${SELECTED}, result="done"}[$__range]))))`,
          },
          {
            colours: [
              [null, 'green'],
              [1, 'orange'],
            ],
          },
        ),
        stat(
          'Median failover in this time',
          {
            expr: `histogram_quantile(0.5, sum by (le) (increase(vedette_sentinel_failover_seconds_bucket{${SELECTED}}[$__range])))`,
          },
          { unit: 's' },
        ),
        stat(
          'Since the last one',
          { expr: `time() - max(vedette_sentinel_last_failover_timestamp_seconds{${SELECTED}})` },
          { unit: 's' },
        ),
      ],
    },
    {
      title: 'Who was primary',
      panels: [
        timeline(
          'Primary, as the sentinels agreed',
          {
            expr: `max by (group, server) (vedette_sentinel_server_is_primary{${SELECTED}})`,
            legend: '{{group}} {{server}}',
          },
          { '0': { text: 'replica', color: 'blue' }, '1': { text: 'primary', color: 'green' } },
        ),
        timeline(
          'Servers up, as most sentinels see them',
          {
            expr: `round(avg by (group, server) (vedette_sentinel_server_up{${SELECTED}}))`,
            legend: '{{group}} {{server}}',
          },
          { '0': { text: 'down', color: 'red' }, '1': { text: 'up', color: 'green' } },
        ),
      ],
    },
    {
      title: 'What it took',
      panels: [
        graph(
          'Duration of failovers, from the last sign of life to the new primary',
          [0.5, 0.9, 1].map((q) => ({
            expr: `histogram_quantile(${q}, sum by (le) (increase(vedette_sentinel_failover_seconds_bucket{${SELECTED}}[$__rate_interval])))`,
            legend: q === 1 ? 'worst' : `${q * 100} %`,
          })),
          { unit: 's' },
        ),
        graph('Failovers by kind, reason and result', [
          {
            expr: `max by (group, kind, reason, result) (increase(vedette_sentinel_failovers_total{${SELECTED}}[$__rate_interval]))`,
            legend: '{{group}} {{kind}}, {{reason}}: {{result}}',
          },
        ]),
        graph(
          'Phases of failovers, median',
          [
            {
              expr: `histogram_quantile(0.5, sum by (le, phase) (increase(vedette_sentinel_failover_phase_seconds_bucket{${SELECTED}}[$__rate_interval])))`,
              legend: '{{phase}}',
            },
          ],
          { unit: 's', description: 'Detect and vote count from the last sign of life of the primary.' },
        ),
        graph(
          'Phases of failovers in this time, worst',
          [
            {
              expr: `histogram_quantile(1, sum by (le, phase) (increase(vedette_sentinel_failover_phase_seconds_bucket{${SELECTED}}[$__range])))`,
              legend: '{{phase}}',
            },
          ],
          { unit: 's' },
        ),
        graph(
          'Without a primary, as the sentinels see it',
          [
            {
              expr: `max by (group) (increase(vedette_sentinel_group_unavailable_seconds_total{${SELECTED}}[$__rate_interval]))`,
              legend: '{{group}}: by the one that saw most of it',
            },
            {
              expr: `min by (group) (increase(vedette_sentinel_group_unavailable_seconds_total{${SELECTED}}[$__rate_interval]))`,
              legend: '{{group}}: by the one that saw least',
            },
          ],
          { unit: 's' },
        ),
        graph('Automatic failovers paused', [
          { expr: `max by (group) (vedette_sentinel_group_paused{${SELECTED}})`, legend: '{{group}}' },
        ]),
        graph('Verdicts of down against the quorum', [
          { expr: `max by (group) (vedette_sentinel_group_down_verdicts{${SELECTED}})`, legend: '{{group}}: down' },
          { expr: `max by (group) (vedette_sentinel_group_quorum{${SELECTED}})`, legend: '{{group}}: quorum' },
        ]),
        graph('Primary objectively down', [
          { expr: `max by (group) (vedette_sentinel_group_objectively_down{${SELECTED}})`, legend: '{{group}}' },
        ]),
        graph('Changes of verdict on the primary, by sentinel', [
          {
            expr: `sum by (group, instance, verdict) (increase(vedette_sentinel_verdicts_total{${SELECTED}}[$__rate_interval]))`,
            legend: '{{group}} {{instance}} {{verdict}}',
          },
        ]),
        graph('Epoch of the configuration', [
          { expr: `max by (group) (vedette_sentinel_group_config_epoch{${SELECTED}})`, legend: '{{group}}' },
        ]),
      ],
    },
    {
      title: 'What would be lost',
      panels: [
        graph(
          'Replicas behind their primary',
          [
            {
              expr: `min by (group, server) (vedette_sentinel_server_replication_lag_bytes{${SELECTED}})`,
              legend: '{{group}} {{server}}',
            },
          ],
          { unit: 'bytes', description: 'What would be lost if the primary died now and this replica were chosen.' },
        ),
        graph(
          'Replicas unheard by their primary',
          [
            {
              expr: `max by (group, server) (vedette_sentinel_server_replication_lag_seconds{${SELECTED}})`,
              legend: '{{group}} {{server}}',
            },
          ],
          { unit: 's' },
        ),
        graph(
          'Lost at most',
          [
            {
              expr: `max by (group) (increase(vedette_sentinel_failover_lost_bytes_total{${SELECTED}}[$__rate_interval]))`,
              legend: '{{group}}',
            },
          ],
          { unit: 'bytes', description: 'Upper bound, by the offsets and the pace of writes that were seen before.' },
        ),
        graph(
          'Replication offsets',
          [
            {
              expr: `max by (group, server) (vedette_sentinel_server_replication_offset_bytes{${SELECTED}})`,
              legend: '{{group}} {{server}}',
            },
          ],
          { unit: 'bytes' },
        ),
      ],
    },
  ],
)
