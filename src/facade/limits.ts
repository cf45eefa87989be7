// What clients are subject to, in numbers. Each process says where they come from; they are asked for at each use, so that
// CONFIG SET takes effect.

import type { Session } from './session.ts'

/** Limits on what may wait for a peer that does not read: `client-output-buffer-limit`. 0 is no limit. */
export interface OutputLimit {
  readonly hardBytes: number
  readonly softBytes: number
  readonly softSeconds: number
}

/** The limits of a process. */
export interface ClientLimits {
  /** Connections at once. */
  readonly clientsMax: number
  /** Bytes that all clients together may hold, 0 for no limit. */
  readonly clientsBytesMax: number
  /** Seconds after which an idle client is closed, 0 for never. */
  readonly idleSeconds: number
  /** Whether a password is asked for. */
  readonly passwordNeeded: boolean
  /** Whether, while none is, only peers on this machine are let in. */
  readonly protectedMode: boolean
  /** Of one argument, and of input that is not dealt with. */
  readonly bulkBytesMax: number
  readonly queryBytesMax: number
  output(session: Session): OutputLimit
}

/**
 * The kind of a session as output limits see it. MONITOR sends on its own like a channel; with the limit of normal clients,
 * none, a reader that stops would be fatal.
 */
export function outputKind(session: Session): 'normal' | 'replica' | 'pubsub' {
  if (session.monitor) return 'pubsub'
  const { kind } = session
  return kind === 'primary' ? 'normal' : kind
}
