// Snapshots on disk.

import type { Persistence } from '../commands/context.ts'
import { failWith } from '../errors.ts'
import type { ServerParts } from './parts.ts'

/** Snapshots, with what the server process itself asks of them. */
export interface ServerPersistence extends Persistence {
  /** Loads the snapshot in `dir`, if there is one. Throws if it is damaged. */
  load(): void
  /** Ten times a second: save points. */
  tick(): void
  /** Ends a snapshot under way, without a trace. */
  stop(): void
}

/** The snapshots of a server. */
export function createPersistence(_parts: ServerParts): ServerPersistence {
  return {
    load: () => {},
    tick: () => {},
    stop: () => {},
    save: () => failWith('ERR not yet'),
    bgsave: () => failWith('ERR not yet'),
    lastSaveSeconds: () => 0,
  }
}
