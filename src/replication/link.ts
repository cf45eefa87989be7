// A replica's side of PSYNC2, as a state machine without I/O: what happens on the connection comes in, what to do comes
// out as a list of actions, to be carried out in order. It frames the replication protocol only; parsing the RDB and
// applying the stream are its owner's.
//
//   connect ─▶ connecting ─▶ handshake: PING, AUTH, REPLCONF …, PSYNC
//                               ├─ +CONTINUE ──────────────────────────▶ connected
//                               └─ +FULLRESYNC ─▶ sync: $length or $EOF ─▶ connected
//   and from everywhere back to connect when the connection ends or nothing is heard for repl-timeout, or for some heartbeats
//   if the primary promised them.
import { errorText } from '../errors.ts'
import { encodeRequest } from '../protocol/writer.ts'

/** The states' names are those of ROLE. */
export type LinkState = 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected'

/** A point in a history: the replica has every byte up to `offset`. */
export interface Position {
  readonly id: string
  readonly offset: number
}

export interface LinkOptions {
  readonly host: string
  readonly port: number
  /** The port that our clients use, or the one to announce. */
  readonly listeningPort: number
  /** `replica-announce-ip`, '' for none. */
  readonly announceIp: string
  /** `masteruser`, '' for none. */
  readonly username: string
  /** `masterauth`: any of these may be right; all are sent, and a refused one takes nothing away from one that was accepted. */
  readonly passwords: readonly string[]
  /** `repl-timeout`. */
  readonly timeoutMs: number
  /** Where our data stands, or undefined if it is no part of any history: asked when PSYNC is sent. */
  readonly position: () => Position | undefined
  /** Whether PSYNC is to make the other server primary, asked when it is sent. The answer comes as `failover-answered`. */
  readonly failover: () => boolean
}

/** A Vedette primary that is asked to sends a PING whenever its stream was silent for so long. Redis does every ten seconds. */
export const HEARTBEAT_MS = 1000

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning'

/** What the owner has to do, in this order. */
export type LinkAction =
  | { readonly kind: 'open' }
  | { readonly kind: 'send'; readonly bytes: Buffer }
  | { readonly kind: 'close' }
  /** Drop all data and begin to load an RDB that stands for `position`; `rdbBytes` is -1 if the size is not known. */
  | { readonly kind: 'begin-load'; readonly position: Position; readonly rdbBytes: number }
  /** The RDB's next bytes, to be used during the call. */
  | { readonly kind: 'load'; readonly bytes: Buffer }
  /** The RDB is complete: check that it is, take over its position, then call `loaded`. */
  | { readonly kind: 'end-load' }
  /** The data at hand are right: the stream goes on behind them, under this ID. */
  | { readonly kind: 'continue'; readonly id: string | undefined }
  /** The stream's next bytes, to be applied; then call `applied`. */
  | { readonly kind: 'stream'; readonly bytes: Buffer }
  /** What PSYNC was sent to with FAILOVER is primary now, or refuses to be. */
  | { readonly kind: 'failover-answered'; readonly accepted: boolean }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }

export interface ReplicaLink {
  readonly options: LinkOptions
  state(): LinkState
  /** When the last byte came from the primary, on the clock that `nowMs` is of. */
  lastIoMs(): number
  /** Since when the link is not connected; -1 while it is. */
  downSinceMs(): number
  /** Whether the primary sends something at least every HEARTBEAT_MS. */
  hasHeartbeat(): boolean
  /** Size of the RDB being received (-1 unknown) and how much of it came. */
  transfer(): { readonly totalBytes: number; readonly readBytes: number }
  /** Opens the connection: at the beginning, or before the pause that follows a failure is over, which `tick` waits for. */
  start(nowMs: number): LinkAction[]
  connected(nowMs: number): LinkAction[]
  received(bytes: Buffer, nowMs: number): LinkAction[]
  /** The connection ended, or could not be made. */
  closed(reason: string, nowMs: number): LinkAction[]
  /**
   * What came cannot be used: a broken RDB, a protocol error in the stream, a command that cannot be run. Closes and starts
   * anew, after a pause that grows while that is so.
   */
  failed(reason: string, nowMs: number): LinkAction[]
  /** The stream is applied up to `offset`: acknowledges it, if it is news. */
  applied(offset: number): LinkAction[]
  /** REPLCONF GETACK came in the stream: acknowledges, news or not. */
  acknowledge(offset: number): LinkAction[]
  /** To be called several times a second. `offset` as in `applied`. */
  tick(offset: number, nowMs: number): LinkAction[]
}

