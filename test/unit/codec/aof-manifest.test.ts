// The manifest of an append-only log: Redis's form, read and written; what is damaged is refused with its line.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  type AofManifest,
  AofManifestError,
  EMPTY_MANIFEST,
  formatManifest,
  nextBase,
  nextIncrement,
  parseManifest,
} from '../../../src/codec/aof-manifest.ts'

const SAMPLE = `file appendonly.aof.2.base.rdb seq 2 type b
file appendonly.aof.1.base.rdb seq 1 type h
file appendonly.aof.4.incr.aof seq 4 type i
file appendonly.aof.5.incr.aof seq 5 type i
`

it('reads what Redis writes, and writes the same', () => {
  const manifest = parseManifest(SAMPLE)
  expect(manifest).toEqual({
    base: { name: 'appendonly.aof.2.base.rdb', seq: 2 },
    increments: [
      { name: 'appendonly.aof.4.incr.aof', seq: 4 },
      { name: 'appendonly.aof.5.incr.aof', seq: 5 },
    ],
    history: [{ name: 'appendonly.aof.1.base.rdb', seq: 1 }],
  })
  expect(formatManifest(manifest)).toBe(SAMPLE)
  expect(parseManifest(`# a remark\n${SAMPLE}`)).toEqual(manifest)
})

it('names the files that follow', () => {
  const manifest = parseManifest(SAMPLE)
  expect(nextBase(manifest, 'appendonly.aof')).toEqual({ name: 'appendonly.aof.3.base.rdb', seq: 3 })
  expect(nextIncrement(manifest, 'appendonly.aof')).toEqual({ name: 'appendonly.aof.6.incr.aof', seq: 6 })
  expect(nextBase(EMPTY_MANIFEST, 'a')).toEqual({ name: 'a.1.base.rdb', seq: 1 })
  expect(nextIncrement(EMPTY_MANIFEST, 'a')).toEqual({ name: 'a.1.incr.aof', seq: 1 })
})

it.each([
  ['', /empty AOF manifest/],
  ['file a seq 1 type b', /no end/],
  ['file a seq 1\n', /^Invalid AOF manifest file format.*in line 1/],
  ['file a seq one type i\n', /in line 1/],
  ['file a seq 0 type i\n', /in line 1/],
  ['file a seq 1 type x\n', /^Unknown AOF file type/],
  ['file a seq 1 type b\nfile b seq 2 type b\n', /^Found duplicate base file.*line 2/],
  ['file a seq 2 type i\nfile b seq 2 type i\n', /^Found a non-monotonic sequence number.*line 2/],
  ['file ../../etc/passwd seq 1 type i\n', /can't be a path/],
  ['file "a seq 1 type i\n', /in line 1/],
  [`file ${'a'.repeat(2000)} seq 1 type i\n`, /^The AOF manifest file contains too long line, in line 1/],
])('refuses %j', (text, why) => {
  expect(() => parseManifest(text)).toThrow(AofManifestError)
  expect(() => parseManifest(text)).toThrow(why)
})

it('gives back any manifest that it wrote', () => {
  const name = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !/[/\0\n\r]|^\.\.?$|^#/.test(text))
  const file = fc.record({ name, seq: fc.integer({ min: 1, max: 2 ** 40 }) })
  const manifests = fc.record({
    base: fc.option(file, { nil: undefined }),
    increments: fc.uniqueArray(file, { selector: ({ seq }) => seq, maxLength: 5 }),
    history: fc.array(file, { maxLength: 5 }),
  })
  fc.assert(
    fc.property(manifests, (given) => {
      const manifest: AofManifest = { ...given, increments: given.increments.toSorted((a, b) => a.seq - b.seq) }
      const text = formatManifest(manifest)
      if (text !== '') expect(parseManifest(text)).toEqual(manifest)
    }),
  )
})

it('refuses damaged manifests and never fails otherwise', () => {
  fc.assert(
    fc.property(fc.nat(SAMPLE.length - 1), fc.nat(255), (at, byte) => {
      const bytes = Buffer.from(SAMPLE)
      bytes[at] = byte
      try {
        parseManifest(bytes.toString('latin1'))
      } catch (error) {
        expect(error).toBeInstanceOf(AofManifestError)
      }
    }),
    { numRuns: 2000 },
  )
})
