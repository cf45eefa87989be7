// One server under watch, as one sentinel sees it: its link, what it last said, and what is due to be asked. poll() says
// what to send now; the notes take what came back. Nothing here decides anything about a failover.

import type { Request } from '../lease/terms.ts'
import { type Address, addressKey, type ServerRef } from './address.ts'
import { createDetector, type Detector, type Judgement, signal, verdict } from './detector.ts'
import type { Effect, LinkFailure } from './effects.ts'
import type { ServerInfo } from './info.ts'

export interface Watched {
  readonly ref: ServerRef
  readonly key: string
  readonly detector: Detector
  link: 'down' | 'connecting' | 'up'
  /** When the link reached that state. */
  linkSinceMs: number
  nextConnectMs: number
  /** At the last attempt its name had no address. */
  nameless: boolean
  /** This sentinel's own address as the server sees it; empty before the first link. */
  local: string
  /** The ping that waits for its answer. */
  pingSentMs: number | undefined
  lastPingMs: number
  lastPongMs: number
  lastOkPongMs: number
  lastPong: string
  /** SCRIPT KILL was sent since it last answered validly. */
  scriptKillSent: boolean
  /** When each INFO that waits for its answer was sent, oldest first. */
  infoAsks: number[]
  info: ServerInfo | undefined
  /** When the request that `info` answers was sent: the facts in it are no older than this. */
  infoAskedMs: number
  infoAtMs: number
  /** What it last said as a primary, and how fast it wrote at most of late. */
  lastAsPrimary: Writing | undefined
  roleSinceMs: number
  /** When it was found to have restarted; undefined once it answers PONG again. */
  rebootedMs: number | undefined
  nextHelloMs: number
  lastHelloMs: number
  /** The verdict that was last told (+sdown sent or not). */
  sdown: boolean
  sdownSinceMs: number
  judgement: Judgement
  /** When a correction (REPLICAOF) was last sent to it outside a failover. */
  correctedMs: number
  /** Since when it follows another primary than it should. */
  strayingSinceMs: number | undefined
  /** It is only looked at (relocation.ts), and no server of the group. */
  probe: boolean
  readonly lease: LeaseTalk
}

/** What is said with a server about its lease (leases.ts). */
export interface LeaseTalk {
  /** A word is on its way, and not answered yet. */
  waiting: boolean
  sentMs: number
  urgedMs: number
  /** Its last request, if that was not granted yet. */
  request: Request | undefined
  /** The last tenure that it named, and when; empty: none. */
  tenure: string
  heardMs: number
  /** How long its lease still held then, ms. */
  leftMs: number
}

/** How far a primary was, when, and its pace. */
export interface Writing {
  readonly replId: string
  readonly offset: number
  readonly askedMs: number
  /** The highest pace between two INFOs; an earlier one counts for less with time. */
  readonly bytesPerMs: number
}

/** Rhythm of asking, ms. */
export interface Rhythm {
  readonly pingMs: number
  readonly infoMs: number
  readonly downAfterMs: number
}

/** Most INFO requests in flight on one link. */
const MAX_INFO_ASKS = 4
/** A link with a ping unanswered for this long (or down-after, if longer) is replaced: the path may be half dead. */
const STALE_LINK_MS = 5_000
/** How long after a broken link a reset attempt is repeated at once. */
const DYING_MS = 50

export function createWatched(group: string, address: Address, nowMs: number): Watched {
  const never = Number.NEGATIVE_INFINITY
  return {
    ref: { group, host: address.host, port: address.port },
    key: addressKey(address),
    detector: createDetector(nowMs),
    link: 'down',
    linkSinceMs: nowMs,
    nextConnectMs: nowMs,
    nameless: false,
    local: '',
    pingSentMs: undefined,
    lastPingMs: never,
    lastPongMs: nowMs,
    lastOkPongMs: nowMs,
    lastPong: '',
    scriptKillSent: false,
    infoAsks: [],
    info: undefined,
    infoAskedMs: never,
    infoAtMs: never,
    lastAsPrimary: undefined,
    roleSinceMs: nowMs,
    rebootedMs: undefined,
    nextHelloMs: nowMs,
    lastHelloMs: never,
    sdown: false,
    sdownSinceMs: nowMs,
    judgement: { verdict: 'up', why: 'it was only just found' },
    correctedMs: never,
    strayingSinceMs: undefined,
    probe: false,
    lease: { waiting: false, sentMs: never, urgedMs: never, request: undefined, tenure: '', heardMs: never, leftMs: 0 },
  }
}

/** What is due: a connection, a ping, an INFO. */
export function poll(server: Watched, nowMs: number, rhythm: Rhythm, out: Effect[]): void {
  if (server.link === 'down') {
    if (nowMs >= server.nextConnectMs) connect(server, nowMs, out)
    return
  }
  if (server.link === 'connecting') return
  const { pingSentMs } = server
  const staleMs = Math.max(rhythm.downAfterMs, STALE_LINK_MS)
  if (pingSentMs !== undefined && nowMs - pingSentMs > staleMs && nowMs - server.linkSinceMs > staleMs) {
    reconnect(server, nowMs, out)
    return
  }
  if (pingSentMs === undefined && nowMs - server.lastPingMs >= rhythm.pingMs) ping(server, nowMs, out)
  const lastAskMs = server.infoAsks.at(-1) ?? server.infoAskedMs
  if (nowMs - lastAskMs >= rhythm.infoMs && server.infoAsks.length === 0) askInfo(server, nowMs, out)
}

