// MEMORY: where the memory is. All of it is counted exactly; there is no allocator of C behind it.

import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import type { Context } from './context.ts'
import type { MemoryFacts } from './observed.ts'
import { type CommandSpec, keyAt } from './spec.ts'

/** What a key takes in the index, about. */
const INDEX_BYTES = 8

function usage({ args, db, reply }: Context): void {
  for (let i = 3; i < args.count; i += 2) {
    // Values are not sampled here, they are counted: the number is only checked.
    const samples = args.is(i, 'samples') && i + 1 < args.count ? args.int64(i + 1) : fail('syntax')
    if (samples === undefined) fail('notInteger')
    if (samples < 0n) fail('syntax')
  }
  const h = db.find(args.buffer, args.start(2), args.end(2))
  if (h === 0) reply.null()
  else reply.int(db.entryBytes(h) + INDEX_BYTES)
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b)

function stats({ host, keyspace, reply }: Context): void {
  const facts = host.memory()
  const { usedBytes, peakBytes, startupBytes, datasetBytes, reservedBytes, blockBytes, rssBytes } = facts
  const databases = keyspace.databases.filter((db) => db.size > 0)
  const net = Math.max(0, usedBytes - startupBytes)
  const integers: [string, number][] = [
    ['peak.allocated', peakBytes],
    ['total.allocated', usedBytes],
    ['startup.allocated', startupBytes],
    ['replication.backlog', facts.backlogBytes],
    ['clients.slaves', facts.replicaBufferBytes],
    ['clients.normal', facts.clientBytes],
    ['cluster.links', 0],
    ['aof.buffer', facts.logBufferBytes],
    ['lua.caches', 0],
    ['functions.caches', 0],
  ]
  const rest: [string, number, 'integer' | 'double'][] = [
    ['overhead.total', Math.max(0, usedBytes - datasetBytes), 'integer'],
    ['keys.count', keyspace.size, 'integer'],
    ['keys.bytes-per-key', keyspace.size === 0 ? 0 : Math.floor(net / keyspace.size), 'integer'],
    ['dataset.bytes', datasetBytes, 'integer'],
    ['dataset.percentage', Math.min(100, ratio(datasetBytes, net) * 100), 'double'],
    ['peak.percentage', ratio(usedBytes, peakBytes) * 100, 'double'],
    ['allocator.allocated', blockBytes, 'integer'],
    ['allocator.active', reservedBytes, 'integer'],
    ['allocator.resident', rssBytes, 'integer'],
    ['allocator-fragmentation.ratio', ratio(reservedBytes, blockBytes), 'double'],
    ['allocator-fragmentation.bytes', reservedBytes - blockBytes, 'integer'],
    ['allocator-rss.ratio', ratio(rssBytes, reservedBytes), 'double'],
    ['allocator-rss.bytes', rssBytes - reservedBytes, 'integer'],
    ['rss-overhead.ratio', 1, 'double'],
    ['rss-overhead.bytes', 0, 'integer'],
    ['fragmentation', ratio(rssBytes, usedBytes), 'double'],
    ['fragmentation.bytes', rssBytes - usedBytes, 'integer'],
  ]
  reply.map(integers.length + databases.length + rest.length)
  for (const [name, n] of integers) {
    reply.bulkText(name)
    reply.int(n)
  }
  for (const db of databases) {
    reply.bulkText(`db.${db.index}`)
    reply.map(3)
    for (const [name, n] of [
      ['overhead.hashtable.main', db.size * INDEX_BYTES],
      ['overhead.hashtable.expires', db.expires.size * INDEX_BYTES],
      ['overhead.hashtable.slot-to-keys', 0],
    ] as const) {
      reply.bulkText(name)
      reply.int(n)
    }
  }
  for (const [name, n, kind] of rest) {
    reply.bulkText(name)
    if (kind === 'integer') reply.int(n)
    else reply.double(String(n))
  }
}

const LITTLE_BYTES = 5 << 20
/** Two slabs: what may always be free. */
const SMALL_WASTE_BYTES = 64 << 20

/** What is worth a word about the memory of a server. */
function remarks({
  usedBytes,
  peakBytes,
  reservedBytes,
  blockBytes,
  rssBytes,
  clientBytes,
  replicaBufferBytes,
}: MemoryFacts): string[] {
  if (usedBytes < LITTLE_BYTES) return ['The server holds little data: what is needed for itself outweighs it.']
  const found: string[] = []
  if (peakBytes > usedBytes * 1.5) {
    found.push('Peak: it once held more than 150 % of what it holds now.')
  }
  if (reservedBytes > blockBytes * 1.5 && reservedBytes - blockBytes > SMALL_WASTE_BYTES) {
    found.push('Fragmentation: more than a third of the reserved memory is free in pieces; activedefrag gives it back.')
  }
  if (rssBytes > (reservedBytes + (150 << 20)) * 1.5) found.push('Overhead: the process takes much more than its data.')
  if (clientBytes > usedBytes / 4)
    found.push('Clients: their buffers take more than a quarter. Does one not read its replies?')
  if (replicaBufferBytes > usedBytes / 4) found.push('Replicas: output that waits for them takes more than a quarter.')
  return found
}

function doctor({ host, reply }: Context): void {
  const found = remarks(host.memory())
  reply.verbatim(
    'txt',
    found.length === 0 ? 'Nothing is remarkable about the memory of this server.\n' : `${found.join('\n')}\n`,
  )
}

function mallocStats({ host, reply }: Context): void {
  const { blockBytes, reservedBytes, returnedBytes, rssBytes, defrag } = host.memory()
  reply.verbatim(
    'txt',
    `vedette-arena: ${blockBytes} bytes in use, ${reservedBytes} reserved, ${rssBytes} resident\n` +
      `${returnedBytes} bytes given back to the system, ${defrag.movedBytes} moved to empty slabs\n`,
  )
}

const ABOUT = {
  group: 'server',
  arity: 2,
  flags: [],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
} as const

/** MEMORY. */
export const MEMORY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'memory',
    summary: 'Where the memory is.',
    since: '4.0.0',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...ABOUT,
        name: 'doctor',
        summary: 'Returns a report for a person.',
        since: '4.0.0',
        complexity: 'O(1)',
        run: doctor,
      },
      {
        ...ABOUT,
        name: 'malloc-stats',
        summary: 'Returns what the store has reserved.',
        since: '4.0.0',
        complexity: 'Depends on how much memory is allocated, could be slow',
        run: mallocStats,
      },
      {
        ...ABOUT,
        name: 'purge',
        summary: 'Gives memory back to the system in which nothing is in use.',
        since: '4.0.0',
        complexity: 'Depends on how much memory is allocated, could be slow',
        tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
        run: ({ host, reply }) => {
          host.purgeMemory()
          reply.ok()
        },
      },
      {
        ...ABOUT,
        name: 'stats',
        summary: 'Returns where the memory is.',
        since: '4.0.0',
        complexity: 'O(1)',
        run: stats,
      },
      {
        name: 'usage',
        summary: 'Returns the bytes that a key takes.',
        since: '4.0.0',
        group: 'server',
        complexity: 'O(1)',
        arity: -3,
        flags: ['readonly'],
        keys: [keyAt(2, 'RO')],
        arguments: [
          { name: 'key', type: 'key', keySpecIndex: 0 },
          { name: 'count', type: 'integer', token: 'SAMPLES', optional: true },
        ],
        run: usage,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '4.0.0',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
]
