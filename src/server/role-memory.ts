// What a server remembers of its role between two starts: the last order of a sentinel, and the sentinels it had. A group whose
// servers are started by flags would else begin again with the roles of the flags, and the newest data be thrown away for
// the oldest.
//
// Invariants: the memory holds only as long as the configuration says what it said when the order came: whoever changes
// `replicaof` is obeyed. The file is whole or not there; one that cannot be read is as good as none. An order is on disk before
// it is answered; what hellos say, which may be anybody's, costs the disk a write now and then, however many come.
import { closeSync, readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { replaceFile } from '../io/durable.ts'
import type { Log } from '../io/log.ts'
import { toTerms } from '../lease/terms.ts'
import type { LeaseMemory } from './lease.ts'

/** Where something listens. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** A sentinel, and what it calls our group. */
export interface SentinelPlace extends Place {
  readonly group: string
}

/** What is remembered. */
export interface Remembered {
  /** The primary that a sentinel ordered to follow; 'none' for the order to be one; undefined: there was no order. */
  readonly role: Place | 'none' | undefined
  readonly sentinels: readonly SentinelPlace[]
  /** Under which addresses the sentinels know this server. */
  readonly selves: readonly string[]
  /** Its leases; undefined: no sentinel has enlisted it. */
  readonly lease?: LeaseMemory | undefined
}

export interface RoleMemory {
  /** What was remembered when the process started. */
  readonly atStart: Remembered
  /** Replaces what is remembered of the role. */
  setRole(role: Remembered['role']): void
  /** Replaces what is remembered of the sentinels; on disk after SENTINELS_EVERY_MS at the latest, if `tick` is called. */
  setSentinels(sentinels: readonly SentinelPlace[], selves: readonly string[]): void
  /** Replaces what is remembered of leases. */
  setLease(lease: LeaseMemory): void
  tick(): void
  /** Writes what is not written yet. */
  stop(): void
  readonly path: string
}

export const SENTINELS_MAX = 16
export const SELVES_MAX = 4
const FILE_BYTES_MAX = 64 * 1024
const SENTINELS_EVERY_MS = 5000
const NOTHING: Remembered = { role: undefined, sentinels: [], selves: [] }

/** The memory in folder `dir` of the server on `port`, 0 for none at all. `configured` is what the configuration says of its role. */
export function openRoleMemory(
  dir: string,
  port: number,
  configured: string,
  log: Log,
  monotonicMs: () => number,
): RoleMemory {
  const path = resolve(dir, `vedette-role-${port}.json`)
  let known = port === 0 ? NOTHING : read(path, configured)
  const atStart = known
  let stored = JSON.stringify(known)
  let storedMs = Number.NEGATIVE_INFINITY

  const write = (): void => {
    const text = JSON.stringify(known)
    if (port === 0 || text === stored) return
    stored = text
    storedMs = monotonicMs()
    const isEmpty = known.role === undefined && known.sentinels.length === 0 && known.lease === undefined
    try {
      if (isEmpty) rmSync(path, { force: true })
      else
        closeSync(
          replaceFile(path, `${path}.tmp`, Buffer.from(`${JSON.stringify({ v: 1, configured, ...known })}\n`), 0o600),
        )
    } catch (error) {
      log.warning(
        `Cannot remember the role of this server in ${path}: ${error instanceof Error ? error.message : error}`,
      )
    }
  }

  const writeNowAndThen = (): void => {
    if (monotonicMs() - storedMs >= SENTINELS_EVERY_MS) write()
  }

  return {
    atStart,
    setRole(role) {
      known = { ...known, role }
      write()
    },
    setSentinels(sentinels, selves) {
      known = { ...known, sentinels, selves }
      writeNowAndThen()
    },
    setLease(lease) {
      known = { ...known, lease }
      write()
    },
    tick: writeNowAndThen,
    stop: write,
    path,
  }
}

function read(path: string, configured: string): Remembered {
  try {
    const text = readFileSync(path, 'utf8')
    const fields: unknown = text.length > FILE_BYTES_MAX ? undefined : JSON.parse(text)
    return decode(fields, configured)
  } catch {
    return NOTHING
  }
}

/** What a file says; of an order only if it was given under the same configuration. Nothing for what is no such file. */
export function decode(value: unknown, configured: string): Remembered {
  if (!isRecord(value) || value.v !== 1) return NOTHING
  const role = value.role === 'none' ? 'none' : asPlace(value.role)
  const sentinels = list(value.sentinels, SENTINELS_MAX).flatMap((item) => {
    const place = asPlace(item)
    const group = isRecord(item) ? asText(item.group) : undefined
    return place === undefined || group === undefined ? [] : [{ ...place, group }]
  })
  const selves = list(value.selves, SELVES_MAX).flatMap((item) => asText(item) ?? [])
  const lease = asLease(value.lease)
  return { role: value.configured === configured ? role : undefined, sentinels, selves, ...(lease && { lease }) }
}

function asLease(value: unknown): LeaseMemory | undefined {
  if (!isRecord(value) || typeof value.key !== 'string' || !/^[0-9a-f]{64}$/.test(value.key)) return undefined
  return { key: value.key, bound: value.bound === true, terms: toTerms(value.terms) }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const list = (value: unknown, max: number): unknown[] => (Array.isArray(value) ? value.slice(0, max) : [])
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[!-~]{1,255}$/.test(value) ? value : undefined

function asPlace(value: unknown): Place | undefined {
  if (!isRecord(value)) return undefined
  const host = asText(value.host)
  const { port } = value
  if (host === undefined || !Number.isInteger(port) || Number(port) < 1 || Number(port) > 65_535) return undefined
  return { host, port: Number(port) }
}