type Phase =
  | 'idle' // no connection; `retryAtMs` says when to make one
  | 'connecting'
  | 'ping' // awaits the reply to PING
  | 'config' // awaits the replies to AUTH and REPLCONF
  | 'psync' // awaits the reply to PSYNC
  | 'header' // awaits the line before the RDB
  | 'rdb'
  | 'stream'

const STATE_OF: Record<Phase, LinkState> = {
  idle: 'connect',
  connecting: 'connecting',
  ping: 'handshake',
  config: 'handshake',
  psync: 'handshake',
  header: 'sync',
  rdb: 'sync',
  stream: 'connected',
}
/** What it means that nothing was heard for repl-timeout. */
const SILENCE: Record<Phase, string> = {
  idle: '',
  connecting: 'Timeout connecting to the MASTER...',
  ping: 'Timeout connecting to the MASTER...',
  config: 'Timeout connecting to the MASTER...',
  psync: 'Timeout connecting to the MASTER...',
  header:
    'Timeout receiving bulk data from MASTER... If the problem persists try to set the ' +
    "'repl-timeout' parameter in redis.conf to a larger value.",
  rdb:
    'Timeout receiving bulk data from MASTER... If the problem persists try to set the ' +
    "'repl-timeout' parameter in redis.conf to a larger value.",
  stream: 'MASTER timeout: no data nor PING received...',
}

const LINE_BYTES_MAX = 1024
const MARK_BYTES = 40
const RETRY_FIRST_MS = 50
const RETRY_LAST_MS = 1000
/** The same when what a primary sends cannot be used: every attempt may cost it a copy of all data. */
const UNUSABLE_LAST_MS = 30_000
/** A stream that was applied for so long is usable after all. */
const USABLE_AFTER_MS = 60_000
/** Redis waits for repl-timeout; but a packet lost at the wrong moment can keep TCP from trying again for half a minute. */
const CONNECT_MS_MAX = 5000
const ACK_EVERY_MS = 1000
const NEWLINE_EVERY_MS = 1000
/** So many heartbeats without a byte, and the connection is taken for dead. */
const SILENT_HEARTBEATS = 5
/** A tick that comes later than this says that we did not run ourselves: that time is nobody's silence. */
const LATE_TICK_MS = 500
const HEARTBEAT_OPTION = 'REPLCONF vedette-heartbeat'
/** How a primary refuses PSYNC with FAILOVER. */
const ALREADY_PRIMARY = `-${errorText('failoverToPrimary')}`
const EMPTY = Buffer.alloc(0)
const LF = 10

/** What came from a peer, fit for a log line. */
const printable = (text: string): string => text.slice(0, 256).replace(/[^ -~]/g, '?')

