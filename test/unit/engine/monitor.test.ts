import { expect, it } from 'vitest'
import { monitorLine } from '../../../src/engine/monitor.ts'

const lineOf = (...words: string[]): string =>
  monitorLine(
    1_700_000_000_000_042n,
    3,
    '127.0.0.1:5000',
    words.map((word) => Buffer.from(word, 'latin1')),
  )

it('prints the command as Redis does', () => {
  expect(lineOf('SET', 'a b', '"\\\r\n\t\x07\b\x00\xff~')).toBe(
    '1700000000.000042 [3 127.0.0.1:5000] "SET" "a b" "\\"\\\\\\r\\n\\t\\a\\b\\x00\\xff~"',
  )
})

it('shows no password', () => {
  for (const words of [
    ['AUTH', 'secret'],
    ['auth', 'default', 'secret'],
    ['Hello', '3', 'SETNAME', 'me', 'Auth', 'default', 'secret'],
    ['HELLO', '2', 'AUTH', 'a', 'secret', 'AUTH', 'b', 'secret'],
  ])
    expect(lineOf(...words)).not.toContain('secret')
  expect(lineOf('HELLO', '3', 'AUTH', 'u', 'p', 'SETNAME', 'me')).toMatch(
    / "HELLO" "3" "AUTH" "\(redacted\)" "\(redacted\)" "SETNAME" "me"$/,
  )
})
