import { describe, expect, it } from 'vitest'
import { parsePasswords } from '../../../src/config/passwords.ts'

describe('a file of passwords', () => {
  it.each([
    ['one', ['one']],
    ['one\n', ['one']],
    ['new\r\nold\r\n', ['new', 'old']],
    ['\nnew\n\nold', ['new', 'old']],
    [' with blanks \n', [' with blanks ']],
  ])('%j has %j', (text, passwords) => {
    expect(parsePasswords(text)).toEqual(passwords)
  })

  it.each([
    ['', 'no password'],
    ['\n\r\n', 'no password'],
    ['a\nb\nc', 'more than 2'],
    ['a\0b', 'none of them zero'],
    ['x'.repeat(513), 'at most 512'],
  ])('%j is refused', (text, why) => {
    expect(parsePasswords(text)).toEqual({ problem: expect.stringContaining(why) })
  })
})
