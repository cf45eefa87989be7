// Cut networks, lost packets and killed processes, with clients that write on both sides (cases.ts). What each write mode promises must
// come true: no two primaries take writes at once in `lease` and `sync`, and in `sync` nothing that was acknowledged is lost.
// FAULTS_TABLE=docs/FAULTS.md writes the results there.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isInstalled } from '../support/paths.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { CASES, type Case } from './cases.ts'
import { whyNoHosts } from './hosts.ts'
import { type Kind, LEASE_MS, type Outcome, startWorld, writeThrough } from './world.ts'

/** What a reply takes, and until all hosts are cut off: their filters are set one after the other. */
const SLACK_MS = 500

const results: { readonly name: string; readonly kind: Kind; readonly outcome: Outcome }[] = []
let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const why = whyNoHosts()
if (why !== undefined) throw new Error(`test:faults cannot run: ${why}`)

function judge({ cutOff, refused, gapMs }: Case, kind: Kind, outcome: Outcome): void {
  if (kind === 'async' || kind === 'redis') return
  expect(outcome.overlapMs).toBeLessThanOrEqual(refused === true && kind === 'lease' ? LEASE_MS : 0)
  if (kind === 'sync') expect(outcome.lost).toEqual([])
  if (cutOff === true) {
    const since = outcome.faultMs - SLACK_MS
    const strays = outcome.lost.filter(({ atMs }) => atMs < since || atMs > outcome.faultMs + LEASE_MS + SLACK_MS)
    expect(strays).toEqual([])
  }
  if (gapMs !== undefined) expect(outcome.gapMs).toBeLessThanOrEqual(gapMs)
}

for (const one of CASES)
  describe(one.name, () => {
    const kinds = one.kinds.filter((kind) => kind !== 'redis' || isInstalled('redis-sentinel'))
    it.each(kinds)('%s', async (kind) => {
      const world = await startWorld(scope, kind, one.layout, one.options?.(scope))
      const outcome = await writeThrough(world, () => one.fault(world))
      results.push({ name: one.name, kind, outcome })
      const { acknowledged, lost, overlapMs, gapMs } = outcome
      console.log(`${one.name}, ${kind}: ${JSON.stringify({ acknowledged, lost: lost.length, overlapMs, gapMs })}`)
      judge(one, kind, outcome)
    })
  })

const NAMES: Readonly<Record<Kind, string>> = {
  redis: 'Redis + Sentinel',
  async: 'async',
  lease: 'lease',
  sync: 'sync',
}
const BEGIN = '<!-- results -->'
const END = '<!-- end of results -->'

function table(): string {
  const rows = results.map(({ name, kind, outcome: { acknowledged, lost, overlapMs, gapMs } }) =>
    [
      name,
      NAMES[kind],
      `${(overlapMs / 1000).toFixed(1)} s`,
      `${lost.length} of ${acknowledged}`,
      `${(gapMs / 1000).toFixed(1)} s`,
    ].join(' | '),
  )
  const head = ['fault | mode | two writable primaries | acknowledged writes lost | longest gap', '---|---|--:|--:|--:']
  return [...head, ...rows].map((row) => `| ${row} |`).join('\n')
}

afterAll(() => {
  console.log(table())
  const file = process.env.FAULTS_TABLE
  if (file === undefined) return
  const text = readFileSync(file, 'utf8')
  const [before, after] = [text.slice(0, text.indexOf(BEGIN) + BEGIN.length), text.slice(text.indexOf(END))]
  const date = new Date().toISOString().slice(0, 10)
  writeFileSync(file, `${before}\n\nMeasured on ${date}.\n\n${table()}\n\n${after}`)
})
