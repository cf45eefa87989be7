// The kinds of values: ranges, units, canonical forms; held against plain arithmetic.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EVENT_CLASSES, eventClasses, formatEventClasses } from '../../../src/config/special-values.ts'
import { editDistance, nearest } from '../../../src/config/suggest.ts'
import { int, integerOf, long, memory, memoryOf, parseWords } from '../../../src/config/values.ts'

describe('integers', () => {
  it('are read exactly to 64 bits, in canonical form only', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        expect(integerOf(String(n))).toBe(n)
      }),
    )
    for (const text of ['', ' 1', '1 ', '+1', '01', '-0', '1.0', '0x1', '1e3', '9223372036854775808', 'nan'])
      expect(integerOf(text), text).toBeUndefined()
  })

  it('keep the exact text where a number cannot', () => {
    expect(parseWords(long(0), ['9007199254740993'])).toMatchObject({ ok: true, setting: { text: '9007199254740993' } })
  })

  it('are inside their range', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (a, b, n) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)]
        const parsed = parseWords(int(min, max), [String(n)])
        expect(parsed.ok).toBe(n >= min && n <= max)
        if (!parsed.ok) expect(parsed.error).toBe(`argument must be between ${min} and ${max} inclusive`)
      }),
    )
  })
})

describe('memory', () => {
  it('has the units of Redis', () => {
    const units: [string, number][] = [
      ['', 1],
      ['b', 1],
      ['k', 1e3],
      ['kb', 1024],
      ['m', 1e6],
      ['mb', 1024 ** 2],
      ['g', 1e9],
      ['GB', 1024 ** 3],
    ]
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...units), (n, [unit, factor]) => {
        expect(memoryOf(`${n}${unit}`)).toBe(BigInt(n) * BigInt(factor))
      }),
    )
    for (const text of ['-1', '1x', '1kib', '1.5g', 'k b', '99999999999999999999g'])
      expect(memoryOf(text), text).toBeUndefined()
    expect(parseWords(memory(1, undefined, 16384), ['1'])).toMatchObject({ setting: { value: 16384, text: '16384' } })
  })
})

describe('event classes', () => {
  it('are printed so that they are read back', () => {
    const all = Object.values(EVENT_CLASSES).reduce<number>((bits, bit) => bits | bit, 0)
    fc.assert(
      fc.property(fc.nat({ max: all }), (n) => {
        const bits = n & all
        expect(eventClasses.parse([formatEventClasses(bits)])).toMatchObject({ setting: { value: bits } })
      }),
    )
  })
})

describe('suggestions', () => {
  it('count edits as a metric does', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      }),
    )
    expect(editDistance('prot', 'port')).toBe(1)
  })

  it('name what is near, and nothing that is far', () => {
    const known = ['port', 'bind', 'requirepass', 'replicaof']
    expect(nearest('prot', known)).toBe('port')
    expect(nearest('REQUIREPAS', known)).toBe('requirepass')
    expect(nearest('zzzzzz', known)).toBeUndefined()
    expect(nearest('x'.repeat(1_000_000), known)).toBeUndefined()
  })
})
