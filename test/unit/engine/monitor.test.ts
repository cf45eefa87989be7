import { expect, it } from 'vitest'
import { monitorLine } from '../../../src/engine/monitor.ts'
import { Args } from '../../../src/protocol/args.ts'

const bytesOf = (argv: Uint8Array[]): Buffer => {
  const args = new Args(Buffer.alloc(0))
  args.load(argv)
  return monitorLine(1_700_000_000_000_042n, 3, '127.0.0.1:5000', args)
}
const lineOf = (...words: string[]): string => {
  const line = bytesOf(words.map((word) => Buffer.from(word, 'latin1'))).toString('latin1')
  expect([line[0], line.slice(-2)]).toEqual(['+', '\r\n'])
  return line.slice(1, -2)
}

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

it('shows the beginning of what is long, in bounded memory', () => {
  const long = bytesOf([
    Buffer.from('SET'),
    Buffer.from('k'),
    Buffer.alloc(300 * 1024, 0),
    Buffer.from('more'),
    Buffer.from('x'),
  ])
  const text = long.toString('latin1')
  expect(text).toMatch(
    /^\+1700000000\.000042 \[3 127\.0\.0\.1:5000\] "SET" "k" "(\\x00)+\.\.\. \(\d+ more bytes\)" "\.\.\. \(2 more arguments\)"\r\n$/,
  )
  const shown = text.split('\\x00').length - 1
  expect(shown + Number(/(\d+) more bytes/.exec(text)![1])).toBe(300 * 1024)
  expect(long.length).toBeLessThan(1100 * 1024)
  const many = bytesOf(Array.from({ length: 200_000 }, () => Buffer.from('ab'))).toString('latin1')
  expect(many).toMatch(/ "\.\.\. \(\d+ more arguments\)"\r\n$/)
  expect(many.length).toBeLessThan(300 * 1024)
})

it('costs memory in proportion to what is shown, not to what was sent', () => {
  const args = new Args(Buffer.alloc(0))
  args.load([Buffer.from('SET'), Buffer.from('k'), Buffer.alloc(64 << 20, 1)])
  const before = process.memoryUsage()
  const line = monitorLine(0n, 0, 'x', args)
  const after = process.memoryUsage()
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(8 << 20)
  expect(line.length).toBeLessThan(1100 * 1024)
})
