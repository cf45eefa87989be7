// What a server remembers of its role between two starts: the last order of a sentinel, and the sentinels it had. A group whose
// servers are started by flags would else begin again with the roles of the flags, and the newest data be thrown away for
// the oldest.
//
// Invariants: the memory holds only as long as the configuration says what it said when the order came: whoever changes
// `replicaof` is obeyed. The file is whole or not there; one that cannot be read is as good as none.
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
  /** Replaces what is remembered of the sentinels. */
  setSentinels(sentinels: readonly SentinelPlace[], selves: readonly string[]): void
  /** Replaces what is remembered of leases. */
  setLease(lease: LeaseMemory): void
  readonly path: string
}

export const SENTINELS_MAX = 16
export const SELVES_MAX = 4
const FILE_BYTES_MAX = 64 * 1024
const NOTHING: Remembered = { role: undefined, sentinels: [], selves: [] }

/** The memory in folder `dir` of the server on `port`, 0 for none at all. `configured` is what the configuration says of its role. */
export function openRoleMemory(dir: string, port: number, configured: string, log: Log): RoleMemory {
  const path = resolve(dir, `vedette-role-${port}.json`)
  let stored = port === 0 ? NOTHING : read(path, configured)
  const atStart = stored

  const write = (next: Remembered): void => {
    const isEmpty = next.role === undefined && next.sentinels.length === 0 && next.lease === undefined
    if (port === 0 || JSON.stringify(next) === JSON.stringify(stored)) return
    stored = next
    try {
      if (isEmpty) rmSync(path, { force: true })
      else
        closeSync(
          replaceFile(path, `${path}.tmp`, Buffer.from(`${JSON.stringify({ v: 1, configured, ...next })}\n`), 0o600),
        )
    } catch (error) {
      log.warning(
        `Cannot remember the role of this server in ${path}: ${error instanceof Error ? error.message : error}`,
      )
    }
  }

  return {
    atStart,
    setRole: (role) => write({ ...stored, role }),
    setSentinels: (sentinels, selves) => write({ ...stored, sentinels, selves }),
    setLease: (lease) => write({ ...stored, lease }),
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
