// Where `vedette up` keeps its files: a temporary directory that goes away with it, or one that the user named, with a note
// of which server was the primary, so that the next `up` does not start an old replica as primary.
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CliError, UsageError } from '../command.ts'
import { SCRATCH_PREFIX } from '../process.ts'
import type { Ports } from './plan.ts'

export interface DataDir {
  readonly root: string
  readonly temporary: boolean
}

/** Makes or opens the directory. Throws CliError when it cannot be used. */
export function openDataDir(path: string | undefined): DataDir {
  if (path === undefined) return { root: mkdtempSync(join(tmpdir(), SCRATCH_PREFIX)), temporary: true }
  const root = resolve(path)
  try {
    mkdirSync(root, { recursive: true })
    accessSync(root, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new CliError(`cannot use --data-dir ${root}: ${(error as Error).message}`)
  }
  return { root, temporary: false }
}

const noteFile = (dir: DataDir): string => join(dir.root, 'up.json')

/** The port of the primary when `up` last ran here, or that of the first server. Throws UsageError for other ports. */
export function readNote(dir: DataDir, ports: Ports): number {
  const first = ports.servers[0]!
  if (dir.temporary) return first
  let text: string
  try {
    text = readFileSync(noteFile(dir), 'utf8')
  } catch {
    return first
  }
  let note: { primary?: unknown; servers?: unknown; sentinels?: unknown }
  try {
    note = JSON.parse(text) as typeof note
  } catch {
    throw new CliError(`${noteFile(dir)} cannot be read; remove it to begin with port ${first} as primary`)
  }
  const same = JSON.stringify([note.servers, note.sentinels]) === JSON.stringify([ports.servers, sentinelPorts(ports)])
  if (!same)
    throw new UsageError(
      `${dir.root} was made with servers ${String(note.servers)} and sentinels ${String(note.sentinels)}; use the same ports and numbers, or another --data-dir`,
    )
  return ports.servers.find((port) => port === note.primary) ?? first
}

const sentinelPorts = (ports: Ports): number[] => ports.sentinels.map(({ resp }) => resp)

/** Notes the primary. */
export function writeNote(dir: DataDir, ports: Ports, primary: number): void {
  if (dir.temporary) return
  const temporary = `${noteFile(dir)}.new`
  writeFileSync(temporary, `${JSON.stringify({ primary, servers: ports.servers, sentinels: sentinelPorts(ports) })}\n`)
  renameSync(temporary, noteFile(dir))
}
