// The runner of Redis's own suite (scripts/reference): what it reads out of the suite's output, and what it makes of the
// list of expected passes.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
// @ts-expect-error A script without types.
import { OPEN_CASES, SKIPPED } from '../../scripts/reference/files.mjs'
// @ts-expect-error A script without types.
import { parseOutput } from '../../scripts/reference/harness.mjs'
// @ts-expect-error A script without types.
import { compare, eitherOf, referencePage, withPasses } from '../../scripts/reference/page.mjs'
// @ts-expect-error A script without types.
import { parseSentinelOutput } from '../../scripts/reference/sentinel.mjs'
// @ts-expect-error A script without types.
import { sentinelSection } from '../../scripts/reference/sentinel-cases.mjs'

const OUTPUT = `Cleanup: may take some time... OK
[ready]: 123
[ok]: first (12 ms)
[ok]: with seed 12345678 (3 ms)
[err]: second in tests/unit/x.tcl
Expected 'a' to equal or match 'b'
[skip]: third
[ignore]: fourth: Tag: slow denied
[exception]: Executing test client: it broke.
while executing
[1/1 done]: unit/x (4 seconds)

                   The End
*** [err]: second in tests/unit/x.tcl
`

test('the output of a file is read', () => {
  const result = parseOutput(OUTPUT.slice(0, OUTPUT.indexOf('***')))
  expect(result.passed).toEqual(['first', 'with seed N'])
  expect(result.failed).toEqual([
    { name: 'second', why: ["Expected 'a' to equal or match 'b'"] },
    { name: 'Executing test client: it broke.', why: ['while executing'] },
  ])
  expect(result.skipped).toEqual(['third', 'fourth: Tag: slow denied'])
  expect(result.done).toBe(true)
  expect(parseOutput('[ok]: a (1 ms)\nTIMEOUT: too long\n')).toMatchObject({ passed: ['a'], done: false })
})

test('a pass that is gone is found, also one of several of one name; passes are only ever added', () => {
  expect(compare(['a', 'b', 'b'], ['a', 'b', 'c'])).toEqual({ lost: ['b'], gained: ['c'] })
  expect(compare(['a'], ['a'])).toEqual({ lost: [], gained: [] })
  const entry = withPasses({ cases: 4, passes: ['a', 'b', 'b'] }, ['b', 'c'])
  expect(entry).toEqual({ cases: 4, passes: ['a', 'b', 'b', 'c'] })
  expect(withPasses(undefined, ['x', 'x'])).toEqual({ cases: 2, passes: ['x', 'x'] })
  expect(eitherOf(['a', 'b', 'b'], ['c', 'b'])).toEqual(['a', 'b', 'b', 'c'])
})

test('no case is expected to pass that is not run', () => {
  const text = readFileSync(new URL('../../scripts/reference/expected.json', import.meta.url), 'utf8')
  const expected: Record<string, { passes: string[] }> = JSON.parse(text)
  const leftOut = [...Object.entries(OPEN_CASES), ...Object.entries(SKIPPED)] as [string, Record<string, string>][]
  for (const [file, cases] of leftOut) {
    expect(Object.keys(cases).filter((name) => expected[file]?.passes.includes(name))).toEqual([])
  }
})

test('the page is that of the committed list', () => {
  const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
  expect(read('docs/REFERENCE-SUITE.md')).toBe(
    referencePage(JSON.parse(read('scripts/reference/expected.json')), sentinelSection()),
  )
})

test('the output of the Sentinel suite is read', () => {
  const text = [
    'Testing unit: 05-manual.tcl',
    '01:02:03> Manual failover works: OK',
    '',
    '@@ ok Manual failover works',
    '01:02:04> New master 127.0.0.1:30003 role matches: FAILED: it is a slave',
    '@@ failed New master 127.0.0.1:30003 role matches',
    '@@ skipped (post-init) Set up ACL configuration',
  ].join('\n')
  expect(parseSentinelOutput(text)).toMatchObject([
    { file: '05-manual', name: 'Manual failover works', state: 'ok', why: '' },
    { name: 'New master ADDRESS role matches', state: 'failed', why: expect.stringContaining('it is a slave') },
    { state: 'skipped' },
  ])
})
