// The log of a process, line by line in the form of Redis: `PID:ROLE dd Mon yyyy hh:mm:ss.mmm LEVEL message`.
// Invariants: logging never throws and never stops the process, whatever becomes of the disk or the reader; what a peer
// sent cannot forge a line (line breaks are followed by an indent, other control characters are escaped).
import { appendFileSync } from 'node:fs'
import { wallMs } from './clock.ts'

/** From least to most important. */
export const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** M: a primary, S: a replica, X: a sentinel, C: a child or a process that is starting. */
export type LogRole = 'M' | 'S' | 'X' | 'C'

/** One function a level; the message is one sentence, without a line break at its end. */
export type Log = Readonly<Record<LogLevel, (message: string) => void>>

export interface LogOptions {
  /** Asked for every line, because roles change. */
  readonly role: () => LogRole
  /** The least important level to write; asked for every line, because CONFIG SET changes it. */
  readonly level: () => LogLevel
  /** Takes each line with its line break; see `logSink`. */
  readonly write: (line: string) => void
  readonly pid?: number
  readonly nowMs?: () => number
}

const MARKS: Readonly<Record<LogLevel, string>> = { debug: '.', verbose: '-', notice: '*', warning: '#' }
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MESSAGE_CHARS_MAX = 8192

const pad = (n: number, width: number): string => String(n).padStart(width, '0')

/** A moment in local time as `02 Jan 2026 03:04:05.678`. */
export function formatLogTime(nowMs: number): string {
  const time = new Date(nowMs)
  const day = `${pad(time.getDate(), 2)} ${MONTHS[time.getMonth()]} ${time.getFullYear()}`
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => pad(n, 2)).join(':')
  return `${day} ${clock}.${pad(time.getMilliseconds(), 3)}`
}

/** A message without anything that could pass for another line or move a terminal's cursor. */
export function printable(message: string): string {
  const text = message.length > MESSAGE_CHARS_MAX ? `${message.slice(0, MESSAGE_CHARS_MAX)}…` : message
  return text.replace(/\p{Cc}/gu, (char) => {
    if (char === '\n') return '\n    '
    return char === '\t' ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** A log with these options. */
export function createLogger(options: LogOptions): Log {
  const { role, level, write, pid = process.pid, nowMs = wallMs } = options
  const at = (own: LogLevel) => (message: string) => {
    if (LOG_LEVELS.indexOf(own) < LOG_LEVELS.indexOf(level())) return
    write(`${pid}:${role()} ${formatLogTime(nowMs())} ${MARKS[own]} ${printable(message)}\n`)
  }
  return { debug: at('debug'), verbose: at('verbose'), notice: at('notice'), warning: at('warning') }
}

/**
 * Where lines go: appended to a file (opened anew for every line, so that it may be rotated), or to standard output when the
 * name is empty. A line that cannot be written is lost, silently.
 */
export function logSink(file: string): (line: string) => void {
  if (file === '') {
    process.stdout.on('error', () => {})
    return (line) => void process.stdout.write(line)
  }
  return (line) => {
    try {
      appendFileSync(file, line)
    } catch {
      // The disk may be full, or the directory gone; to log that is what just failed.
    }
  }
}
