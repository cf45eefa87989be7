// `vedette failover <name>`: asks a sentinel for a planned switchover and waits until the new primary is announced.
import { setTimeout as sleep } from 'node:timers/promises'
import { didYouMean } from '../config/suggest.ts'
import { monotonicMs } from '../io/clock.ts'
import type { RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import { type Command, EXIT } from './command.ts'
import {
  connectSentinel,
  reportUnreachable,
  SENTINEL_ADDRESS_OPTIONS,
  type SentinelAddressArgs,
} from './sentinel-address.ts'
import { span } from './table.ts'
import { duration } from './values.ts'

interface FailoverArgs extends SentinelAddressArgs {
  readonly name: string
  readonly timeout: number
  readonly allowDataLoss: boolean
}

const POLL_MS = 20

const addressOf = (reply: Reply): string | undefined => (Array.isArray(reply) ? reply.join(':') : undefined)

async function groupNames(client: RespClient): Promise<string[]> {
  const reply = await client.command(['SENTINEL', 'MASTERS'])
  return Array.isArray(reply) ? reply.map((one) => (Array.isArray(one) ? String(one[1]) : '')) : []
}

function fail(message: string, code: number): number {
  process.stderr.write(`vedette: ${message}\n`)
  return code
}

async function failover(client: RespClient, args: FailoverArgs): Promise<number> {
  const ask = async (): Promise<Reply> => client.command(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', args.name])
  const reply = await ask()
  if (reply instanceof ReplyError) return fail(reply.message, EXIT.unreachable)
  const before = addressOf(reply)
  if (before === undefined) {
    const names = await groupNames(client)
    const hint = didYouMean(args.name, names) || `It watches: ${names.join(', ') || 'nothing'}.`
    return fail(`the sentinel knows no group '${args.name}'. ${hint}`, EXIT.usage)
  }
  const startedMs = monotonicMs()
  const answer = await client.command([
    'SENTINEL',
    'FAILOVER',
    args.name,
    ...(args.allowDataLoss ? ['ALLOW-DATA-LOSS'] : []),
  ])
  if (answer instanceof ReplyError) return fail(`refused: ${answer.message}`, EXIT.unhealthy)
  while (monotonicMs() - startedMs < args.timeout) {
    const now = addressOf(await ask())
    if (now !== undefined && now !== before) {
      console.log(`${args.name}: ${before} → ${now} in ${span(monotonicMs() - startedMs)}`)
      return EXIT.ok
    }
    await sleep(POLL_MS)
  }
  return fail(
    `${args.name}: ${before} is still the primary after ${span(args.timeout)}; see the sentinels' log`,
    EXIT.unhealthy,
  )
}

export const failoverCommand: Command<FailoverArgs> = {
  command: 'failover <name>',
  description: 'Hand the primary of a group over to one of its replicas, and wait until it is done',
  positionals: { name: { describe: 'Name of the group, as in `sentinel monitor <name> …`' } },
  options: {
    ...SENTINEL_ADDRESS_OPTIONS,
    timeout: {
      describe: 'How long to wait for the new primary',
      type: 'string',
      default: '10s',
      requiresArg: true,
      coerce: duration('timeout', 100),
    },
    'allow-data-loss': {
      describe: 'In sync mode: promote a replica though writes that were acknowledged may be lost',
      type: 'boolean',
      default: false,
    },
  },
  examples: [
    ['vedette failover mymaster', 'Ask the sentinel on 127.0.0.1:26379'],
    ['vedette failover mymaster --sentinel 10.0.0.7:26379', 'Any sentinel of the quorum will do'],
  ],
  async handler(args) {
    const client = connectSentinel(args)
    try {
      return await failover(client, args)
    } catch (error) {
      return reportUnreachable(args, error)
    } finally {
      client.close()
    }
  },
}
