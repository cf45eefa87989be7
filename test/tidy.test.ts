// Style that a machine can check: the directions of imports (docs/ARCHITECTURE.md), the bans of the pure line, files
// that nothing imports, and a first comment in every file. Each failure names the file and what to do instead.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../src/errors.ts'

const SRC = join(import.meta.dirname, '../src')

/** Folder or file of src/ → what it may import beside itself. The order is the order of the layers, bottom first. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  lib: [],
  'errors.ts': ['lib'],
  lease: ['lib'],
  protocol: ['lib', 'errors.ts'],
  acl: ['lib', 'protocol'],
  config: ['lib', 'errors.ts', 'lease', 'acl'],
  facade: ['lib', 'errors.ts', 'protocol', 'acl'],
  store: ['lib'],
  types: ['lib', 'store'],
  keyspace: ['lib', 'store', 'types'],
  codec: ['lib', 'store', 'types'],
  scripts: ['lib', 'errors.ts', 'protocol'],
  commands: ['lib', 'errors.ts', 'config', 'protocol', 'facade', 'store', 'types', 'keyspace', 'codec'],
  engine: [
    'acl',
    'lib',
    'errors.ts',
    'config',
    'protocol',
    'facade',
    'store',
    'types',
    'keyspace',
    'codec',
    'scripts',
    'commands',
  ],
  replication: ['lib', 'errors.ts', 'protocol', 'keyspace'],
  cluster: ['lib', 'protocol'],
  raft: ['lib'],
  sentinel: ['lib', 'errors.ts', 'config', 'lease', 'raft'],
  // ---- the pure line ----
  io: ['lib', 'config', 'protocol', 'acl', 'facade', 'scripts'],
  metrics: ['lib'],
  server: [
    'acl',
    'lib',
    'errors.ts',
    'config',
    'protocol',
    'facade',
    'store',
    'types',
    'keyspace',
    'codec',
    'commands',
    'engine',
    'replication',
    'lease',
    'cluster',
    'io',
    'metrics',
  ],
  supervisor: ['lib', 'acl', 'errors.ts', 'config', 'lease', 'protocol', 'facade', 'raft', 'sentinel', 'io', 'metrics'],
  // Types only: what the sentinel tells it.
  console: ['supervisor'],
  cli: ['lib', 'errors.ts', 'config', 'protocol', 'sentinel', 'io', 'server', 'supervisor'],
  testing: ['protocol', 'io', 'cli'],
}

/** Building blocks that are tested by themselves and wait for the types that will stand on them. */
const AWAITED = new Set(['store/intset.ts'])

const IMPURE = new Set(['io', 'metrics', 'server', 'supervisor', 'console', 'cli', 'testing'])

/** What a file below the pure line must not mention, and what to use in its place. */
const BANS: readonly [RegExp, string][] = [
  [/\bDate\b(?!\w)/, 'time comes in as an argument (nowMs)'],
  [/\bMath\.random\b/, 'randomness comes in as an argument (lib/prng.ts)'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/, 'timers belong to server/ and supervisor/'],
  [/\bprocess\./, 'the process belongs to server/, supervisor/ and cli/'],
  [/\bperformance\b\./, 'time comes in as an argument'],
  [/\basync\b|\bawait\b|\bPromise\b/, 'code below the pure line is synchronous'],
  [/\bfetch\(/, 'I/O belongs to io/'],
]

/** Not imported from src/: where the program starts, and second implementations that tests put in the place of the first. */
const ENTRY_POINTS = new Set([
  'cli/main.ts',
  'console/main.tsx',
  'console/main.tsx',
  'testing/index.ts',
  'io/memory-transport.ts',
])

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => /\.tsx?$/.test(path))
const layerOf = (path: string): string => path.split('/')[0]!
const importsOf = (text: string): string[] =>
  [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ].map((match) => (match[1] ?? match[2] ?? match[3])!)
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1')
const withoutStrings = (text: string): string => text.replace(/'(?:[^'\\\n]|\\.)*'/g, "''")

