// Many groups at a glance: which of them need a look.
import { dashboard, graph, SELECTED, stat } from './panels.ts'

export const fleet = dashboard('vedette-fleet', 'Fleet', 'Many groups at a glance: which of them need a look.', [
  {
    title: 'All groups',
    panels: [
      stat('Groups', { expr: `count(count by (namespace, group) (vedette_sentinel_group_quorum{${SELECTED}}))` }),
      stat(
        'Without a primary',
        {
          expr: `count(max by (namespace, group) (vedette_sentinel_group_servers{${SELECTED}, role="primary", health="up"}) == 0) or vector(0)`,
        },
        {
          colours: [
            [null, 'green'],
            [1, 'red'],
          ],
        },
      ),
      stat(
        'Without a quorum',
        {
          expr: `count(max by (namespace, group) (vedette_sentinel_group_sentinels_usable{${SELECTED}} - vedette_sentinel_group_sentinels_needed{${SELECTED}}) < 0) or vector(0)`,
        },
        {
          colours: [
            [null, 'green'],
            [1, 'red'],
          ],
        },
      ),
      stat(
        'Without a promotable replica',
        {
          expr: `count(max by (namespace, group) (vedette_sentinel_group_promotable_replicas{${SELECTED}}) == 0) or vector(0)`,
        },
        {
          colours: [
            [null, 'green'],
            [1, 'orange'],
          ],
        },
      ),
      stat(
        'Servers down',
        {
          expr: `sum(max by (namespace, group, role) (vedette_sentinel_group_servers{${SELECTED}, health="down"})) or vector(0)`,
        },
        {
          colours: [
            [null, 'green'],
            [1, 'orange'],
          ],
        },
      ),
      stat(
        'Failovers in this time',
        {
          expr: `sum(max by (namespace, group) (sum by (namespace, group, instance) (increase(vedette_sentinel_failovers_total{${SELECTED}, result="done"}[$__range]))))`,
        },
        {
          colours: [
            [null, 'green'],
            [1, 'orange'],
          ],
        },
      ),
    ],
  },
  {
    title: 'By group',
    panels: [
      graph('Failovers', [
        {
          expr: `max by (namespace, group) (sum by (namespace, group, instance) (increase(vedette_sentinel_failovers_total{${SELECTED}, result="done"}[$__rate_interval])))`,
          legend: '{{namespace}} {{group}}',
        },
      ]),
      graph(
        'Worst lag',
        [
          {
            expr: `max by (namespace, group) (vedette_sentinel_server_replication_lag_bytes{${SELECTED}})`,
            legend: '{{namespace}} {{group}}',
          },
        ],
        { unit: 'bytes' },
      ),
      graph('Promotable replicas', [
        {
          expr: `max by (namespace, group) (vedette_sentinel_group_promotable_replicas{${SELECTED}})`,
          legend: '{{namespace}} {{group}}',
        },
      ]),
      graph(
        'Commands a second',
        [
          {
            expr: `sum by (namespace, group) (rate(vedette_server_commands_processed_total{${SELECTED}}[$__rate_interval]))`,
            legend: '{{namespace}} {{group}}',
          },
        ],
        { unit: 'ops' },
      ),
      graph(
        'Memory of the largest server',
        [
          {
            expr: `max by (namespace, group) (vedette_server_memory_used_bytes{${SELECTED}})`,
            legend: '{{namespace}} {{group}}',
          },
        ],
        { unit: 'bytes' },
      ),
    ],
  },
])
