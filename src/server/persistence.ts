// Snapshots on disk: SAVE, BGSAVE, save points, and loading at start. A failed snapshot leaves the former file as it was,
// and (stop-writes-on-bgsave-error) stops writes until one succeeds.
import { resolve } from 'node:path'
import { RdbError } from '../codec/rdb-format.ts'
import type { Libraries, Persistence, ReloadOptions } from '../commands/context.ts'
import { fail } from '../errors.ts'
import { monotonicMs } from '../io/clock.ts'
import { createLoader, type Loader } from './loading.ts'
import type { ServerParts } from './parts.ts'
import { checkWritable, createRdbFile, type RdbFile, readRdbFile, readRdbFileAtOnce } from './rdb-file.ts'
import { delayMs, type SnapshotOptions, type Snapshots, snapshotAux } from './snapshot.ts'

/** Snapshots, with what the server process itself asks of them. */
export interface ServerPersistence extends Persistence {
  /** Loads the snapshot in `dir`, if there is one, while the gate says so. Rejects if it is damaged, or if `dir` cannot hold one. */
  load(): Promise<void>
  /** Ten times a second: save points. */
  tick(): void
  /**
   * Writes the snapshot before it returns, ending one that is under way: for shutdowns. Writes nothing while data are being
   * loaded, since half of them are worse than those on disk. Throws CommandError.
   */
  saveAtExit(): void
  /** Ends a snapshot or a load under way, without a trace. */
  stop(): void
  /** The fields of INFO's section Persistence that are about snapshots. */
  facts(): [name: string, value: string | number][]
}

/** The place of a snapshot in a history of writes: replication's part. */
export interface SnapshotPlace {
  /** What a snapshot begun now says of its place. */
  fields(): [name: string, value: string][]
  /** What the snapshot being loaded says, told once, before anything else of it. */
  resume(loaded: ReadonlyMap<string, string>): void
  /** A key of it is left out because its time is over. */
  expired(db: number, key: Buffer): void
}

/** A rewrite of the append-only log, which is a snapshot too. */
export interface OtherSnapshot {
  rewriting(): boolean
  /** Gives it up for now. */
  yield(): void
}

/** A save point that failed is tried again after this. */
const RETRY_AFTER_MS = 5000
/** A walk waits while the disk is this far behind. */
const PENDING_BYTES_MAX = 4 << 20

