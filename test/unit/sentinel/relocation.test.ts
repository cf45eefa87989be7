// Everything came back at other addresses: what the file says now wins over addresses at which nobody answers, and over no other.
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { type Core, createCore } from '../../../src/sentinel/core.ts'
import type { Effect, Input } from '../../../src/sentinel/effects.ts'
import { type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import { parseInfo } from '../../../src/sentinel/info.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const NEW = 9
const replay = (entry: Entry): Input => ({ type: 'committed', data: encodeEntry(entry), replay: true })

const LEADS: Input = {
  type: 'raft',
  view: { term: 1, leader: 'a', isLeader: true, voters: ['a'], learners: [] },
}

/** It hears no other sentinel. */
const ALONE: Input = {
  ...LEADS,
  view: { term: 1, leader: undefined, isLeader: false, voters: ['a', 'b', 'c'], learners: [] },
}

/** The only sentinel of its group, which knows m at ports 1 and 2; its file names another port by now. */
function restarted(): Core {
  const core = createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [{ name: 'm', primary: at(NEW), quorum: 1, settings: { downAfterMs: 1_000 } }],
      random: seededRandom(1),
      wallOffsetMs: 0,
      group: groupOf(['a']),
    },
    0,
  )
  core.step(0, replay({ kind: 'monitor', group: 'm', primary: at(1), quorum: 1 }))
  core.step(0, replay({ kind: 'replica', group: 'm', replica: at(2) }))
  return core
}

/** Time passes: connections to ports that are not `alive` are refused, the others answer pings, and what `info` says. */
function run(core: Core, fromMs: number, untilMs: number, alive: Record<number, string>, raft = LEADS): Effect[] {
  const seen: Effect[] = []
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 50) {
    const queue: Input[] = [raft, { type: 'tick' }]
    for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
      for (const effect of core.step(nowMs, input)) {
        seen.push(effect)
        if (effect.type === 'propose') queue.push({ type: 'committed', data: effect.data })
        if (!('ref' in effect)) continue
        const text = alive[effect.ref.port]
        if (effect.type === 'connect')
          queue.push(
            text === undefined
              ? { type: 'link-down', ref: effect.ref, failure: 'refused' }
              : { type: 'link-up', ref: effect.ref, local: '10.0.0.9' },
          )
        if (text === undefined) continue
        if (effect.type === 'ping') queue.push({ type: 'pong', ref: effect.ref, text: 'PONG' })
        if (effect.type === 'info') queue.push({ type: 'info', ref: effect.ref, info: parseInfo(text) })
        if (effect.type === 'order')
          queue.push({ type: 'order-done', ref: effect.ref, id: effect.id, ok: true, text: 'OK' })
      }
    }
  }
  return seen
}

const primary = (core: Core): number => core.state.topology.groups.get('m')!.primary.port
const said = (effects: readonly Effect[]): string =>
  effects.flatMap((effect) => (effect.type === 'log' ? [effect.text] : [])).join('\n')
const PRIMARY = `role:master\nrun_id:${'9'.repeat(40)}\nmaster_replid:${'8'.repeat(40)}\nmaster_repl_offset:5`

describe('the address in the file', () => {
  it('is where the primary is when nobody answers where it was', () => {
    const core = restarted()
    const effects = run(core, 50, 10_000, { [NEW]: PRIMARY })
    expect(said(effects)).toContain(
      'No server of m answers (the primary was 10.0.0.1:1), and the file names 10.0.0.1:9',
    )
    expect(primary(core)).toBe(NEW)
    expect(core.state.topology.groups.get('m')!.configEpoch).toBeGreaterThan(0)
    const events = effects.flatMap((effect) => (effect.type === 'event' ? [`${effect.name} ${effect.payload}`] : []))
    expect(events).toContain('+switch-master m 10.0.0.1 1 10.0.0.1 9')
  })

  it('is not even looked at while any server of the group answers', () => {
    const core = restarted()
    const replica = 'role:slave\nmaster_host:10.0.0.1\nmaster_port:1\nmaster_link_status:down\nslave_priority:0'
    const effects = run(core, 50, 10_000, { 2: replica, [NEW]: PRIMARY })
    expect(effects.some((effect) => 'ref' in effect && effect.ref.port === NEW)).toBe(false)
    expect(primary(core)).toBe(1)
  })

  it('is looked at, and moved to, also when the servers died in a failover that had not ended', () => {
    const core = restarted()
    const start = { epoch: 1, old: at(1), planned: false, reason: 'r', by: 'a', atMs: 0 } as const
    core.step(0, replay({ kind: 'start', group: 'm', ...start, choice: { replica: at(2), why: 'w' } }))
    core.step(0, replay({ kind: 'switch', group: 'm', epoch: 1, atMs: 0, reason: 's' }))
    const effects = run(core, 50, 4_000, { [NEW]: PRIMARY }, ALONE)
    expect(effects.some((effect) => effect.type === 'publish' && effect.ref.port === NEW)).toBe(true)
    run(core, 4_050, 20_000, { [NEW]: PRIMARY })
    expect(primary(core)).toBe(NEW)
  })

  it('is left alone, unharmed, when the group is back before a failover', () => {
    const core = restarted()
    run(core, 50, 4_000, { [NEW]: 'role:slave\nmaster_host:10.0.0.1\nmaster_port:77' })
    const effects = run(core, 4_050, 9_000, { 1: PRIMARY, [NEW]: PRIMARY })
    expect(effects.filter((effect) => effect.type === 'order' && effect.ref.port === NEW)).toEqual([])
    expect(primary(core)).toBe(1)
    expect([...core.state.groups.get('m')!.servers.keys()]).toEqual(['10.0.0.1:1', '10.0.0.1:2'])
  })
})
