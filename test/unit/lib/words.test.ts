// Words of a line as bytes; as text: test/unit/config/directive.test.ts.
import { describe, expect, it } from 'vitest'
import { splitLine } from '../../../src/lib/words.ts'

describe('words of a line', () => {
  it.each<[string, string[] | undefined]>([
    ['', []],
    [' \t a  b ', ['a', 'b']],
    ['a\0b\vc\fd', ['a', 'b', 'c', 'd']],
    ['a\xa0b \xff\x85', ['a\xa0b', '\xff\x85']],
    ['"a b" c', ['a b', 'c']],
    ['"\\x41\\n\\t\\\\\\"\\xff"', ['A\n\t\\"\xff']],
    ["'a\\'b\\n'", ["a'b\\n"]],
    ['"\\xzz"', ['xzz']],
    ['""', ['']],
    ['a"b"', ['ab']],
    ['"a', undefined],
    ['"a\\', undefined],
    ["'a'b", undefined],
  ])('%j', (line, words) => {
    expect(splitLine(Buffer.from(line, 'latin1'))?.map((word) => word.toString('latin1'))).toEqual(words)
  })
})
