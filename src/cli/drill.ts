// `vedette drill <name>`: a switchover under load, to see that it works before it has to. Writes one key after the other
// through the sentinels, asks for a switchover in the middle, and then looks for every write that was acknowledged. The keys
// have a name of their own and expire by themselves.
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import { connectResp, type RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import { type Command, EXIT } from './command.ts'
import {
  connectSentinel,
  reportUnreachable,
  SENTINEL_ADDRESS_OPTIONS,
  type SentinelAddressArgs,
  secureOf,
} from './sentinel-address.ts'
import { count, span } from './table.ts'
import { duration, text } from './values.ts'

interface DrillArgs extends SentinelAddressArgs {
  readonly name: string
  readonly for: number
  readonly serverPassword?: string
}

const KEY_SECONDS = '300'
const RETRY_MS = 5
const ANSWER_MS = 500

/** What a writer saw. */
interface Written {
  /** Numbers of the acknowledged writes. */
  readonly acknowledged: number[]
  longestGapMs: number
  /** Error replies and broken connections. */
  failures: number
}

/** Where the primary is, as the sentinel says it; undefined while it does not know. */
async function primaryOf(sentinel: RespClient, name: string): Promise<{ host: string; port: number } | undefined> {
  const reply = await sentinel.command(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name])
  if (!Array.isArray(reply)) return undefined
  return { host: String(reply[0]), port: Number(reply[1]) }
}

/** A connection to the primary; undefined when there is none to be had. */
async function connectPrimary(sentinel: RespClient, args: DrillArgs): Promise<RespClient | undefined> {
  const address = await primaryOf(sentinel, args.name)
  if (address === undefined) return undefined
  const password = args.serverPassword ?? args.password ?? process.env.VEDETTE_PASSWORD ?? ''
  const options = { ...address, secure: secureOf(args), connectTimeoutMs: ANSWER_MS, replyTimeoutMs: ANSWER_MS }
  return connectResp(password === '' ? options : { ...options, password })
}

async function write(sentinel: RespClient, args: DrillArgs, prefix: string, untilMs: number): Promise<Written> {
  const written: Written = { acknowledged: [], longestGapMs: 0, failures: 0 }
  let client: RespClient | undefined
  let lastMs = monotonicMs()
  for (let i = 0; monotonicMs() < untilMs; ) {
    client ??= await connectPrimary(sentinel, args)
    const reply = await client?.command(['SET', `${prefix}:${i}`, '1', 'EX', KEY_SECONDS]).catch(() => undefined)
    if (reply === 'OK') {
      const nowMs = monotonicMs()
      written.longestGapMs = Math.max(written.longestGapMs, nowMs - lastMs)
      lastMs = nowMs
      written.acknowledged.push(i++)
      continue
    }
    // It may have been done all the same: the number is not used again.
    i++
    written.failures++
    client?.close()
    client = undefined
    await sleep(RETRY_MS)
  }
  client?.close()
  return written
}

const BATCH = 1000

async function lostOf(client: RespClient, prefix: string, acknowledged: readonly number[]): Promise<number> {
  let found = 0
  for (let from = 0; from < acknowledged.length; from += BATCH) {
    const keys = acknowledged.slice(from, from + BATCH).map((i) => `${prefix}:${i}`)
    const reply: Reply = await client.command(['EXISTS', ...keys])
    if (reply instanceof ReplyError) throw new Error(reply.message)
    found += Number(reply)
  }
  return acknowledged.length - found
}

async function drill(sentinel: RespClient, args: DrillArgs): Promise<number> {
  const before = await primaryOf(sentinel, args.name)
  if (before === undefined) {
    process.stderr.write(`vedette: the sentinel knows no group '${args.name}'\n`)
    return EXIT.usage
  }
  const prefix = `vedette:drill:${randomHex(16)}`
  const untilMs = monotonicMs() + args.for
  const writing = write(sentinel, args, prefix, untilMs)
  await sleep(args.for / 3)
  const answer = await sentinel.command(['SENTINEL', 'FAILOVER', args.name])
  const written = await writing
  if (answer instanceof ReplyError) {
    process.stderr.write(`vedette: the switchover was refused: ${answer.message}\n`)
    return EXIT.unhealthy
  }
  const after = await primaryOf(sentinel, args.name)
  const client = await connectPrimary(sentinel, args)
  if (after === undefined || client === undefined) return EXIT.unhealthy
  const lost = await lostOf(client, prefix, written.acknowledged).finally(() => client.close())
  const moved = after.host !== before.host || after.port !== before.port
  console.log(
    `${args.name}: ${before.host}:${before.port} → ${after.host}:${after.port}; ${count(written.acknowledged.length)} writes acknowledged, ` +
      `${lost} lost, longest gap ${span(written.longestGapMs)}, ${written.failures} errors on the way`,
  )
  return moved && lost === 0 && written.acknowledged.length > 0 ? EXIT.ok : EXIT.unhealthy
}

export const drillCommand: Command<DrillArgs> = {
  command: 'drill <name>',
  description: 'Try a switchover under load, and look for every acknowledged write',
  positionals: { name: { describe: 'Name of the group, as in `sentinel monitor <name> …`' } },
  options: {
    ...SENTINEL_ADDRESS_OPTIONS,
    for: {
      describe: 'How long to write; the switchover comes after a third of it',
      type: 'string',
      default: '6s',
      requiresArg: true,
      coerce: duration('for', 1000),
    },
    'server-password': {
      describe: 'Password of the servers, where it is another one than that of the sentinel',
      type: 'string',
      requiresArg: true,
      coerce: text('server-password'),
    },
  },
  examples: [['vedette drill mymaster', 'Exit code 0 when the primary moved and no acknowledged write was lost']],
  async handler(args) {
    const sentinel = connectSentinel(args)
    try {
      return await drill(sentinel, args)
    } catch (error) {
      return reportUnreachable(args, error)
    } finally {
      sentinel.close()
    }
  },
}
