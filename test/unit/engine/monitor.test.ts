import { expect, it } from 'vitest'
import { monitorLine } from '../../../src/engine/monitor.ts'

it('prints the command as Redis does', () => {
  const argv = ['SET', 'a b', '"\\\r\n\t\x07\b\x00\xff~'].map((word) => Buffer.from(word, 'latin1'))
  expect(monitorLine(1_700_000_000_000_042n, 3, '127.0.0.1:5000', argv)).toBe(
    '1700000000.000042 [3 127.0.0.1:5000] "SET" "a b" "\\"\\\\\\r\\n\\t\\a\\b\\x00\\xff~"',
  )
})
