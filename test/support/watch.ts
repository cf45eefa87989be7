// Watches a group from outside while things happen to it: the events that each sentinel publishes, and the address that each
// announces, asked for without pause.
import { announcedPort, type Group } from './group.ts'
import { callOnce, connectRaw, decode } from './resp.ts'
import type { Scope } from './scope.ts'
import type { Running } from './servers.ts'
import { sleep } from './wait.ts'

export interface SentinelEvent {
  sentinelPort: number
  channel: string
  message: string
  atMs: number
}

export interface Announcement {
  sentinelPort: number
  port: number
  atMs: number
  /** What the announced server itself said it was, asked right after a change of the announcement. */
  role: string
}

/** Records every event of these sentinels from now on. */
export async function watchEvents(scope: Scope, sentinels: readonly Running[]): Promise<SentinelEvent[]> {
  const events: SentinelEvent[] = []
  for (const { port } of sentinels) {
    const connection = await connectRaw(port, { scope })
    await connection.call('PSUBSCRIBE', '*')
    const listen = async (): Promise<void> => {
      for (;;) {
        const message = decode(await connection.reply(2 ** 30))
        if (!Array.isArray(message)) continue
        events.push({
          sentinelPort: port,
          channel: String(message[2]),
          message: String(message[3]),
          atMs: performance.now(),
        })
      }
    }
    listen().catch(() => {})
  }
  return events
}

async function roleOf(port: number): Promise<string> {
  const reply = await callOnce(port, 'ROLE').catch(() => [])
  return Array.isArray(reply) ? String(reply[0]) : 'unknown'
}

/** Records every change of what each sentinel announces, until the scope closes. */
export function watchAnnouncements(scope: Scope, group: Group): Announcement[] {
  const changes: Announcement[] = []
  let watching = true
  scope.defer(() => {
    watching = false
  })
  const watch = async (sentinel: Running): Promise<void> => {
    let last = -1
    while (watching) {
      const port = await announcedPort(sentinel, group.name).catch(() => last)
      if (port !== last) {
        const atMs = performance.now()
        changes.push({ sentinelPort: sentinel.port, port, atMs, role: await roleOf(port) })
        last = port
      }
      await sleep(5)
    }
  }
  for (const sentinel of group.sentinels) watch(sentinel).catch(() => {})
  return changes
}