const sources = files.map((path) => {
  const text = readFileSync(join(SRC, path), 'utf8')
  return { path, text, code: withoutComments(text), layer: layerOf(path) }
})

describe('imports', () => {
  it('go down the layers only', () => {
    const wrong: string[] = []
    for (const { path, code, layer } of sources) {
      const allowed = MAY_IMPORT[layer]
      if (allowed === undefined) {
        wrong.push(`${path}: ${layer} is no layer of the layout; add it to test/tidy.test.ts and docs/ARCHITECTURE.md`)
        continue
      }
      for (const name of importsOf(code)) {
        if (!name.startsWith('.')) continue
        const target = normalize(join(dirname(path), name))
        const to = layerOf(target)
        if (target.startsWith('..')) wrong.push(`${path} imports ${name}, outside src/`)
        else if (to !== layer && !allowed.includes(to))
          wrong.push(`${path} imports ${target}: ${layer} may not import ${to}`)
        else if (!existsSync(join(SRC, target))) wrong.push(`${path} imports ${target}, which does not exist`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('name no package and no node module below the pure line', () => {
    const wrong = sources
      .filter(({ layer }) => !IMPURE.has(layer))
      .flatMap(({ path, code }) =>
        importsOf(code)
          .filter((name) => !name.startsWith('.'))
          .map((name) => `${path} imports ${name}: take what it gives as an argument, from io/`),
      )
    expect(wrong).toEqual([])
  })

  it('leave no file unused', () => {
    const used = new Set(
      sources.flatMap(({ path, code }) => importsOf(code).map((name) => normalize(join(dirname(path), name)))),
    )
    expect(files.filter((path) => !used.has(path) && !ENTRY_POINTS.has(path) && !AWAITED.has(path))).toEqual([])
  })
})

describe('the pure line', () => {
  it.each(BANS)('bans %s', (pattern, instead) => {
    const wrong = sources
      .filter(({ layer }) => !IMPURE.has(layer))
      .filter(({ code }) => pattern.test(withoutStrings(code)))
      .map(({ path }) => `${path}: ${instead}`)
    expect(wrong).toEqual([])
  })
})

describe('every file', () => {
  it('begins with a comment that says what it is for', () => {
    const wrong = sources.filter(({ text }) => !/^(#!.*\n)?(\/\/|\/\*)/.test(text)).map(({ path }) => path)
    expect(wrong).toEqual([])
  })

  it('stays under 700 lines, or is split by concept', () => {
    expect(sources.filter(({ text }) => text.split('\n').length > 700).map(({ path }) => path)).toEqual([])
  })
})

describe('error texts', () => {
  const elsewhere = sources.filter(({ path }) => path !== 'errors.ts')

  it('are rows of errors.ts, which somebody uses', () => {
    const code = elsewhere.map((source) => source.code).join('\n')
    expect(Object.keys(ERRORS).filter((name) => !code.includes(`'${name}'`))).toEqual([])
  })

  it('stand nowhere else', () => {
    const codes = [...new Set(Object.values(ERRORS).map((text) => text.split(' ')[0]!))]
    const literal = new RegExp(`['"\`](${codes.join('|')}) [^'"\`]`)
    const wrong = elsewhere.filter(({ code }) => literal.test(code))
    expect(wrong.map(({ path }) => `${path}: make it a row of errors.ts and use errorText or fail`)).toEqual([])
  })
})

describe('the tables of commands', () => {
  it('have no circles of imports, of types neither', () => {
    const inside = sources.filter(({ path }) => /^(commands|facade|supervisor\/commands)\//.test(path))
    const imports = new Map(
      inside.map(({ path, code }) => [path, importsOf(code).map((name) => normalize(join(dirname(path), name)))]),
    )
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(' → '))
      if (way.includes(path) || done.has(path)) return
      for (const next of imports.get(path) ?? []) visit(next, [...way, path])
      done.add(path)
    }
    for (const path of imports.keys()) visit(path, [])
    expect(circles).toEqual([])
  })
})
