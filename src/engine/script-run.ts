// A script that runs: for whom, what it may do, and what its commands did, which is replicated when it ends.

import { nowhere, Session } from '../facade/session.ts'
import { REPL_ALL, REPL_AOF, REPL_REPLICA } from '../scripts/redis-api.ts'

/** A request to be replicated. */
interface Kept {
  readonly db: number
  readonly bytes: Buffer
  readonly toLog: boolean
  readonly toReplicas: boolean
}

/** Nobody reads what a script is answered; MONITOR shows it under this name. */
const NOWHERE = nowhere('lua', '')

export class ScriptRun {
  readonly caller: Session
  /** That its commands run for: the database that it selects is its own. */
  readonly session: Session
  readonly readOnly: boolean
  readonly allowOom: boolean
  /** Unix time in milliseconds: for the script it stands still. */
  readonly nowMs: number
  readonly kept: Kept[] = []
  /** The keys that it was given, if its caller tracks: once it calls a command that reads, they count as read. */
  trackedKeys: readonly Uint8Array[] = []
  /** Whether a command that writes was called. */
  wrote = false
  /** REPL_… of what comes. */
  replicateTo = REPL_ALL

  constructor(caller: Session, nowMs: number, may: { readonly readOnly: boolean; readonly allowOom: boolean }) {
    this.caller = caller
    this.nowMs = nowMs
    this.readOnly = may.readOnly
    this.allowOom = may.allowOom
    const session = new Session(caller.id, NOWHERE, nowMs, true)
    session.db = caller.db
    session.user = caller.user
    session.isPrimary = caller.isPrimary
    session.noTouch = caller.noTouch
    this.session = session
  }

  /** Keeps a request to be replicated; the bytes are copied. */
  keep(db: number, bytes: Uint8Array, isChange: boolean): void {
    const toLog = isChange && (this.replicateTo & REPL_AOF) !== 0
    const toReplicas = (this.replicateTo & REPL_REPLICA) !== 0
    if (toLog || toReplicas) this.kept.push({ db, bytes: Buffer.from(bytes), toLog, toReplicas })
  }
}
