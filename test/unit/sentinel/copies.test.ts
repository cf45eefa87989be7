// In `sync` nobody is promoted who may lack an acknowledged write.
import { describe, expect, it } from 'vitest'
import { whyUnsafe } from '../../../src/sentinel/copies.ts'
import { parseInfo } from '../../../src/sentinel/info.ts'
import type { Candidate } from '../../../src/sentinel/ranking.ts'
import { DEFAULT_SETTINGS } from '../../../src/sentinel/settings.ts'
import type { TopologyGroup } from '../../../src/sentinel/topology.ts'

const HISTORY = 'a'.repeat(40)
const TOPO = { lineage: [{ replId: HISTORY, runId: 'r' }] } as unknown as TopologyGroup

const replica = (port: number, offset: number, over: Partial<Candidate> = {}): Candidate => ({
  address: { host: '10.0.0.1', port },
  verdict: 'up',
  linked: true,
  info: parseInfo(`role:slave\nmaster_replid:${HISTORY}\nslave_repl_offset:${offset}\nmaster_repl_offset:${offset}`),
  ...over,
})
const why = (candidates: Candidate[], copies: number): string | undefined =>
  whyUnsafe(candidates, candidates[0]!, { ...DEFAULT_SETTINGS, syncReplicas: copies }, TOPO)

describe('the copies of a write', () => {
  it('are certainly on the fullest of N − k + 1 replicas', () => {
    expect(why([replica(1, 50), replica(2, 40)], 1)).toBeUndefined()
    expect(why([replica(1, 50), replica(2, 40), replica(3, 0, { info: undefined })], 2)).toBeUndefined()
  })

  it('are as few as they were before the number was raised', () => {
    const candidates = [replica(1, 50), replica(2, 40), replica(3, 0, { info: undefined })]
    const settings = { ...DEFAULT_SETTINGS, syncReplicas: 2 }
    const raised = { ...TOPO, lease: { fewestCopies: 1 } } as TopologyGroup
    expect(whyUnsafe(candidates, candidates[0]!, settings, raised)).toMatch(/^3 of its 3 replicas must say/)
  })

  it('may be on one that says nothing: then nobody is promoted', () => {
    const missing = 'replicas must say what they have, so that no acknowledged write is lost, and 1 did'
    expect(why([replica(1, 50), replica(2, 0, { info: undefined })], 1)).toBe(`2 of its 2 ${missing}`)
    expect(why([replica(1, 50), replica(2, 60, { verdict: 'silent' })], 1)).toBe(`2 of its 2 ${missing}`)
    expect(why([replica(1, 50), replica(2, 60, { linked: false })], 1)).toBe(`2 of its 2 ${missing}`)
  })

  it('are on the fullest, and on no other for certain', () => {
    expect(why([replica(1, 50), replica(2, 60)], 1)).toBe(
      '10.0.0.1:2 may have acknowledged writes that 10.0.0.1:1 lacks',
    )
  })
})
