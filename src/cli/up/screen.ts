// Where `vedette up` writes: on a terminal a table that stays at the bottom, with lines scrolling above it; elsewhere lines
// with the time of day.

import { wallMs } from '../../io/clock.ts'
import { formatLogTime } from '../../io/log.ts'
import { cut } from '../table.ts'

export interface Screen {
  /** Writes a line that stays. */
  say(line: string): void
  /** Shows the table anew; nothing without a terminal. */
  draw(lines: readonly string[]): void
  /** Leaves the terminal as it was. */
  close(): void
}

/** Lines only, for files and pipes. */
export function lineScreen(write: (text: string) => void, nowMs: () => number = wallMs): Screen {
  return {
    say: (line) => write(`${formatLogTime(nowMs())}  ${line}\n`),
    draw: () => {},
    close: () => {},
  }
}

/** The size of a terminal. */
export interface TerminalSize {
  readonly columns?: number
  readonly rows?: number
}

/** A terminal: `size` is read for every drawing. */
export function terminalScreen(write: (text: string) => void, size: TerminalSize): Screen {
  let shown: string[] = []
  let drawn = 0
  const clear = (): string => (drawn === 0 ? '' : `\x1b[${drawn}A\r\x1b[J`)
  const block = (): string => {
    const lines = shown.slice(0, Math.max(1, (size.rows ?? 24) - 2)).map((line) => cut(line, size.columns ?? 80))
    drawn = lines.length
    return lines.map((line) => `${line}\n`).join('')
  }
  return {
    say: (line) => write(`${clear()}${line}\n${block()}`),
    draw: (lines) => {
      if (lines.length > 0 && lines.join('\n') === shown.join('\n')) return
      const before = clear()
      shown = [...lines]
      write(`\x1b[?25l${before}${block()}`)
    },
    close: () => write('\x1b[?25h'),
  }
}