/** Makes the link; nothing happens before `start`. */
export function createReplicaLink(options: LinkOptions): ReplicaLink {
  let phase: Phase = 'idle'
  let retryAtMs = 0
  let retryMs = RETRY_FIRST_MS
  let lastIoMs = 0
  let downSinceMs = 0
  let pending: Buffer = EMPTY // a line or an end mark that is not complete yet
  let expected: string[] = [] // what the handshake's next replies answer
  let rdbBytes = -1
  let rdbRead = 0
  let mark: Buffer | undefined
  let position: Position | undefined
  let ackedOffset = -1
  let ackedMs = 0
  let newlineMs = 0
  /** Passwords that may still be refused. */
  let refusable = 0
  let failoverAsked = false // with the PSYNC that awaits its reply
  let failoverUnsure = false // a connection ended before the reply came
  let hasHeartbeat = false
  let silentMs = 0 // while we ran and nothing came
  let tickMs = 0
  let streamSinceMs = 0
  let unusable = 0 // attempts in a row of which nothing could be used
  let actions: LinkAction[] = []

  const master = `${options.host}:${options.port}`
  const act = (action: LinkAction): void => void actions.push(action)
  const send = (...argv: string[]): void => act({ kind: 'send', bytes: encodeRequest(argv) })
  const notice = (text: string): void => act({ kind: 'log', level: 'notice', text })
  const warning = (text: string): void => act({ kind: 'log', level: 'warning', text })
  /** Runs one input and hands out what it gave rise to. */
  const collect = (input: () => void): LinkAction[] => {
    actions = []
    input()
    return actions
  }

  const enter = (next: Phase): void => {
    if (next === 'stream') downSinceMs = -1
    phase = next
  }

  /** Ends this attempt; the next one begins after a pause. */
  const giveUp = (nowMs: number): void => {
    act({ kind: 'close' })
    if (phase === 'psync' && failoverAsked) failoverUnsure = true
    if (phase === 'stream') {
      downSinceMs = nowMs
      notice('Caching the disconnected master state.')
    }
    phase = 'idle'
    pending = EMPTY
    expected = []
    mark = undefined
    retryAtMs = nowMs + retryMs
    retryMs = Math.min(2 * retryMs, RETRY_LAST_MS)
    if (unusable > 0) retryAtMs = nowMs + Math.min(RETRY_FIRST_MS * 2 ** Math.min(unusable - 1, 20), UNUSABLE_LAST_MS)
  }

  const refuse = (nowMs: number, text: string): void => {
    warning(text)
    giveUp(nowMs)
  }

  const open = (nowMs: number): void => {
    notice(`Connecting to MASTER ${master}`)
    act({ kind: 'open' })
    notice('MASTER <-> REPLICA sync started')
    lastIoMs = nowMs
    hasHeartbeat = false
    enter('connecting')
  }

  // ---- handshake ----

  const onPong = (line: string, nowMs: number): void => {
    const good = /^(\+|-NOAUTH|-NOPERM|-ERR operation not permitted)/.test(line)
    if (!good) return refuse(nowMs, `Error reply to PING from master: '${printable(line)}'`)
    notice('Master replied to PING, replication can continue...')
    const names = options.username === '' ? [] : [options.username]
    const { passwords } = options
    for (const password of passwords) {
      send('AUTH', ...names, password)
      expected.push('AUTH')
    }
    refusable = passwords.length - 1
    send('REPLCONF', 'listening-port', String(options.listeningPort))
    expected.push('REPLCONF listening-port')
    if (options.announceIp !== '') {
      send('REPLCONF', 'ip-address', options.announceIp)
      expected.push('REPLCONF ip-address')
    }
    send('REPLCONF', 'capa', 'eof', 'capa', 'psync2')
    expected.push('REPLCONF capa')
    send('REPLCONF', 'vedette-heartbeat', String(HEARTBEAT_MS))
    expected.push(HEARTBEAT_OPTION)
    enter('config')
  }

  const onConfig = (line: string, nowMs: number): void => {
    const what = expected.shift()
    if (line.startsWith('-')) {
      if (what === 'AUTH') {
        if (refusable-- === 0) return refuse(nowMs, `Unable to AUTH to MASTER: ${printable(line)}`)
      } else if (what !== HEARTBEAT_OPTION)
        notice(`(Non critical) Master does not understand ${what}: ${printable(line)}`)
    } else if (what === HEARTBEAT_OPTION) hasHeartbeat = true
    if (expected.length === 0) sendPsync()
  }

  const sendPsync = (): void => {
    position = options.position()
    failoverAsked = options.failover()
    const more = failoverAsked ? ['FAILOVER'] : []
    if (position === undefined) {
      notice('Partial resynchronization not possible (no cached master)')
      send('PSYNC', '?', '-1', ...more)
    } else {
      notice(`Trying a partial resynchronization (request ${position.id}:${position.offset + 1}).`)
      send('PSYNC', position.id, String(position.offset + 1), ...more)
    }
    enter('psync')
  }

  const onPsync = (line: string, nowMs: number): void => {
    if (line === '') return // the primary says that it is still there
    const isAccepted = line.startsWith('+FULLRESYNC') || line.startsWith('+CONTINUE')
    // It was asked before, and its answer lost: it is primary because of us.
    const wasAccepted = failoverUnsure && line.startsWith(ALREADY_PRIMARY)
    onPsyncReply(line, nowMs)
    if (failoverAsked) act({ kind: 'failover-answered', accepted: isAccepted || wasAccepted })
    failoverAsked = false
    failoverUnsure = false
  }

  const onPsyncReply = (line: string, nowMs: number): void => {
    if (line.startsWith('+FULLRESYNC')) return onFullResync(line, nowMs)
    if (line.startsWith('+CONTINUE')) return onContinue(line, nowMs)
    if (line.startsWith('-NOMASTERLINK') || line.startsWith('-LOADING')) {
      notice(`Master is currently unable to PSYNC but should be in the future: ${printable(line)}`)
      return giveUp(nowMs)
    }
    refuse(nowMs, `Master does not support PSYNC or is in error state (reply: ${printable(line)})`)
  }

  const onFullResync = (line: string, nowMs: number): void => {
    const match = /^\+FULLRESYNC ([0-9a-f]{40}) (\d{1,15})$/.exec(line)
    if (match === null) return refuse(nowMs, 'Master replied with wrong +FULLRESYNC syntax.')
    position = { id: match[1]!, offset: Number(match[2]) }
    notice(`Full resync from master: ${position.id}:${position.offset}`)
    enter('header')
  }

  const onContinue = (line: string, nowMs: number): void => {
    const match = /^\+CONTINUE(?: ([0-9a-f]{40}))?$/.exec(line.trimEnd())
    if (match === null || position === undefined) {
      return refuse(nowMs, `Unexpected reply to PSYNC from master: ${printable(line)}`)
    }
    const id = match[1]
    notice('Successful partial resynchronization with master.')
    if (id !== undefined && id !== position.id) notice(`Master replication ID changed to ${id}`)
    notice('MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.')
    act({ kind: 'continue', id })
    startStream(nowMs)
  }

  const startStream = (nowMs: number): void => {
    ackedOffset = -1
    silentMs = 0
    tickMs = nowMs
    streamSinceMs = nowMs
    retryMs = RETRY_FIRST_MS
    enter('stream')
  }

  // ---- the RDB ----

  const onHeader = (line: string, nowMs: number): void => {
    if (line === '') return
    if (line.startsWith('-')) {
      return refuse(nowMs, `MASTER aborted replication with an error: ${printable(line.slice(1))}`)
    }
    const match = /^\$(?:EOF:(.{40})|(\d{1,15}))$/.exec(line)
    if (match === null) {
      return refuse(
        nowMs,
        `Bad protocol from MASTER, the first byte is not '$' (we received '${printable(line)}'), ` +
          'are you sure the host and port are right?',
      )
    }
    mark = match[1] === undefined ? undefined : Buffer.from(match[1], 'latin1')
    rdbBytes = match[2] === undefined ? -1 : Number(match[2])
    rdbRead = 0
    notice(
      mark === undefined
        ? `MASTER <-> REPLICA sync: receiving ${rdbBytes} bytes from master to parser`
        : 'MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to parser',
    )
    act({ kind: 'begin-load', position: position!, rdbBytes })
    enter('rdb')
    if (rdbBytes === 0) endLoad(nowMs)
  }

  const load = (bytes: Buffer): void => {
    if (bytes.length === 0) return
    rdbRead += bytes.length
    act({ kind: 'load', bytes })
  }

  const endLoad = (nowMs: number): void => {
    act({ kind: 'end-load' })
    startStream(nowMs)
    // Until it hears this the primary holds the stream back, and what it acknowledges to its clients is here nowhere.
    sendAck(position!.offset, nowMs)
  }

  /** Takes the RDB's bytes; returns what lies behind its end. */
  const onRdb = (bytes: Buffer, nowMs: number): Buffer => {
    if (mark !== undefined) return onMarkedRdb(bytes, mark, nowMs)
    const rest = rdbBytes - rdbRead
    load(bytes.subarray(0, rest))
    if (bytes.length < rest) return EMPTY
    endLoad(nowMs)
    return bytes.subarray(rest)
  }

  const onMarkedRdb = (bytes: Buffer, mark: Buffer, nowMs: number): Buffer => {
    const all = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    const end = all.indexOf(mark)
    if (end < 0) {
      const sure = Math.max(0, all.length - (MARK_BYTES - 1)) // the rest may be the beginning of the mark
      load(all.subarray(0, sure))
      pending = Buffer.from(all.subarray(sure))
      return EMPTY
    }
    pending = EMPTY
    load(all.subarray(0, end))
    endLoad(nowMs)
    return all.subarray(end + MARK_BYTES)
  }

  // ---- input ----

  const onLine = (line: string, nowMs: number): void => {
    if (phase === 'ping') onPong(line, nowMs)
    else if (phase === 'config') onConfig(line, nowMs)
    else if (phase === 'psync') onPsync(line, nowMs)
    else onHeader(line, nowMs)
  }

  /** Takes one line off `bytes`, which begin with it; returns what is behind it. */
  const takeLine = (bytes: Buffer, nowMs: number): Buffer => {
    const all = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    const end = all.indexOf(LF)
    if (end < 0 ? all.length > LINE_BYTES_MAX : end > LINE_BYTES_MAX) {
      refuse(nowMs, 'Bad protocol from MASTER: a line is too long')
      return EMPTY
    }
    if (end < 0) {
      pending = Buffer.from(all)
      return EMPTY
    }
    pending = EMPTY
    onLine(all.toString('latin1', 0, end > 0 && all[end - 1] === 13 ? end - 1 : end), nowMs)
    return all.subarray(end + 1)
  }

  const receive = (bytes: Buffer, nowMs: number): void => {
    lastIoMs = nowMs
    silentMs = 0
    let rest = bytes
    while (rest.length > 0 && phase !== 'idle' && phase !== 'connecting') {
      if (phase === 'stream') {
        act({ kind: 'stream', bytes: rest })
        return
      }
      rest = phase === 'rdb' ? onRdb(rest, nowMs) : takeLine(rest, nowMs)
    }
  }

  const sendAck = (offset: number, nowMs: number): void => {
    if (phase !== 'stream') return
    ackedOffset = offset
    ackedMs = nowMs
    send('REPLCONF', 'ACK', String(offset))
  }

  const onTick = (offset: number, nowMs: number): void => {
    if (phase === 'idle') {
      if (nowMs >= retryAtMs) open(nowMs)
      return
    }
    silentMs += Math.min(nowMs - tickMs, LATE_TICK_MS)
    tickMs = nowMs
    const timeoutMs = phase === 'connecting' ? Math.min(CONNECT_MS_MAX, options.timeoutMs) : options.timeoutMs
    const isDead = phase === 'stream' && hasHeartbeat && silentMs > SILENT_HEARTBEATS * HEARTBEAT_MS
    if (isDead || nowMs - lastIoMs > timeoutMs) {
      refuse(nowMs, SILENCE[phase])
      return
    }
    if (phase === 'stream' && nowMs - streamSinceMs > USABLE_AFTER_MS) unusable = 0
    if (phase === 'stream' && nowMs - ackedMs >= ACK_EVERY_MS) sendAck(offset, nowMs)
    if (phase === 'rdb' && nowMs - newlineMs >= NEWLINE_EVERY_MS) {
      newlineMs = nowMs
      act({ kind: 'send', bytes: Buffer.from('\n') })
    }
  }

  const onClosed = (reason: string, nowMs: number): void => {
    if (phase === 'idle') return
    if (phase === 'connecting') warning(`Error condition on socket for SYNC: ${reason}`)
    else if (phase === 'stream') notice('Connection with master lost.')
    else warning(`I/O error trying to sync with MASTER: ${reason}`)
    giveUp(nowMs)
  }

  return {
    options,
    state: () => STATE_OF[phase],
    lastIoMs: () => lastIoMs,
    downSinceMs: () => downSinceMs,
    hasHeartbeat: () => hasHeartbeat,
    transfer: () => ({ totalBytes: rdbBytes, readBytes: rdbRead }),
    start: (nowMs) =>
      collect(() => {
        if (downSinceMs === 0) downSinceMs = nowMs
        open(nowMs)
      }),
    connected: (nowMs) =>
      collect(() => {
        if (phase !== 'connecting') return
        lastIoMs = nowMs
        notice('Non blocking connect for SYNC fired the event.')
        send('PING')
        enter('ping')
      }),
    received: (bytes, nowMs) => collect(() => receive(bytes, nowMs)),
    closed: (reason, nowMs) => collect(() => onClosed(reason, nowMs)),
    failed: (reason, nowMs) =>
      collect(() => {
        if (phase === 'idle') return
        unusable++
        refuse(nowMs, reason)
      }),
    applied: (offset) =>
      collect(() => {
        if (offset !== ackedOffset) sendAck(offset, lastIoMs)
      }),
    acknowledge: (offset) => collect(() => sendAck(offset, lastIoMs)),
    tick: (offset, nowMs) => collect(() => onTick(offset, nowMs)),
  }
}
