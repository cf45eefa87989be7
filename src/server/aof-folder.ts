// The folder of an append-only log, `appenddirname` in `dir`: its files and the manifest that says which of them count.
//
// Invariants: the manifest on disk is whole at all times and names files that are there; a file is deleted only after the
// manifest has called it history, and so nobody needs it.
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  type AofFile,
  type AofManifest,
  AofManifestError,
  EMPTY_MANIFEST,
  formatManifest,
  parseManifest,
} from '../codec/aof-manifest.ts'
import { replaceFile, syncDirectory } from '../io/durable.ts'

const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants

export interface AofFolder {
  /** What the manifest on disk says. */
  readonly manifest: AofManifest
  /** Names of files begin with this. */
  readonly prefix: string
  pathOf(file: AofFile): string
  /** Puts another manifest in its place, durably. */
  store(manifest: AofManifest): void
  /** Makes the folder if it is not there. */
  make(): void
  remove(file: AofFile): void
  /** Opens a new file to append to; one that is there already is from a run that died before it counted, and is emptied. */
  create(file: AofFile): number
  /** Deletes what the manifest calls history, and says so in it. */
  removeHistory(): void
}

/**
 * Opens the folder, which need not be there yet. A log of before Redis 7, one file `appendfilename` in `dir`, becomes the base
 * of a new one. @throws Error that says what is wrong
 */
export function openAofFolder(dir: string, folderName: string, prefix: string): AofFolder {
  const folder = join(dir, folderName)
  const manifestPath = join(folder, `${prefix}.manifest`)
  let manifest = readManifest(manifestPath)

  const store = (next: AofManifest): void => {
    mkdirSync(folder, { recursive: true })
    closeSync(
      replaceFile(manifestPath, join(folder, `temp-${prefix}.manifest`), Buffer.from(formatManifest(next)), 0o644),
    )
    manifest = next
  }

  const adoptOldLog = (): void => {
    const old = join(dir, prefix)
    if (manifest === EMPTY_MANIFEST && existsSync(old)) store({ ...EMPTY_MANIFEST, base: { name: prefix, seq: 1 } })
    // Also when a run died between the two steps.
    const adopted = join(folder, prefix)
    if (manifest.base?.name !== prefix || existsSync(adopted) || !existsSync(old)) return
    renameSync(old, adopted)
    syncDirectory(folder)
    syncDirectory(dir)
  }

  const removeHistory = (): void => {
    const { history } = manifest
    if (history.length === 0) return
    for (const { name } of history) rmSync(join(folder, name), { force: true })
    store({ ...manifest, history: [] })
  }

  /** What a run that died had begun to write. */
  const removeTemporary = (): void => {
    if (!existsSync(folder)) return
    for (const name of readdirSync(folder)) {
      if (/^temp-(?:rewriteaof-|.*\.manifest$)/.test(name)) rmSync(join(folder, name), { force: true })
    }
  }

  adoptOldLog()
  removeTemporary()
  return {
    get manifest() {
      return manifest
    },
    prefix,
    pathOf: ({ name }) => join(folder, name),
    store,
    make: () => void mkdirSync(folder, { recursive: true }),
    remove: ({ name }) => rmSync(join(folder, name), { force: true }),
    create(file) {
      // To append: what is cut off after a failed write must not leave a hole.
      const fd = openSync(join(folder, file.name), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o644)
      syncDirectory(folder)
      return fd
    },
    removeHistory,
  }
}

function readManifest(path: string): AofManifest {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY_MANIFEST
    throw error
  }
  try {
    return parseManifest(text)
  } catch (error) {
    if (!(error instanceof AofManifestError)) throw error
    throw new Error(`Error reading the AOF manifest ${path}: ${error.message}`)
  }
}
