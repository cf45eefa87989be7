// Whom a sentinel has heard of without proof, and whom it knew once: where to dial, and nothing more. Nothing here makes it act,
// and nothing here is written to a disk.
// Invariants: the tables are bounded, whatever is published on a server's channel; a hint never moves a peer that is heard,
// and never makes anybody a peer: that is the transport's to prove (peers.ts).
import { FORMER_MAX, HINTS_MAX } from '../lib/limits.ts'
import { type Address, sameAddress } from './address.ts'
import type { Hello } from './hello.ts'
import { type CoreState, type Peer, say } from './state.ts'

/** A hint that nobody repeats is forgotten. */
export const HINT_MS = 10_000
/** How often the same complaint is made, and how many different ones are remembered. */
const COMPLAIN_MS = 60_000
const COMPLAINTS_MAX = 16

/** Takes a hello that anybody may have published. True when the transport has somebody new to try. */
export function takeHint(core: CoreState, hello: Hello, nowMs: number): boolean {
  if (hello.peer === core.self.peer) {
    noteTwin(core, hello, nowMs)
    return false
  }
  if (core.formed !== undefined && hello.group !== undefined && hello.group.id !== core.formed.id) {
    core.stats.foreignHellos += 1
    complainOfForeign(core, hello, nowMs)
    return false
  }
  const known = core.peers.get(hello.peer)
  if (known !== undefined) {
    known.lastHelloMs = nowMs
    if (!known.sdown || sameAddress(known.gossip, hello.gossip)) return false
  }
  return addHint(core, hello, nowMs)
}

function addHint(core: CoreState, hello: Hello, nowMs: number): boolean {
  const { hints } = core.circle
  if (hello.group !== undefined) core.circle.groupHeardMs ??= nowMs
  const before = hints.get(hello.peer)
  if (before === undefined && hints.size >= HINTS_MAX) hints.delete(victimOf(core, nowMs))
  const { peer, runId, gossip, resp, name, group } = hello
  hints.set(peer, {
    peer,
    runId,
    gossip,
    resp,
    name,
    grouped: group !== undefined,
    firstMs: before?.firstMs ?? nowMs,
    heardMs: nowMs,
  })
  return before === undefined || !sameAddress(before.gossip, gossip)
}

/** Who makes room for a new hint: any, so that no flood of inventions can keep a living sentinel out for certain. */
function victimOf({ circle, options }: CoreState, nowMs: number): string {
  const ids = [...circle.hints.keys()]
  const old = ids.find((id) => nowMs - circle.hints.get(id)!.heardMs > HINT_MS)
  return old ?? ids[options.random.below(ids.length)]!
}

/** Forgets hints that nobody repeated; true when there were any. */
export function expireHints({ circle }: CoreState, nowMs: number): boolean {
  const before = circle.hints.size
  for (const [peer, { heardMs }] of circle.hints) if (nowMs - heardMs > HINT_MS) circle.hints.delete(peer)
  if (![...circle.hints.values()].some(({ grouped }) => grouped)) circle.groupHeardMs = undefined
  return circle.hints.size < before
}

/** Remembers one that is a peer no more, in case that it returns. */
export function rememberFormer({ circle }: CoreState, { peer, runId, gossip, resp, name }: Peer): void {
  const { former } = circle
  former.delete(peer)
  const [oldest] = former.keys()
  if (oldest !== undefined && former.size >= FORMER_MAX) former.delete(oldest)
  former.set(peer, { peer, runId, gossip, resp, name })
}

/** It has proven who it is: it needs no hint any more. */
export function dropHint({ circle }: CoreState, peer: string): void {
  circle.hints.delete(peer)
  circle.former.delete(peer)
}

/** One's own hello, from elsewhere: somebody copied this sentinel's folder. */
function noteTwin(core: CoreState, { resp, gossip }: Hello, nowMs: number): void {
  const { self, circle } = core
  if (self.resp.host === '' || (sameAddress(resp, self.resp) && sameAddress(gossip, self.gossip))) return
  circle.twin = { resp, heardMs: nowMs }
  complain(core, `twin ${resp.host} ${resp.port}`, twinText(resp), nowMs)
}

export const twinText = ({ host, port }: Address): string =>
  `The sentinel at ${host}:${port} announces the peer ID of this one: one of their folders is a copy of the other's. ` +
  'Each needs a folder of its own; stop one, empty its dir, and start it again'

/** A sentinel of another group is on the same servers. */
export function complainOfForeign(core: CoreState, { peer, resp, group }: Hello, nowMs: number): void {
  const where = `${resp.host}:${resp.port}`
  const text = `Sentinel ${where} watches the same servers but belongs to group ${group?.id}, not ${core.formed?.id}: refused. `
  complain(core, `foreign ${peer}`, `${text}Two groups must not supervise the same servers; stop one of them`, nowMs)
}

/** Says something that others cause, once a minute; bounded, whatever they invent. */
export function complain(core: CoreState, about: string, text: string, nowMs: number): void {
  const { complaints } = core.circle
  for (const [key, atMs] of complaints) if (nowMs - atMs >= COMPLAIN_MS) complaints.delete(key)
  if (complaints.has(about) || complaints.size >= COMPLAINTS_MAX) return
  complaints.set(about, nowMs)
  say(core, 'warning', `${text}.`)
}
