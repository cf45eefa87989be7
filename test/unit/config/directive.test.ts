// The syntax of configuration files and command lines: words, quotes and escapes, and where an error is said to be.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseArgv } from '../../../src/config/argv.ts'
import { ConfigError, parseDirectives, quoteAlways, quoteWord, splitWords } from '../../../src/config/directive.ts'
import { expandIncludes } from '../../../src/config/includes.ts'

describe('splitWords', () => {
  it.each([
    ['a b  c', ['a', 'b', 'c']],
    ['\t a\t', ['a']],
    ['"a b" c', ['a b', 'c']],
    [`'a "b"' c`, ['a "b"', 'c']],
    ['a"b c"', ['ab c']],
    ['"\\x41\\n\\r\\t\\b\\a\\"\\\\\\q"', ['A\n\r\t\b\x07"\\q']],
    [`'\\n\\''`, ["\\n'"]],
    ['"\\xc3\\xbc ü 😀" 😀', ['ü ü 😀', '😀']],
    ['a\\ b', ['a\\', 'b']],
    ['""', ['']],
    ['', []],
  ])('splits %j', (line, words) => {
    expect(splitWords(line)).toEqual(words)
  })

  it.each(['"a', "'a", '"a"b', `'a'b`, 'a"b', '"a\\"', '"\\xff"'])('refuses %j', (line) => {
    expect(splitWords(line)).toBeUndefined()
  })

  it('is undone by quoting', () => {
    const word = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string())
    fc.assert(
      fc.property(fc.array(word), (words) => {
        fc.pre(words.every((one) => Buffer.from(one).toString() === one))
        expect(splitWords(words.map(quoteAlways).join(' '))).toEqual(words)
        expect(splitWords(words.map(quoteWord).join(' '))).toEqual(words)
      }),
    )
  })

  it('ends for any line, without an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', "'", '\\', 'x', '4', ' ', 'a', 'ü') }), (line) => {
        const words = splitWords(line)
        expect(words === undefined || Array.isArray(words)).toBe(true)
      }),
    )
  })
})

describe('parseDirectives', () => {
  it('skips comments and blank lines and counts all', () => {
    const text = '# port 1\r\n\r\n  PORT 2\r\nsave "" # no comment\n'
    expect(parseDirectives('f', text)).toEqual([
      { source: 'f', line: 3, text: 'PORT 2', name: 'port', words: ['2'] },
      { source: 'f', line: 4, text: 'save "" # no comment', name: 'save', words: ['', '#', 'no', 'comment'] },
    ])
  })

  it('names file, line and text of what it cannot read', () => {
    expect(() => parseDirectives('my.conf', 'port 1\nlogfile "x\n')).toThrow(
      new ConfigError({ source: 'my.conf', line: 2, text: 'logfile "x' }, 'Unbalanced quotes in configuration line'),
    )
    try {
      parseDirectives('my.conf', 'port 1\nlogfile "x\n')
    } catch (error) {
      expect((error as Error).message).toBe(
        "Reading the configuration file, at line 2 of my.conf\n>>> 'logfile \"x'\nUnbalanced quotes in configuration line",
      )
    }
  })

  it('puts included files in their place, and refuses one that includes itself', () => {
    const files: Record<string, string> = { a: 'hz 2\ninclude b\nhz 4', b: 'hz 3', loop: 'include loop' }
    const read = (path: string) => {
      if (files[path] === undefined) throw new Error(`no ${path}`)
      return [{ source: path, text: files[path] }]
    }
    const expand = (text: string) => expandIncludes(parseDirectives('top', text), read)
    expect(expand('hz 1\ninclude a\nhz 5').map(({ words }) => words[0])).toEqual(['1', '2', '3', '4', '5'])
    expect(() => expand('include loop')).toThrow(/nest more than 16 deep/)
    expect(() => expand('include nosuch')).toThrow(/line 1 of top[\s\S]*no nosuch/)
    expect(() => expand('include a b')).toThrow(/wrong number of arguments/)
  })
})

describe('parseArgv', () => {
  const directives = (...argv: string[]) => parseArgv(argv).directives.map(({ name, words }) => [name, ...words])

  it('reads the file, directives with several values, and - for standard input', () => {
    const line = parseArgv(['my.conf', '--port', '7000', '--replicaof', '127.0.0.1', '6379', '-'])
    expect(line.file).toBe('my.conf')
    expect(line.stdin).toBe(true)
    expect(line.directives.map(({ text }) => text)).toEqual(['port "7000"', 'replicaof "127.0.0.1" "6379"'])
    expect(parseArgv(['-', '--port', '1']).stdin).toBe(true)
    expect(parseArgv(['--port', '1', '-', '--hz', '1']).stdin).toBe(false)
  })

  it('takes the word after a directive as its value even with dashes, and --save as an empty one', () => {
    expect(directives('--requirepass', '--secret', '--hz', '3')).toEqual([
      ['requirepass', '--secret'],
      ['hz', '3'],
    ])
    expect(directives('--save', '--hz', '3')).toEqual([
      ['save', ''],
      ['hz', '3'],
    ])
    expect(directives('--hz', '3', '--save')).toEqual([
      ['hz', '3'],
      ['save', ''],
    ])
    expect(directives('--save', '')).toEqual([['save', '']])
    expect(directives('--port 7 ', '--HZ')).toEqual([['port', '7'], ['hz']])
    expect(directives('--sentinel', 'monitor', 'm', '::1', '1', '2')).toEqual([
      ['sentinel', 'monitor', 'm', '::1', '1', '2'],
    ])
  })
})
