// A group whose primary is not where somebody said: the address of a replica, or a file from before the last failover.
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { type Core, createCore } from '../../../src/sentinel/core.ts'
import type { Effect, Input } from '../../../src/sentinel/effects.ts'
import { decodeEntry } from '../../../src/sentinel/entries.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import { parseInfo } from '../../../src/sentinel/info.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const ref = (port: number) => ({ group: 'm', ...at(port) })
const named = (port: number) =>
  createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [{ name: 'm', primary: at(port), quorum: 2, settings: { downAfterMs: 100 } }],
      random: seededRandom(1),
      wallOffsetMs: 0,
      group: groupOf(['a']),
    },
    0,
  )
const leading: Input = {
  type: 'raft',
  view: { term: 1, leader: 'a', isLeader: true, voters: ['a'], learners: [] },
}
const up = (port: number): Input => ({ type: 'link-up', ref: ref(port), local: '10.0.0.9' })
const says = (port: number, text: string): Input => ({ type: 'info', ref: ref(port), info: parseInfo(text) })
const replicaOf = (port: number) => `role:slave\nmaster_host:10.0.0.1\nmaster_port:${port}\nmaster_link_status:up`
const PRIMARY = 'role:master\nrun_id:p'

const watched = (core: Core) => [...core.state.groups.values()].map(({ primary }) => primary.port)
const proposed = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => {
    const entry = effect.type === 'propose' ? decodeEntry(effect.data) : undefined
    return entry?.kind === 'monitor' ? [entry.primary.port] : []
  })
const said = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === 'log' ? [effect.text] : [])).join('\n')
const ticks = (core: Core, fromMs: number, untilMs: number): Effect[] => {
  const effects: Effect[] = []
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 50) effects.push(...core.step(nowMs, { type: 'tick' }))
  return effects
}

describe('a primary that was named', () => {
  it('and is a replica leads to its own primary, which is what the group agrees on', () => {
    const core = named(2)
    const effects = [
      ...core.step(0, leading),
      ...ticks(core, 0, 50),
      ...core.step(51, up(2)),
      ...core.step(52, says(2, replicaOf(1))),
      ...ticks(core, 100, 200),
    ]
    expect(said(effects)).toContain('10.0.0.1:2 was named as the primary of m, but is a replica of 10.0.0.1:1')
    expect([watched(core), proposed(effects)]).toEqual([[1], []])
    const events = effects.flatMap((effect) => (effect.type === 'event' ? [effect.name] : []))
    expect(events).not.toContain('+switch-master')
    const after = [...core.step(201, up(1)), ...core.step(202, says(1, PRIMARY)), ...ticks(core, 250, 250)]
    expect(proposed(after)).toEqual([1])
  })

  it('is agreed on as soon as it says that it is one', () => {
    const core = named(1)
    const before = [...core.step(0, leading), ...ticks(core, 0, 1_000), ...core.step(1_001, up(1))]
    expect(proposed(before)).toEqual([])
    expect(proposed(core.step(1_002, says(1, PRIMARY)))).toEqual([1])
  })

  it('and does not answer is agreed on after a while, for it may be down', () => {
    const core = named(1)
    core.step(0, leading)
    expect(proposed(ticks(core, 0, 4_900))).toEqual([])
    expect(proposed(ticks(core, 4_950, 5_100))).toEqual([1])
  })

  it('and follows in a circle is not followed for ever', () => {
    const core = named(2)
    core.step(0, leading)
    let follows = 0
    for (let nowMs = 0; nowMs < 3_000; nowMs += 50) {
      const [port] = watched(core) as [number]
      const effects = [
        ...core.step(nowMs, up(port)),
        ...core.step(nowMs, says(port, replicaOf(3 - port))),
        ...core.step(nowMs, { type: 'tick' }),
      ]
      if (said(effects).includes('but is a replica of')) follows += 1
    }
    expect(follows).toBe(8)
  })
})
