// The sentinels that watch this server, as far as it can tell: from the hellos that they publish here. It needs them for one
// question only: am I still the primary? (write-hold.ts). Who may publish here may invent sentinels; so they are bounded, cost
// nothing but a question, and an answer can only keep writes waiting or let them go on.
//
// Only Vedette's sentinels count: those of Redis answer with what they knew before they could know better. And only an address
// by which a sentinel reached us is taken for our own.
import type { Session } from '../facade/session.ts'
import { type Place, SELVES_MAX, SENTINELS_MAX, type SentinelPlace } from './role-memory.ts'

const REDIS_HELLO = '__sentinel__:hello'
const VEDETTE_HELLO = '__vedette__:hello'
/** They publish every two seconds. */
const GONE_AFTER_MS = 60_000
const HELLO_BYTES_MAX = 16 * 1024

export interface KnownSentinels {
  /** A message was published; `session` is whose command did it. */
  heard(channel: Buffer, message: Buffer, session: Session | undefined): void
  list(): readonly SentinelPlace[]
  /** Whether the address is one under which sentinels know this server. */
  isSelf(address: string): boolean
  /** Whether it can be asked who is primary, and the answer understood. */
  canAsk(): boolean
}

export const addressOf = ({ host, port }: Place): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

export interface KnownSentinelsParts {
  readonly remembered: { readonly sentinels: readonly SentinelPlace[]; readonly selves: readonly string[] }
  readonly isPrimary: () => boolean
  readonly monotonicMs: () => number
  /** The address to announce, if there is one: `host:port`. */
  readonly announced: () => string | undefined
  /** Something new is known. */
  readonly changed: (sentinels: readonly SentinelPlace[], selves: readonly string[]) => void
}

/** Those remembered, and who is heard from now on. */
export function createKnownSentinels(parts: KnownSentinelsParts): KnownSentinels {
  /** By run ID, or address where that is not known; the least recently heard first. */
  const places = new Map<string, SentinelPlace & { heardMs: number }>(
    parts.remembered.sentinels.map((place) => [addressOf(place), { ...place, heardMs: parts.monotonicMs() }]),
  )
  const vedettes = new Set<string>() // run IDs of Vedette's
  const selves = new Set(parts.remembered.selves)
  const list = (): SentinelPlace[] => [...places.values()].map(({ host, port, group }) => ({ host, port, group }))
  const changed = (): void => parts.changed(list(), [...selves])

  const isSelfFor = (address: string, session: Session | undefined): boolean =>
    address === parts.announced() || (session !== undefined && !session.isPrimary && address === session.outlet.local)

  const takeVedette = (text: string): void => {
    const runId = runIdOf(text)
    if (runId === undefined || vedettes.has(runId)) return
    if (vedettes.size >= SENTINELS_MAX) vedettes.clear()
    vedettes.add(runId)
  }

  const takeRedis = (text: string, session: Session | undefined): void => {
    const hello = parseHello(text)
    if (hello === undefined || !vedettes.has(hello.runId)) return
    const { runId, sentinel } = hello
    const known = places.get(runId)
    const isNews = known === undefined || addressOf(known) !== addressOf(sentinel) || known.group !== sentinel.group
    // One of the same address may be remembered from the last start, or have had another run ID.
    const nowMs = parts.monotonicMs()
    for (const [id, place] of places) {
      const isReplaced = id === runId || addressOf(place) === addressOf(sentinel)
      if (isReplaced || nowMs - place.heardMs > GONE_AFTER_MS) places.delete(id)
    }
    places.set(runId, { ...sentinel, heardMs: nowMs })
    if (places.size > SENTINELS_MAX) places.delete(places.keys().next().value!)
    const isNewSelf = parts.isPrimary() && !selves.has(hello.primary) && isSelfFor(hello.primary, session)
    if (isNewSelf) {
      if (selves.size >= SELVES_MAX) selves.clear()
      selves.add(hello.primary)
    }
    if (isNews || isNewSelf) changed()
  }

  return {
    heard(channel, message, session) {
      if (channel[0] !== 0x5f || message.length > HELLO_BYTES_MAX) return
      const name = channel.toString('latin1')
      if (name === VEDETTE_HELLO) takeVedette(message.toString())
      else if (name === REDIS_HELLO) takeRedis(message.toString('latin1'), session)
    },
    list,
    isSelf: (address) => selves.has(address),
    canAsk: () => places.size > 0 && selves.size > 0,
  }
}

const RUN_ID = /^[0-9a-f]{40}$/

function runIdOf(json: string): string | undefined {
  try {
    const { v, runId } = JSON.parse(json) as { v?: unknown; runId?: unknown }
    return v === 1 && typeof runId === 'string' && RUN_ID.test(runId) ? runId : undefined
  } catch {
    return undefined
  }
}

/** `ip,port,runid,epoch,group,primary ip,primary port,epoch` */
function parseHello(text: string): { runId: string; sentinel: SentinelPlace; primary: string } | undefined {
  const match =
    /^([!-+\--~]{1,255}),(\d{1,5}),([0-9a-f]{40}),\d+,([A-Za-z0-9._-]{1,255}),([!-+\--~]{1,255}),(\d{1,5}),\d+$/.exec(
      text,
    )
  if (match === null) return undefined
  const [, host, port, runId, group, primaryHost, primaryPort] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  if (Number(port) < 1 || Number(port) > 65_535) return undefined
  const primary = addressOf({ host: primaryHost, port: Number(primaryPort) })
  return { runId, sentinel: { host, port: Number(port), group }, primary }
}
