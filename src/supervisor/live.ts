// The console's stream: the quorum and each group as events, sent to whoever reads when they changed. A group's picture is made
// once for all readers, and not at all while nobody reads.
//
//   quorum   the sentinels: LiveQuorum
//   group    one group: LiveGroup
//   gone     the name of a group that is not watched any more
//   idle     nothing changed for a while: the line stands
import { createEventStream, type EventStream, type ServerEvent } from '../io/event-stream.ts'
import { addressKey } from '../sentinel/address.ts'
import { obstacleOf } from '../sentinel/obstacle.ts'
import { outlookReport } from './outlook.ts'
import type { Sentinel } from './sentinel.ts'
import { groupStatus, sentinelList } from './status.ts'
import type { LiveGroup, LiveQuorum } from './status-report.ts'

export interface Live {
  readonly stream: EventStream
  /** The whole picture now, for whoever cannot read a stream. */
  picture(): readonly ServerEvent[]
  /** Something happened: readers are to see it at once. */
  poke(): void
  stop(): void
}

/** Offsets and the like are looked at this often; with very many groups less often, for each costs some time. */
const LOOK_MS = 500
const LOOK_MS_A_GROUP = 4
/** What happens together is sent together: when hundreds of groups fail over at once, there is more to do than to show it. */
const POKE_MS = 5
const GROUPS_A_POKE_MS = 5
const IDLE_LOOKS = 20

export function createLive(sentinel: Sentinel, writable: boolean, nowMs: () => number): Live {
  const core = sentinel.core.state
  /** What readers have been told, by event and name. */
  let told = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let dueMs = 0
  let quietLooks = 0

  function quorum(): LiveQuorum {
    const voters = core.raft.voters
    return {
      self: addressKey(core.self.resp),
      formed: core.formed !== undefined,
      obstacle: obstacleOf(core, nowMs()) ?? null,
      term: core.raft.term,
      sentinels: sentinelList(core, voters, nowMs()).map(({ lastHeardMs: _, ...one }) => one),
      writable,
    }
  }

  function groups(): LiveGroup[] {
    return [...core.groups.values()].map((group) => ({
      ...groupStatus(core, group, nowMs()),
      outlook: outlookReport(core, group.name, nowMs()),
      historyEpoch: core.topology.groups.get(group.name)?.history.at(-1)?.epoch ?? 0,
    }))
  }

  const picture = (): ServerEvent[] => [
    { name: 'quorum', data: JSON.stringify(quorum()) },
    ...groups().map((group) => ({ name: 'group', data: JSON.stringify(group) })),
  ]

  /** What is new since the last look. */
  function news(): ServerEvent[] {
    const now = new Map<string, string>([['quorum', JSON.stringify(quorum())]])
    for (const group of groups()) now.set(`group ${group.name}`, JSON.stringify(group))
    const changed = [...now].filter(([key, data]) => told.get(key) !== data)
    const gone = [...told.keys()].filter((key) => !now.has(key))
    told = now
    return [
      ...changed.map(([key, data]) => ({ name: key.split(' ')[0]!, data })),
      ...gone.map((key) => ({ name: 'gone', data: JSON.stringify(key.split(' ')[1]) })),
    ]
  }

  function look(): void {
    const events = news()
    quietLooks = events.length > 0 ? 0 : quietLooks + 1
    if (quietLooks % IDLE_LOOKS === IDLE_LOOKS - 1) stream.send([{ name: 'idle', data: '' }])
    stream.send(events)
    lookIn(Math.max(LOOK_MS, core.groups.size * LOOK_MS_A_GROUP))
  }

  function lookIn(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(look, ms)
    dueMs = nowMs() + ms
  }

  const stream = createEventStream({
    greet: picture,
    onReaders: (any) => {
      if (!any) return clearTimeout(timer)
      // The greeting told all of it.
      news()
      lookIn(LOOK_MS)
    },
  })
  return {
    stream,
    picture,
    poke() {
      const inMs = POKE_MS + Math.floor(core.groups.size / GROUPS_A_POKE_MS)
      if (stream.readers > 0 && dueMs - nowMs() > inMs) lookIn(inMs)
    },
    stop: () => clearTimeout(timer),
  }
}