/** Replaces a link that stands or is being made; one that is down is made anew when its time comes. */
export function reconnect(server: Watched, nowMs: number, out: Effect[]): void {
  if (server.link === 'down') return
  out.push({ type: 'disconnect', ref: server.ref })
  connect(server, nowMs, out)
}

function connect(server: Watched, nowMs: number, out: Effect[]): void {
  forgetRequests(server)
  server.link = 'connecting'
  server.linkSinceMs = nowMs
  out.push({ type: 'connect', ref: server.ref })
}

function ping(server: Watched, nowMs: number, out: Effect[]): void {
  server.pingSentMs = nowMs
  server.lastPingMs = nowMs
  signal(server.detector, nowMs, { type: 'asked' })
  out.push({ type: 'ping', ref: server.ref })
}

/** Asks INFO now, unless the link is down or enough requests are on their way. */
export function askInfo(server: Watched, nowMs: number, out: Effect[]): void {
  if (server.link !== 'up' || server.infoAsks.length >= MAX_INFO_ASKS) return
  server.infoAsks.push(nowMs)
  out.push({ type: 'info', ref: server.ref })
}

function forgetRequests(server: Watched): void {
  server.pingSentMs = undefined
  server.infoAsks = []
  server.lease.waiting = false
  server.lease.request = undefined
}

/** Notes that the link stands, and asks at once. */
export function noteLinkUp(server: Watched, nowMs: number, local: string, out: Effect[]): void {
  server.link = 'up'
  server.nameless = false
  server.linkSinceMs = nowMs
  server.local = local
  server.nextHelloMs = nowMs
  signal(server.detector, nowMs, { type: 'connected' })
  ping(server, nowMs, out)
  askInfo(server, nowMs, out)
}

/** Notes the end of a link or attempt. After an established link broke, a fresh connection is tried at once. */
export function noteLinkDown(
  server: Watched,
  nowMs: number,
  failure: LinkFailure,
  retryMs: number,
  out: Effect[],
): void {
  const established = server.link === 'up'
  forgetRequests(server)
  server.link = 'down'
  server.nameless = failure === 'unresolved'
  server.linkSinceMs = nowMs
  if (established) {
    signal(server.detector, nowMs, { type: 'lost' })
    connect(server, nowMs, out)
    return
  }
  signal(server.detector, nowMs, { type: failure === 'refused' ? 'refused' : 'unreachable' })
  // A dying process may reset an attempt that its listening socket had still accepted: ask again, for a clear answer.
  const { broken, dead, waitingSinceMs = nowMs } = server.detector
  const dying = broken && !dead && (failure === 'reset' || failure === 'closed') && nowMs - waitingSinceMs < DYING_MS
  server.nextConnectMs = dying ? nowMs : nowMs + retryMs
  if (dying) connect(server, nowMs, out)
}

/** True for PONG, or an error that passes (detector.ts says why others, such as BUSY and MISCONF, are none). */
const isValidAnswer = (text: string): boolean => /^(PONG|LOADING|MASTERDOWN)\b/.test(text)

/** Notes the answer to a ping. A server that is down because a script keeps it busy is told to end the script, once. */
export function notePong(server: Watched, nowMs: number, text: string, out: Effect[]): void {
  server.pingSentMs = undefined
  server.lastPongMs = nowMs
  server.lastPong = text.slice(0, 64)
  if (!isValidAnswer(text)) {
    signal(server.detector, nowMs, { type: 'answered-badly', text: server.lastPong })
    if (!server.sdown || server.scriptKillSent || !/^BUSY\b/.test(text)) return
    server.scriptKillSent = true
    out.push({ type: 'kill-script', ref: server.ref })
    return
  }
  server.scriptKillSent = false
  server.lastOkPongMs = nowMs
  if (text.startsWith('PONG')) server.rebootedMs = undefined
  signal(server.detector, nowMs, { type: 'answered' })
}

/** Notes an INFO; false when it was not asked for. */
export function noteInfo(server: Watched, nowMs: number, info: ServerInfo): boolean {
  const askedMs = server.infoAsks.shift()
  if (askedMs === undefined) return false
  if (server.info?.role !== info.role) server.roleSinceMs = nowMs
  server.info = info
  server.infoAskedMs = askedMs
  server.infoAtMs = nowMs
  if (info.role === 'primary') server.lastAsPrimary = writingOf(server.lastAsPrimary, info, askedMs)
  return true
}

/** After this time a pace counts half. */
const PACE_HALVES_MS = 10_000

function writingOf(before: Writing | undefined, { replId, offset }: ServerInfo, askedMs: number): Writing {
  const elapsedMs = before === undefined ? 0 : askedMs - before.askedMs
  if (before?.replId !== replId || elapsedMs <= 0) return { replId, offset, askedMs, bytesPerMs: 0 }
  const pace = Math.max(0, offset - before.offset) / elapsedMs
  const faded = before.bytesPerMs * 0.5 ** (elapsedMs / PACE_HALVES_MS)
  return { replId, offset, askedMs, bytesPerMs: Math.max(pace, faded) }
}

/** Renews the verdict. A server that restarted and only says LOADING is down after `rebootDownAfterMs`, if that is not 0. */
export function judge(server: Watched, nowMs: number, downAfterMs: number, rebootDownAfterMs: number): Judgement {
  server.judgement = verdict(server.detector, nowMs, downAfterMs)
  const loadingMs = server.rebootedMs === undefined ? 0 : nowMs - server.rebootedMs
  if (server.judgement.verdict === 'up' && rebootDownAfterMs > 0 && loadingMs > rebootDownAfterMs)
    server.judgement = {
      verdict: 'silent',
      why: `it restarted ${Math.round(loadingMs)} ms ago and still does not serve`,
    }
  return server.judgement
}
