import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatch } from '../../../src/lib/glob.ts'

const match = (pattern: string, text: string, ignoreCase = false): boolean =>
  globMatch(Buffer.from(pattern, 'latin1'), Buffer.from(text, 'latin1'), ignoreCase)

describe('glob', () => {
  it.each([
    ['a*', 'a', true],
    ['*', 'abc', true],
    ['*', '', false],
    ['', '', true],
    ['', 'a', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[c-a]x', 'bx', true],
    ['[^a]x', 'ax', false],
    ['[^a]x', 'bx', true],
    ['[a', 'a', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['[\\]]', ']', true],
    ['*a*b*c*', 'xaxbxcx', true],
    ['*a*b*c*', 'xaxcxbx', false],
    ['\xff?', '\xff\x00', true],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(match(pattern, text)).toBe(expected)
  })

  it('can ignore case', () => {
    expect(match('MAX*[M-Z]', 'maxmemory', true)).toBe(true)
    expect(match('MAX*', 'maxmemory')).toBe(false)
  })

  it('agrees with a regular expression on stars and question marks', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 10 })
    const words = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(letters, words, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
        expect(match(pattern, text)).toBe(expression.test(text))
      }),
    )
  })

  it('takes no longer than pattern times text', () => {
    const pattern = '*a'.repeat(2000)
    expect(match(pattern, 'b'.repeat(20_000))).toBe(false)
  })

  it('passes a thousand stars, as Redis, and no more', () => {
    const text = 'a'.repeat(50_000)
    expect(match('*?'.repeat(1000), text)).toBe(true)
    expect(match('*?'.repeat(1001), text)).toBe(false)
    expect(match('*?'.repeat(50_000), text)).toBe(false)
    expect(match(`${'*?'.repeat(1000)}*`, text)).toBe(true)
    expect(match(`a${'*'.repeat(5000)}a`, text)).toBe(true)
  })
})
