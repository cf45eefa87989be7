// Holds the writes of clients while it is not certain that this server is still the primary: when it starts as one, and when it
// did not run for longer than a sentinel waits before it replaces a primary. In both cases another server may have been made
// primary meanwhile, and what is acknowledged here would be lost. The sentinels are asked, by connections of our own: what
// waited in a socket while we stood still tells nothing.
//
//   start as primary, or a stall ─▶ held ─┬─ most sentinels name us, and see us well ──▶ writes go on
//                                         ├─ a sentinel names another one ─▶ held until it makes us its replica
//                                         └─ nobody who knows answers for HOLD_MS ─────▶ writes go on: a warning
//
// This makes losses rare, not impossible: an answer may be old when it comes. (Leases will make it certain.) Nothing is ever
// held on a server that no sentinel of Vedette watches.

import type { ConnectionOptions } from 'node:tls'
import type { Log } from '../io/log.ts'
import { connectResp } from '../io/resp-client.ts'
import type { Reply } from '../protocol/reply-parser.ts'
import type { SentinelPlace } from './role-memory.ts'
import { addressOf, type KnownSentinels } from './sentinels.ts'

export interface WriteHold {
  /** This server starts as a primary. */
  started(): void
  /** It stood still for so long. */
  stalled(ms: number): void
  /** It has another role by an order: whoever gave it knows. */
  ordered(): void
  stop(): void
}

export interface WriteHoldParts {
  readonly sentinels: KnownSentinels
  readonly isPrimary: () => boolean
  /** Makes writes wait, or lets them go on. */
  readonly hold: (on: boolean) => void
  /** What to connect to them with. */
  readonly secure: () => ConnectionOptions | undefined
  /** What to log in with: any of these may be right, none is needed where the sentinels ask for none. */
  readonly passwords: () => readonly string[]
  readonly log: Log
  readonly monotonicMs: () => number
}

/** What one sentinel says. */
export type Answer = 'us' | 'unsure' | 'another' | 'none'

/** Going on without an answer after this: availability is then worth more than certainty, as in Redis. */
const HOLD_MS = 5000
const ASK_EVERY_MS = 100
const ANSWER_MS = 1000

/** What all answers together say: `us` needs most of the sentinels that are known. */
export function verdict(answers: readonly Answer[]): 'us' | 'another' | 'unknown' {
  const count = (one: Answer): number => answers.filter((answer) => answer === one).length
  if (count('another') > count('us') + count('unsure')) return 'another'
  return count('us') > answers.length / 2 ? 'us' : 'unknown'
}

/** What SENTINEL MASTER replied, as an answer. */
export function answerOf(reply: Reply, isSelf: (address: string) => boolean): Answer {
  if (!Array.isArray(reply)) return 'none'
  const fields = new Map<string, string>()
  for (let i = 0; i + 1 < reply.length; i += 2) fields.set(String(reply[i]), String(reply[i + 1]))
  const [host, port] = [fields.get('ip'), fields.get('port')]
  if (host === undefined || port === undefined) return 'none'
  if (!isSelf(addressOf({ host, port: Number(port) }))) return 'another'
  return fields.get('flags') === 'master' ? 'us' : 'unsure'
}

/** Nothing is held yet. */
export function createWriteHold(parts: WriteHoldParts): WriteHold {
  const { sentinels, log } = parts
  /** The hold under way; a new object for each, so that answers to former ones are told apart. */
  let current: { readonly sinceMs: number; named: boolean; timer: NodeJS.Timeout | undefined } | undefined

  const end = (): void => {
    clearTimeout(current?.timer)
    current = undefined
    parts.hold(false)
  }

  const begin = (why: string): void => {
    if (!parts.isPrimary() || !sentinels.canAsk()) return
    if (current !== undefined) end()
    log.notice(`${why}: writes wait until the sentinels say that this is still the primary`)
    parts.hold(true)
    current = { sinceMs: parts.monotonicMs(), named: false, timer: undefined }
    void ask(current)
  }

  const ask = async (mine: NonNullable<typeof current>): Promise<void> => {
    const answers = await Promise.all(sentinels.list().map((place) => askOne(place, parts)))
    if (current !== mine) return
    const said = verdict(answers)
    if (said === 'us') {
      log.notice('The sentinels say that this is the primary: writes go on')
      return end()
    }
    if (said === 'another' && !mine.named) {
      mine.named = true
      log.warning('The sentinels name another primary: writes wait until this server is made its replica')
    }
    if (said !== 'another' && parts.monotonicMs() - mine.sinceMs > HOLD_MS) {
      log.warning(
        `No majority of the ${answers.length} known sentinels has said for ${HOLD_MS} ms who is primary: writes go on`,
      )
      return end()
    }
    mine.timer = setTimeout(() => void ask(mine), ASK_EVERY_MS)
  }

  return {
    started: () => begin('This server was watched by sentinels before it started'),
    stalled: (ms) => begin(`This server stood still for ${Math.round(ms)} ms`),
    ordered() {
      if (current !== undefined) end()
    },
    stop() {
      clearTimeout(current?.timer)
      current = undefined
    },
  }
}

/** Asks one sentinel; never rejects. */
export function askOne(
  place: SentinelPlace,
  {
    sentinels,
    secure,
    passwords,
  }: Pick<WriteHoldParts, 'secure' | 'passwords'> & { sentinels: Pick<KnownSentinels, 'isSelf'> },
): Promise<Answer> {
  return new Promise((resolve) => {
    const client = connectResp({
      host: place.host,
      port: place.port,
      secure: secure(),
      password: passwords(),
      connectTimeoutMs: ANSWER_MS,
      replyTimeoutMs: ANSWER_MS,
      limits: { bulkBytesMax: 64 * 1024, totalBytesMax: 256 * 1024, valuesMax: 1000 },
      onClose: () => resolve('none'),
    })
    client.command(['SENTINEL', 'MASTER', place.group]).then(
      (reply) => {
        resolve(answerOf(reply, sentinels.isSelf))
        client.close()
      },
      () => resolve('none'),
    )
  })
}
