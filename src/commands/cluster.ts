// CLUSTER and what cluster clients send beside it. There is no cluster yet: each is answered as Redis does where it is switched
// off, and COMMAND lists them, because clients ask in this way whether they talk to a cluster.

import { fail } from '../errors.ts'
import type { CommandFlag, CommandSpec } from './spec.ts'

const disabled = (): never => fail('clusterDisabled')

const READS: readonly CommandFlag[] = ['stale']
const ASKS_NODES: readonly CommandFlag[] = ['admin', 'stale']
const CHANGES: readonly CommandFlag[] = ['admin', 'stale', 'no_async_loading']

const OF_SLOTS = 'O(N) where N is the total number of hash slot arguments'
const OF_RANGES = 'O(N) where N is the total number of the slots between the start slot and end slot arguments.'
const OF_NODES = 'O(N) where N is the total number of Cluster nodes'
const VARIES = ['nondeterministic_output']

const rowOf = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  summary: string,
  details: Partial<CommandSpec> = {},
): CommandSpec => ({
  name,
  summary,
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(1)',
  arity,
  flags,
  run: disabled,
  ...details,
})

/** CLUSTER, and the commands of a connection to a cluster. */
export const CLUSTER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'cluster',
    summary: 'Commands about a cluster; there is none here.',
    since: '3.0.0',
    group: 'cluster',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      rowOf('addslots', -3, CHANGES, 'Gives hash slots to a node.', { complexity: OF_SLOTS }),
      rowOf('addslotsrange', -4, CHANGES, 'Gives ranges of hash slots to a node.', {
        since: '7.0.0',
        complexity: OF_RANGES,
      }),
      rowOf('bumpepoch', 2, CHANGES, 'Raises the configuration epoch of a node.', { tips: VARIES }),
      rowOf('count-failure-reports', 3, ASKS_NODES, 'Counts the reports that a node has failed.', {
        complexity: 'O(N) where N is the number of failure reports',
        tips: VARIES,
      }),
      rowOf('countkeysinslot', 3, READS, 'Counts the keys of a hash slot.'),
      rowOf('delslots', -3, CHANGES, 'Takes hash slots from a node.', { complexity: OF_SLOTS }),
      rowOf('delslotsrange', -4, CHANGES, 'Takes ranges of hash slots from a node.', {
        since: '7.0.0',
        complexity: OF_RANGES,
      }),
      rowOf('failover', -2, CHANGES, 'Makes a replica take the place of its primary.'),
      rowOf('flushslots', 2, CHANGES, 'Takes all hash slots from a node.'),
      rowOf('forget', 3, CHANGES, 'Removes a node from what is known.'),
      rowOf('getkeysinslot', 4, READS, 'Lists keys of a hash slot.', {
        complexity: 'O(log(N)) where N is the number of requested keys',
        tips: VARIES,
      }),
      rowOf('help', 2, ['loading', 'stale'], 'Lists the subcommands.', { since: '5.0.0' }),
      rowOf('info', 2, READS, 'Describes the state of a node.', { tips: VARIES }),
      rowOf('keyslot', 3, READS, 'Tells the hash slot of a key.', {
        complexity: 'O(N) where N is the number of bytes in the key',
      }),
      rowOf('links', 2, READS, 'Lists the links between nodes.', {
        since: '7.0.0',
        complexity: OF_NODES,
        tips: VARIES,
      }),
      rowOf('meet', -4, CHANGES, 'Introduces two nodes to each other.'),
      rowOf('myid', 2, READS, 'Tells the ID of a node.'),
      rowOf('nodes', 2, READS, 'Describes all nodes.', { complexity: OF_NODES, tips: VARIES }),
      rowOf('replicas', 3, ASKS_NODES, 'Lists the replicas of a primary.', { since: '5.0.0', tips: VARIES }),
      rowOf('replicate', 3, CHANGES, 'Makes a node a replica of another.'),
      rowOf('reset', -2, ['admin', 'noscript', 'stale'], 'Makes a node forget its cluster.', {
        complexity: 'O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.',
      }),
      rowOf('saveconfig', 2, CHANGES, 'Writes what a node knows to its disk.'),
      rowOf('set-config-epoch', 3, CHANGES, 'Sets the configuration epoch of a new node.'),
      rowOf('setslot', -4, CHANGES, 'Binds a hash slot to a node.'),
      rowOf('shards', 2, READS, 'Lists the shards of a cluster.', {
        since: '7.0.0',
        complexity: 'O(N) where N is the total number of cluster nodes',
        tips: VARIES,
      }),
      rowOf('slaves', 3, ASKS_NODES, 'Lists the replicas of a primary.', {
        deprecatedSince: '5.0.0',
        replacedBy: '`CLUSTER REPLICAS`',
        tips: VARIES,
      }),
      rowOf('slots', 2, READS, 'Tells which node has which hash slots.', {
        complexity: OF_NODES,
        deprecatedSince: '7.0.0',
        replacedBy: '`CLUSTER SHARDS`',
        tips: VARIES,
      }),
    ],
  },
  rowOf('readonly', 1, ['loading', 'stale', 'fast'], 'Allows reads from a replica of a cluster.', {
    categories: ['connection'],
  }),
  rowOf('readwrite', 1, ['loading', 'stale', 'fast'], 'Ends READONLY.', { categories: ['connection'] }),
  rowOf('asking', 1, ['fast'], 'Follows a redirection of a cluster.', { categories: ['connection'] }),
]
