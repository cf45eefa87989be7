// What the page knows, kept up to date by the sentinel that it came from: by a stream of events, and while there is none by asking
// once a second. Invariant: what is shown is never older than the line says (`link`).
import type { LiveGroup, LiveQuorum } from '../supervisor/status-report.ts'

export interface Picture {
  readonly quorum: LiveQuorum | undefined
  readonly groups: ReadonlyMap<string, LiveGroup>
  /** `stream`: told as it happens; `asking`: once a second; `lost`: the sentinel does not answer. */
  readonly link: 'stream' | 'asking' | 'lost'
  /** When something was last heard. */
  readonly heardAtMs: number
}

export const NOTHING: Picture = { quorum: undefined, groups: new Map(), link: 'lost', heardAtMs: 0 }

const ASK_MS = 1_000
/** The stream says something at least every ten seconds. */
const SILENT_MS = 25_000
const STREAM_AGAIN_MS = 5_000

/** Follows the sentinel until the page is left. */
export function follow(show: (picture: Picture) => void): void {
  let picture = NOTHING
  let source: EventSource | undefined
  let triedAtMs = 0

  const change = (part: Partial<Picture>): void => {
    picture = { ...picture, ...part, heardAtMs: Date.now() }
    show(picture)
  }

  function take(name: string, data: string): void {
    if (name === 'quorum') change({ quorum: JSON.parse(data) as LiveQuorum })
    if (name !== 'group' && name !== 'gone') return
    const groups = new Map(picture.groups)
    if (name === 'gone') groups.delete(JSON.parse(data) as string)
    else {
      const group = JSON.parse(data) as LiveGroup
      groups.set(group.name, group)
    }
    change({ groups })
  }

  function stream(): void {
    triedAtMs = Date.now()
    source?.close()
    const mine = new EventSource('events')
    source = mine
    mine.onopen = () => change({ link: 'stream', groups: new Map() })
    for (const name of ['quorum', 'group', 'gone', 'idle'])
      mine.addEventListener(name, ({ data }) => (name === 'idle' ? change({}) : take(name, String(data))))
    // It connects again by itself; what was refused (too many readers) is asked for instead.
    mine.onerror = () => {
      if (mine === source && picture.link === 'stream') change({ link: 'lost' })
    }
  }

  async function ask(): Promise<void> {
    try {
      const answer = await fetch('picture')
      const events = (await answer.json()) as [string, unknown][]
      if (source?.readyState === EventSource.OPEN) return
      const groups = events.flatMap(([name, data]) => (name === 'group' ? [data as LiveGroup] : []))
      const quorum = events.find(([name]) => name === 'quorum')?.[1] as LiveQuorum
      change({ link: 'asking', quorum, groups: new Map(groups.map((group) => [group.name, group])) })
    } catch {
      picture = { ...picture, link: 'lost' }
      show(picture)
    }
  }

  function look(): void {
    const nowMs = Date.now()
    const silent = picture.link === 'stream' && nowMs - picture.heardAtMs > SILENT_MS
    if (source?.readyState === EventSource.OPEN && !silent) return
    if (nowMs - triedAtMs > STREAM_AGAIN_MS) stream()
    void ask()
  }

  stream()
  setInterval(look, ASK_MS)
}
