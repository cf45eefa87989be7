// Two servers that write the same snapshot destroy each other's: the file in `dir` belongs to one server with save points at a
// time. Servers with different names of the file may share a directory, as with Redis; and one without save points locks nothing,
// so that its directory stays as it is (what it writes when it is told to, SAVE, is the operator's to know).
import type { ServerConfig } from '../config/store.ts'
import { type DirectoryLock, LockedError, lockDirectory } from '../io/lock.ts'
import type { Log } from '../io/log.ts'

/** The lock of the snapshot; it moves with CONFIG SET dir and dbfilename, and comes and goes with save points. */
export interface DataLock {
  release(): void
}

/** Locks the snapshot of the configuration. Rejects when another server has it. */
export async function lockData(config: ServerConfig, log: Log): Promise<DataLock> {
  const { values } = config
  let held: DirectoryLock | undefined
  let heldFor = ''
  let released = false
  let moving = Promise.resolve()

  const onLost = (reason: string): void => {
    log.warning(`The snapshot is lost to another process, this one ends: ${reason}`)
    process.exit(1)
  }
  const wanted = (): string => (values.save.length === 0 || released ? '' : `${values.dir}\n${values.dbfilename}`)
  const take = async (): Promise<void> => {
    if (heldFor === wanted()) return
    held?.release()
    held = undefined
    heldFor = wanted()
    if (heldFor === '') return
    held = await lockDirectory(values.dir, { name: `.${values.dbfilename}.lock`, onLost })
    if (released) held.release()
  }
  const takeSoon = (): void => {
    moving = moving.then(take).catch((error: Error) => {
      log.warning(`Snapshots may overwrite those of another server: ${error.message}`)
    })
  }
  config.onChange('dir', takeSoon)
  config.onChange('dbfilename', takeSoon)
  config.onChange('save', takeSoon)

  try {
    await take()
  } catch (error) {
    if (error instanceof LockedError) {
      throw new Error(`${error.message}; give each server a --dir of its own, or --save ""`, { cause: error })
    }
    // A directory in which nothing can be written is refused, in its own words, when the snapshot is looked for.
    log.debug(`No lock on the snapshot: ${(error as Error).message}`)
  }
  return {
    release() {
      released = true
      held?.release()
    },
  }
}
