// The ACL log: who was denied what. Denials that are alike, within a minute, are one entry.

export type DeniedFor = 'command' | 'key' | 'channel' | 'auth'
export type DeniedIn = 'toplevel' | 'multi' | 'lua'

export interface LogEntry {
  readonly reason: DeniedFor
  readonly context: DeniedIn
  /** Command, key or channel, in latin1. */
  readonly object: string
  readonly username: string
  count: number
  atMs: number
  client: string
}

const ALIKE_MS = 60_000
/** So many entries are looked through for one that is alike. */
const COMPARED = 10
/** Keys and names may be long; so much of them is kept. */
export const NAME_BYTES_MAX = 1024

export class AclLog {
  readonly entries: LogEntry[] = []

  add(denied: Omit<LogEntry, 'count'>, entriesMax: number): void {
    const object = denied.object.slice(0, NAME_BYTES_MAX)
    const username = denied.username.slice(0, NAME_BYTES_MAX)
    const alike = this.entries
      .slice(0, COMPARED)
      .findIndex(
        (one) =>
          one.reason === denied.reason &&
          one.context === denied.context &&
          one.object === object &&
          one.username === username &&
          Math.abs(one.atMs - denied.atMs) <= ALIKE_MS,
      )
    const count = alike < 0 ? 1 : this.entries.splice(alike, 1)[0]!.count + 1
    this.entries.unshift({ ...denied, object, username, count })
    if (this.entries.length > entriesMax) this.entries.length = entriesMax
  }

  clear(): void {
    this.entries.length = 0
  }
}
