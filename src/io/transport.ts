// How sentinels talk to each other: unreliable messages between named peers, as Raft expects them. Messages may be lost,
// duplicated, reordered and delivered late (after a freeze, very late); they are never altered, and never come from
// anyone who is not on the list of peers. Implementations: gossip.ts (libp2p) and memory-transport.ts; one suite tests both.
//
// A message longer than MESSAGE_BYTES_MAX is refused; longer than a transport's own unit it travels in pieces, whole or not at all.
// At most PEERS_MAX peers are taken. Both limits stand in lib/limits.ts, and refusing is said (`onWarning`).

import { MESSAGE_BYTES_MAX, PEERS_MAX } from '../lib/limits.ts'

/** A peer and where it listens. The id is the one that its key proves on a direct link; what others relay only claims it. */
export interface Peer {
  readonly id: string
  /** IP address or host name. */
  readonly host: string
  readonly port: number
  /** Somebody says that it listens there. */
  readonly also?: { readonly host: string; readonly port: number }
}

export interface PeerState {
  readonly id: string
  /** Whether messages flow in both directions, as far as this side can tell. A hint: only messages prove life. */
  readonly connected: boolean
}

export interface TransportHandlers {
  /** A message came. `from` is a listed peer. The bytes are the receiver's to keep. */
  onMessage(from: string, payload: Uint8Array): void
  /** A peer became, or ceased to be, connected. */
  onPeer?(id: string, connected: boolean): void
  /** Something was refused because of a limit: a sentence for the log. */
  onWarning?(text: string): void
}

/** Counts since the start. */
export interface TransportStats {
  messagesIn: number
  messagesOut: number
  bytesIn: number
  bytesOut: number
  /** Malformed, from strangers, or incomplete. */
  droppedIn: number
  /** No link, full buffers, or too long. */
  droppedOut: number
}

export interface PeerTransport {
  readonly self: string
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** Sends to one peer; false when it certainly was not sent (no such peer, too long, buffers full). The bytes may be reused. */
  send(to: string, payload: Uint8Array): boolean
  /** Sends to every peer, also to those that can only be reached through another one. */
  broadcast(payload: Uint8Array): boolean
  /** Replaces the list of those who may connect and are connected to. Entries that are no peers, and self, are left out. */
  setPeers(peers: readonly Peer[]): void
  peers(): readonly PeerState[]
  readonly stats: Readonly<TransportStats>
  /** Closes everything; handlers are not called any more from here on. */
  stop(): Promise<void>
}

export function createStats(): TransportStats {
  return { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, droppedIn: 0, droppedOut: 0 }
}

/** The peers that a transport takes of those given: not itself, and no more than the limit. */
export function takeable(peers: readonly Peer[], self: string, warn: TransportHandlers['onWarning']): readonly Peer[] {
  const others = peers.filter(({ id }) => id !== self)
  if (others.length <= PEERS_MAX) return others
  const left = others.length - PEERS_MAX
  warn?.(`${others.length} peers are more than the ${PEERS_MAX} that can be talked to: the last ${left} are left out`)
  return others.slice(0, PEERS_MAX)
}

/** Whether a message is too long to be sent, which is then said. */
export function isTooLong(payload: Uint8Array, to: string, warn: TransportHandlers['onWarning']): boolean {
  if (payload.byteLength <= MESSAGE_BYTES_MAX) return false
  warn?.(`A message of ${payload.byteLength} bytes to ${to} is longer than the limit of ${MESSAGE_BYTES_MAX}: not sent`)
  return true
}