/** The snapshots of a server. */
export function createPersistence(
  parts: ServerParts,
  snapshots: Snapshots,
  place: SnapshotPlace,
  rewrite: OtherSnapshot,
): ServerPersistence {
  const { options, log, engine, keyspace } = parts
  let lastSaveMs = parts.nowMs()
  let lastTryMs = 0
  let lastOk = true
  let savedChanges = 0 // engine.stats.changes at the last snapshot's cut
  let saves = 0
  let lastSeconds = -1
  let background: { file: RdbFile; startedMs: number } | undefined
  let loadedKeys = 0
  let expiredKeys = 0
  let stopped = false
  let scheduled = false // by BGSAVE SCHEDULE

  const libraries = (): Libraries => engine.host.scripts.libraries
  const path = (): string => resolve(options.dir, options.dbfilename)
  const snapshotOptions = (): SnapshotOptions => ({
    compress: options.rdbcompression,
    checksum: options.rdbchecksum,
    aux: snapshotAux(keyspace, parts.nowMs(), place.fields()),
  })

  const updateGate = (): void => {
    engine.gate.misconfigured = !lastOk && options['stop-writes-on-bgsave-error'] && options.save.length > 0
  }
  const succeeded = (changesAtCut: number): void => {
    savedChanges = changesAtCut
    saves++
    lastSaveMs = parts.nowMs()
    lastOk = true
    updateGate()
  }
  const failed = (error: Error): void => {
    log.warning(error.message)
    lastOk = false
    updateGate()
  }

  const refuseIfBusy = (): void => {
    if (background !== undefined || snapshots.busy()) fail('saveInProgress')
  }

  const writeAtOnce = (): void => {
    rewrite.yield()
    const changes = engine.stats.changes
    let file: RdbFile | undefined
    let problem: Error | undefined
    try {
      file = createRdbFile(path(), String(process.pid))
      const { writeAtOnce: emit, commitAtOnce } = file
      snapshots.runAtOnce(snapshotOptions(), {
        emit,
        ready: () => true,
        done: (error) => {
          problem = error
        },
      })
      if (problem === undefined) commitAtOnce()
    } catch (error) {
      problem = error as Error
    }
    if (problem !== undefined) {
      file?.discard()
      // As in Redis, only a failed background save stops writes: whoever asked for this one has the error in hand.
      log.warning(problem.message)
      fail('failed', problem.message)
    }
    log.notice('DB saved on disk')
    succeeded(changes)
  }

  const startBackground = (): void => {
    lastTryMs = monotonicMs()
    const changes = engine.stats.changes
    const startedMs = monotonicMs()
    const file = createRdbFile(path(), `bg-${process.pid}`)
    background = { file, startedMs }
    const end = (error: Error | undefined): void => {
      if (background?.file !== file) return // it was given up
      background = undefined
      lastSeconds = Math.round((monotonicMs() - startedMs) / 1000)
      if (error === undefined) {
        log.notice('DB saved on disk')
        log.notice('Background saving terminated with success')
        succeeded(changes)
        return
      }
      file.discard()
      failed(error)
      log.warning('Background saving error')
    }
    log.notice('Background saving started')
    snapshots.start(snapshotOptions(), {
      emit: file.write,
      ready: () => file.pendingBytes() < PENDING_BYTES_MAX,
      done: (error) => (error === undefined ? file.commit(end) : end(error)),
    })
  }

  /** Ends what is under way; in whatever state it is, its file does not come to be the snapshot any more. */
  const giveUp = (): void => {
    rewrite.yield()
    const file = background?.file
    background = undefined // first: a snapshot that is given up has not failed
    snapshots.cancelAtOnce('the snapshot was given up')
    file?.discard()
  }

  /** The save point that is due, if any. */
  const duePoint = (): { seconds: number; changes: number } | undefined => {
    const changes = engine.stats.changes - savedChanges
    if (changes === 0 || (!lastOk && monotonicMs() - lastTryMs < RETRY_AFTER_MS)) return undefined
    const elapsedMs = parts.nowMs() - lastSaveMs
    return options.save.find((point) => changes >= point.changes && elapsedMs > point.seconds * 1000)
  }

  const saveSoon = (): void => {
    if (stopped || background !== undefined || snapshots.busy()) return
    try {
      startBackground()
    } catch (error) {
      failed(error as Error)
    }
  }

  /** All data are gone: ends a snapshot of them that is under way, and with save points replaces the one on disk. */
  const saveEmptied = (): void => {
    if (stopped) return
    if (background !== undefined) giveUp()
    if (options.save.length === 0 || snapshots.busy()) return // a replica's copy is under way: a save point will come
    try {
      writeAtOnce()
    } catch {
      // It is in the log.
    }
  }

  const load = async (): Promise<void> => {
    const startMs = monotonicMs()
    const loader = createLoader(keyspace, {
      checksum: options.rdbchecksum && !engine.host.debug.skipChecksums,
      stringBytesMax: Number.MAX_SAFE_INTEGER,
      dropExpiredAtMs: options.replicaof === undefined ? parts.nowMs() : undefined,
      onEmpty: skipEmpty,
      onLibrary: (code) => void libraries().load(code, { replace: false, patient: true }),
      onExpired: (db, key) => {
        resume()
        place.expired(db, key)
      },
    })
    let resumed = false
    const resume = (): void => {
      if (!resumed) place.resume(loader.aux)
      resumed = true
    }
    engine.gate.loading = true
    try {
      let waitedFor = 0
      const take = (bytes: Uint8Array): boolean => {
        loader.reader.feed(bytes)
        return !stopped
      }
      const pieceBytes = options['loading-process-events-interval-bytes']
      await readRdbFile(path(), take, pieceBytes, () => {
        const keys = loader.loaded() - waitedFor
        waitedFor += keys
        return keys * delayMs(options['key-load-delay'])
      })
      if (stopped) return
      loader.reader.end()
      resume()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      log.warning(`${describe(error)}. Terminating server after rdb file reading failure.`)
      throw new Error(`Fatal error loading the DB ${path()}: ${describe(error)}. Nothing was changed; exiting.`)
    } finally {
      engine.gate.loading = false
    }
    finished(loader)
    log.notice(`DB loaded from disk: ${((monotonicMs() - startMs) / 1000).toFixed(3)} seconds`)
  }

  const skipEmpty = (key: Uint8Array): void =>
    log.notice(
      `The snapshot has a key without elements, skipping empty key: ${Buffer.from(key.subarray(0, 128)).toString()}`,
    )

  const finished = (loader: Loader): void => {
    loadedKeys = loader.loaded()
    expiredKeys = loader.expired()
    const empty = loader.empty() === 0 ? '' : `, empty keys skipped: ${loader.empty()}`
    log.notice(`Done loading RDB, keys loaded: ${loadedKeys}, keys expired: ${expiredKeys}${empty}.`)
  }

  /** Loads the snapshot while nothing else happens. What is refused leaves the data half loaded, as in Redis. */
  const reload = ({ save, flush, merge }: ReloadOptions): void => {
    refuseIfBusy()
    if (save) writeAtOnce()
    if (flush) {
      keyspace.flush()
      libraries().flush()
    }
    const loader = createLoader(keyspace, {
      checksum: options.rdbchecksum && !engine.host.debug.skipChecksums,
      stringBytesMax: Number.MAX_SAFE_INTEGER,
      dropExpiredAtMs: options.replicaof === undefined ? parts.nowMs() : undefined,
      onEmpty: skipEmpty,
      onLibrary: (code) => void libraries().load(code, { replace: merge, patient: true }),
      refuseDuplicates: !merge,
    })
    try {
      readRdbFileAtOnce(path(), (bytes) => loader.reader.feed(bytes))
      loader.reader.end()
    } catch (error) {
      log.warning(`Cannot load ${path()}: ${describe(error)}`)
      fail('rdbLoad')
    }
    finished(loader)
  }

  return {
    reload,
    save() {
      rewrite.yield()
      refuseIfBusy()
      writeAtOnce()
    },
    bgsave(schedule) {
      if (rewrite.rewriting()) {
        if (!schedule) fail('saveBesideRewrite')
        scheduled = true
        return 'Background saving scheduled'
      }
      refuseIfBusy()
      // Not in the middle of a transaction: the snapshot's offset has to be that of its data.
      if (engine.inExec) {
        setImmediate(saveSoon)
        return 'Background saving started'
      }
      try {
        startBackground()
      } catch (error) {
        failed(error as Error)
        fail('failed', (error as Error).message)
      }
      return 'Background saving started'
    },
    flushed: () => void setImmediate(saveEmptied),
    lastSaveSeconds: () => Math.floor(lastSaveMs / 1000),
    async load() {
      if (options.save.length > 0) checkWritable(resolve(options.dir))
      return load()
    },
    tick() {
      updateGate()
      if (engine.gate.loading || background !== undefined || snapshots.busy()) return
      if (scheduled) {
        scheduled = false
        return saveSoon()
      }
      if (options.save.length === 0) return
      const point = duePoint()
      if (point === undefined) return
      log.notice(`${point.changes} changes in ${point.seconds} seconds. Saving...`)
      saveSoon()
    },
    saveAtExit() {
      giveUp()
      if (engine.gate.loading) return log.notice('Data are being loaded: no snapshot is written before exiting.')
      log.notice('Saving the final RDB snapshot before exiting.')
      writeAtOnce()
    },
    stop() {
      stopped = true
      giveUp()
    },
    facts: () => [
      ['rdb_changes_since_last_save', engine.stats.changes - savedChanges],
      // As in Redis a snapshot for replicas is one too.
      ['rdb_bgsave_in_progress', background !== undefined || snapshots.busy() ? 1 : 0],
      ['rdb_last_save_time', Math.floor(lastSaveMs / 1000)],
      ['rdb_last_bgsave_status', lastOk ? 'ok' : 'err'],
      ['rdb_last_bgsave_time_sec', lastSeconds],
      ['rdb_current_bgsave_time_sec', background ? Math.floor((monotonicMs() - background.startedMs) / 1000) : -1],
      ['rdb_saves', saves],
      ['rdb_last_cow_size', 0],
      ['rdb_last_load_keys_expired', expiredKeys],
      ['rdb_last_load_keys_loaded', loadedKeys],
    ],
  }
}

function describe(error: unknown): string {
  if (error instanceof RdbError) return error.code === 'checksum' ? `RDB CRC error: ${error.message}` : error.message
  return error instanceof Error ? error.message : String(error)
}
