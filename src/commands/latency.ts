// LATENCY: events that took long, by kind; and how long commands take.

import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import type { Command } from '../facade/table.ts'
import type { Histogram } from '../lib/histogram.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

function latest(ctx: Context): void {
  const events = ctx.host.latency.latest()
  ctx.reply.array(events.length)
  for (const { event, atSeconds, ms, maxMs } of events) {
    ctx.reply.array(4)
    ctx.reply.bulkText(event)
    for (const n of [atSeconds, ms, maxMs]) ctx.reply.int(n)
  }
}

function history({ args, host, reply }: Context): void {
  const samples = host.latency.history(args.str(2))
  reply.array(samples.length)
  for (const { atSeconds, ms } of samples) {
    reply.array(2)
    reply.int(atSeconds)
    reply.int(ms)
  }
}

function graph(ctx: Context): void {
  const { args, host, reply } = ctx
  const event = args.str(2)
  const text = host.latency.graph(event, Math.floor(ctx.nowMs / 1000))
  if (text === undefined) fail('latencySamples', event.slice(0, 128))
  reply.verbatim('txt', text)
}

function reset({ args, host, reply }: Context): void {
  reply.int(host.latency.reset(Array.from({ length: args.count - 2 }, (_, i) => args.str(i + 2))))
}

function doctor({ host, reply }: Context): void {
  const { values } = host.config
  reply.verbatim('txt', host.latency.report(values['latency-monitor-threshold'], values['slowlog-log-slower-than']))
}

type Measured = readonly [name: string, latency: Histogram]

/** The commands asked for, a container's subcommands with it, that were measured; without arguments all. */
function measured({ args, host }: Context): Measured[] {
  const all: Pick<Command, 'fullName' | 'latency'>[] = []
  if (args.count === 2) all.push(...host.commands.all())
  for (let i = 2; i < args.count; i++) {
    const [name = '', sub] = args.str(i).toLowerCase().split('|', 2)
    const command = host.commands.byName.get(name)
    if (command === undefined) continue
    const one = sub === undefined ? command : command.subcommands?.get(sub)
    if (one !== undefined) all.push(one)
    if (sub === undefined) all.push(...(command.subcommands?.values() ?? []))
  }
  return all.flatMap(({ fullName, latency }) => (latency === undefined ? [] : [[fullName, latency] as const]))
}

function histogram(ctx: Context): void {
  const { reply } = ctx
  const found = measured(ctx)
  reply.map(found.length)
  for (const [name, latency] of found) {
    reply.bulkText(name)
    reply.map(2)
    reply.bulkText('calls')
    reply.int(latency.count)
    reply.bulkText('histogram_usec')
    const doublings = latency.doublings()
    reply.map(doublings.length)
    for (const [nanos, count] of doublings) {
      // As Redis rounds: the end of the class, which is 1/128 wide there.
      reply.int(Math.floor((nanos + nanos / 128 - 1) / 1000))
      reply.int(count)
    }
  }
}

const ABOUT = {
  group: 'server',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
} as const

/** LATENCY. */
export const LATENCY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'latency',
    summary: 'Events that took long, and how long commands take.',
    since: '2.8.13',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...ABOUT,
        name: 'doctor',
        summary: 'Returns a report for a person.',
        since: '2.8.13',
        complexity: 'O(1)',
        arity: 2,
        run: doctor,
      },
      {
        ...ABOUT,
        name: 'graph',
        summary: 'Draws the events of a kind.',
        since: '2.8.13',
        complexity: 'O(1)',
        arity: 3,
        arguments: [{ name: 'event', type: 'string' }],
        run: graph,
      },
      {
        ...ABOUT,
        name: 'histogram',
        summary: 'Returns how long commands take.',
        since: '7.0.0',
        complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
        arity: -2,
        arguments: [{ name: 'COMMAND', type: 'string', optional: true, multiple: true }],
        run: histogram,
      },
      {
        ...ABOUT,
        name: 'history',
        summary: 'Returns the events of a kind.',
        since: '2.8.13',
        complexity: 'O(1)',
        arity: 3,
        arguments: [{ name: 'event', type: 'string' }],
        run: history,
      },
      {
        ...ABOUT,
        name: 'latest',
        summary: 'Returns the latest event of each kind.',
        since: '2.8.13',
        complexity: 'O(1)',
        arity: 2,
        run: latest,
      },
      {
        ...ABOUT,
        name: 'reset',
        summary: 'Forgets events.',
        since: '2.8.13',
        complexity: 'O(1)',
        arity: -2,
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        arguments: [{ name: 'event', type: 'string', optional: true, multiple: true }],
        run: reset,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '2.8.13',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
]
