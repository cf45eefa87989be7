// Who this sentinel is and whom it knows, as kept in the `identity` record of the state file: so that a restarted sentinel
// is the same one for everybody, belongs to the same group, and finds the others while every server is down.
import type { StateStore } from '../io/state/store.ts'
import { PEERS_MAX } from '../lib/limits.ts'
import { toEarlyList } from '../sentinel/early.ts'
import type { PeerAddress } from '../sentinel/effects.ts'
import { asAddress, asId, asList, asName, asObject, parseObject } from '../sentinel/fields.ts'
import { type FormedGroup, toGroup } from '../sentinel/formation.ts'
import type { Early } from '../sentinel/settings.ts'

export interface Identity {
  /** 40 hex digits, SENTINEL MYID. */
  readonly runId: string
  /** The Raft group; undefined until it was formed or joined. */
  readonly group: FormedGroup | undefined
  readonly peers: readonly PeerAddress[]
  /** What operators were answered OK before there was a group. */
  readonly early?: readonly Early[]
}

export const encodeIdentity = (identity: Identity): Uint8Array => Buffer.from(JSON.stringify({ v: 1, ...identity }))

/** Undefined when the bytes are no identity of version 1. */
export function decodeIdentity(bytes: Uint8Array): Identity | undefined {
  const fields = parseObject(Buffer.from(bytes).toString('utf8'), 1 << 20)
  if (fields?.v !== 1) return undefined
  const runId = asId(fields.runId)
  const peers = asList(fields.peers, PEERS_MAX, toPeer)
  const group = fields.group === undefined ? undefined : toGroup(fields.group)
  const early = fields.early === undefined ? undefined : toEarlyList(fields.early)
  if (!runId || !peers || (fields.group !== undefined && !group)) return undefined
  if (fields.early !== undefined && early === undefined) return undefined
  return { runId, group, peers, ...(early !== undefined && { early }) }
}

function toPeer(value: unknown): PeerAddress | undefined {
  const fields = asObject(value)
  const peer = asId(fields?.peer)
  const runId = asId(fields?.runId)
  const gossip = asAddress(fields?.gossip)
  const resp = asAddress(fields?.resp)
  const name = asName(fields?.name)
  return peer && runId && gossip && resp ? { peer, runId, gossip, resp, ...(name && { name }) } : undefined
}

/** Reads who this sentinel is from its store, or makes a new identity there. */
export function loadIdentity(store: StateStore, newRunId: () => string): Identity {
  const stored = store.state.identity
  if (stored !== undefined) {
    const identity = decodeIdentity(stored)
    if (identity === undefined) throw new Error('the identity in the state file is not understood')
    return identity
  }
  const identity: Identity = { runId: newRunId(), group: undefined, peers: [] }
  store.save({ identity: encodeIdentity(identity) }, true)
  return identity
}
