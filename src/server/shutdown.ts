// How the server ends, by SHUTDOWN or by a signal: writes stop, replicas that are behind get some time to catch up
// (shutdown-timeout), a last snapshot is written if there are save points, and then everything is closed. Until then it
// can be called off (SHUTDOWN ABORT); a snapshot that fails calls it off too, unless forced.
//
// Invariant: behind the last snapshot no request is answered any more, so that nothing is acknowledged and lost.
import type { Context, ShutdownOptions } from '../commands/context.ts'
import type { ServerOptions } from '../config/server-options.ts'
import { errorText, fail } from '../errors.ts'
import type { ClientRegistry } from '../facade/registry.ts'
import type { Session } from '../facade/session.ts'
import { monotonicMs, wallMs } from '../io/clock.ts'
import type { Log } from '../io/log.ts'
import type { ServerReplication } from './parts.ts'
import type { ServerPersistence } from './persistence.ts'

export interface ShutdownParts {
  readonly options: Readonly<ServerOptions>
  readonly log: Log
  readonly clients: ClientRegistry
  readonly replication: ServerReplication
  readonly persistence: ServerPersistence
  /** Closes everything; the process's exit code. */
  end(code: number): void
}

export interface Shutdown {
  /** SHUTDOWN. Throws CommandError if the server cannot end; otherwise the session gets no answer but the end. */
  command(ctx: Context, how: ShutdownOptions): void
  /** A signal. As in Redis a snapshot that fails keeps the server running, unless `shutdown-on-sig…` says nosave or force. */
  signal(name?: 'SIGTERM' | 'SIGINT'): void
  /** SHUTDOWN ABORT: whether there was anything to call off. */
  abort(): boolean
  /** How long the shutdown under way still waits for replicas; undefined if it waits for none. */
  remainingMs(): number | undefined
}

const POLL_MS = 10
/** The ways to end a server. */
export function createShutdown(parts: ShutdownParts): Shutdown {
  const { options, log, clients, replication, persistence } = parts
  let waiting: NodeJS.Timeout | undefined
  let deadlineMs = 0
  let ending = false
  const sessions = new Set<Session>() // that asked for the shutdown under way

  const stopWaiting = (): void => {
    clearInterval(waiting)
    waiting = undefined
  }

  const end = (code: number): void => {
    if (ending) return
    ending = true
    // Connections are closed later, so that replies under way are sent; what comes until then waits for ever.
    clients.pause(Number.POSITIVE_INFINITY, 'all')
    setImmediate(() => parts.end(code))
  }

  /** Saves and ends. Throws if the snapshot fails and nothing forces the end. */
  const finish = (how: ShutdownOptions): void => {
    const { all, behind } = replication.progress()
    for (const line of behind) log.notice(line)
    if (all > 0) log.notice(`${all - behind.length} of ${all} replicas are in sync when shutting down.`)
    try {
      if (how.save ?? options.save.length > 0) persistence.saveAtExit()
    } catch (error) {
      if (!how.force) {
        log.warning("Error trying to save the DB, can't exit.")
        throw error
      }
      log.warning(`Saving failed, shutting down all the same: ${error instanceof Error ? error.message : error}`)
    }
    end(0)
  }

  /** Whether replicas are behind; one that waits for its copy of the data, or is getting it, is too. */
  const isBehind = (): boolean => replication.progress().behind.length > 0

  /** Lets replicas catch up; `done` is called once they have, or the time is over. */
  const wait = (done: () => void): void => {
    deadlineMs = monotonicMs() + options['shutdown-timeout'] * 1000
    log.notice('Waiting for replicas before shutting down.')
    clients.pause(wallMs() + options['shutdown-timeout'] * 1000, 'write')
    replication.requestAcknowledgements()
    waiting = setInterval(() => {
      if (isBehind() && monotonicMs() < deadlineMs) return
      stopWaiting()
      done()
    }, POLL_MS)
  }

  /** Calls the shutdown off: those who asked for it are told. */
  const callOff = (): void => {
    stopWaiting()
    clients.unpause()
    for (const session of sessions) clients.unblock(session, 'error')
    sessions.clear()
  }

  /** The session gets no reply unless the shutdown is called off. */
  const hold = (session: Session): void => {
    sessions.add(session)
    clients.block(session, {
      kind: 'shutdown',
      timeoutAtMs: 0,
      finish: (reply) => reply.error(errorText('shutdownFailed')),
    })
  }

  const command = (ctx: Context, how: ShutdownOptions): void => {
    log.warning('User requested shutdown...')
    const { session } = ctx
    if (waiting === undefined && (how.now || options['shutdown-timeout'] === 0 || !isBehind())) {
      try {
        finish(how)
      } catch {
        fail('shutdownFailed')
      }
      return hold(session)
    }
    if (how.now) {
      stopWaiting()
      try {
        finish(how)
      } catch {
        callOff()
        fail('shutdownFailed')
      }
      return hold(session)
    }
    hold(session)
    if (waiting !== undefined) return
    wait(() => {
      try {
        finish(how)
      } catch {
        callOff()
      }
    })
  }

  const signal = (name: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): void => {
    log.warning('Received a request to stop, scheduling shutdown...')
    if (ending) return
    const hurried = waiting !== undefined // a second signal does not wait
    stopWaiting()
    const modes = options[name === 'SIGINT' ? 'shutdown-on-sigint' : 'shutdown-on-sigterm']
    const has = (mode: (typeof modes)[number]): boolean => modes.includes(mode)
    const how = { save: has('save') ? true : has('nosave') ? false : undefined, now: has('now'), force: has('force') }
    const last = (paused: boolean): void => {
      try {
        finish(how)
      } catch {
        log.warning('Errors trying to shut down the server, check the logs for more information.')
        if (paused) callOff()
      }
    }
    if (hurried || how.now || options['shutdown-timeout'] === 0 || !isBehind()) last(hurried)
    else wait(() => last(true))
  }

  return {
    command,
    signal,
    abort() {
      if (waiting === undefined) return false
      log.notice('Shutdown manually aborted.')
      callOff()
      return true
    },
    remainingMs: () => (waiting === undefined ? undefined : Math.max(0, Math.round(deadlineMs - monotonicMs()))),
  }
}
