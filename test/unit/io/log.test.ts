// The log: its line form, its levels, and that nothing a peer sends can forge a line.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createLogger, formatLogTime, type LogLevel, logSink, printable } from '../../../src/io/log.ts'

const noon = new Date(2026, 0, 2, 3, 4, 5, 67).getTime()

describe('the log', () => {
  it('writes lines in the form of Redis', () => {
    const lines: string[] = []
    let role: 'M' | 'S' = 'M'
    const log = createLogger({
      role: () => role,
      level: () => 'debug',
      write: (line) => lines.push(line),
      pid: 7,
      nowMs: () => noon,
    })
    log.debug('a')
    log.verbose('b')
    role = 'S'
    log.notice('c')
    log.warning('d')
    expect(lines).toEqual([
      '7:M 02 Jan 2026 03:04:05.067 . a\n',
      '7:M 02 Jan 2026 03:04:05.067 - b\n',
      '7:S 02 Jan 2026 03:04:05.067 * c\n',
      '7:S 02 Jan 2026 03:04:05.067 # d\n',
    ])
    expect(formatLogTime(noon)).toBe('02 Jan 2026 03:04:05.067')
  })

  it('leaves out what is below the level, and follows a change of it', () => {
    const lines: string[] = []
    let level: LogLevel = 'warning'
    const log = createLogger({ role: () => 'X', level: () => level, write: (line) => lines.push(line) })
    log.notice('one')
    log.warning('two')
    level = 'debug'
    log.debug('three')
    expect(lines.map((line) => line.trim().split(' ').at(-1))).toEqual(['two', 'three'])
  })

  it('lets no message forge a line or steer a terminal', () => {
    expect(printable('a\r\n1:M 02 Jan 2026 03:04:05.067 * forged')).toBe(
      'a\\x0d\n    1:M 02 Jan 2026 03:04:05.067 * forged',
    )
    expect(printable('\x1b[2J\x00\tx')).toBe('\\x1b[2J\\x00\tx')
    expect(printable('x'.repeat(100_000)).length).toBeLessThan(10_000)
  })

  it('appends to a file, goes on after it was moved away, and survives a directory that is gone', () => {
    const dir = mkdtempSync(join(tmpdir(), 'vedette-log-'))
    const file = join(dir, 'x.log')
    const write = logSink(file)
    write('one\n')
    write('two\n')
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n')
    rmSync(file)
    write('three\n')
    expect(readFileSync(file, 'utf8')).toBe('three\n')
    rmSync(dir, { recursive: true })
    expect(() => write('four\n')).not.toThrow()
  })
})
