// The append-only log of a server: every write goes into it, and at the next start it is what the data come from. It is a base,
// all data at one moment, and files of commands since then; a rewrite makes a new base, and needs no second process: it is a
// snapshot (server/snapshot.ts) whose cut is where a new file of commands begins.
//
// Invariant: base and increments in the manifest, run in order, give the data in memory up to the last `flush`. So an increment
// that does not follow from the base there is (all data were replaced) counts only once the new base does.
import { openSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type AofFile, type AofManifest, nextBase, nextIncrement } from '../codec/aof-manifest.ts'
import type { LogRewriting } from '../commands/context.ts'
import { fail } from '../errors.ts'
import { monotonicMs } from '../io/clock.ts'
import { quick } from '../lib/quick.ts'
import { type AofFolder, openAofFolder } from './aof-folder.ts'
import { fileBytes, loadAof } from './aof-load.ts'
import { type AofLog, createAofLog } from './aof-log.ts'
import type { ServerParts } from './parts.ts'
import { createRdbFile, type RdbFile } from './rdb-file.ts'
import { type SnapshotOptions, type Snapshots, snapshotAux } from './snapshot.ts'

/** The log, with what the server process itself asks of it. */
export interface AppendOnlyLog extends LogRewriting {
  /** Whether writes go into it. */
  readonly active: boolean
  append(db: number, bytes: Uint8Array, start: number, end: number): void
  /** Before replies leave: what they acknowledge goes to the system or the disk. */
  flush(): void
  /** Ten times a second. */
  tick(): void
  /** Loads the log; false if there is none. Rejects with an error fit for the log. */
  load(): Promise<boolean>
  /** The data are loaded, from the log or not: opens it for writing. */
  start(): void
  /** Other data took the place of all there were: a new base is needed. */
  replaced(): void
  /** Gives a rewrite under way up, because the snapshot that it is has to make room. It is taken up again later. */
  yield(): void
  /** Whether a rewrite is under way. */
  rewriting(): boolean
  stop(): void
  /** The fields of INFO's section Persistence that are about the log. */
  facts(): [name: string, value: string | number][]
  readonly bufferBytes: number
}

/** A base whose disk is this far behind makes the walk wait. */
const PENDING_BYTES_MAX = 4 << 20
/** After so many rewrites that failed in a row, the next one waits a minute, then two, four, at most an hour. */
const FAILURES_FREE = 3
const FAILURE_WAIT_MS = 60_000
const FAILURE_WAIT_MS_MAX = 3_600_000

/** `fresh`: the new increment does not continue what the manifest has, and counts only with its base. */
interface Rewrite {
  readonly base: AofFile
  /** What is written from its cut on; undefined if the log is off, and only a base was asked for. */
  readonly increment: AofFile | undefined
  readonly file: RdbFile
  readonly startedMs: number
  readonly fresh: boolean
}

/** The log of a server. Nothing is opened before `load` or `start`. */
export function createAppendOnlyLog(parts: ServerParts, snapshots: Snapshots): AppendOnlyLog {
  const { options, log: say, engine, keyspace } = parts
  let folder: AofFolder | undefined
  let log: AofLog | undefined
  let rewrite: Rewrite | undefined
  let wanted: 'no' | 'continuing' | 'fresh' = 'no' // a rewrite that is to begin when it can
  let increment: AofFile | undefined // that the log appends to
  let baseBytes = 0 // of the log after the last rewrite, which growth is measured by
  let olderBytes = 0 // of files before the open one
  let rewrites = 0
  let failures = 0
  let failedMs = 0
  let lastSeconds = -1
  let lastOk = true
  let stopped = false

  const open = (): AofFolder => {
    folder ??= openAofFolder(options.dir, options.appenddirname, options.appendfilename)
    return folder
  }

  const openLog = (file: AofFile, fd: number, bytes: number): void => {
    increment = file
    if (log !== undefined) return log.switchTo(fd, bytes)
    log = createAofLog(
      {
        log: say,
        policy: () => options.appendfsync,
        syncHeld: () => options['no-appendfsync-on-rewrite'] && snapshots.busy(),
        timestamps: () => options['aof-timestamp-enabled'],
        nowMs: parts.nowMs,
        changed: (problem) => {
          engine.gate.logProblem = problem
        },
        panic: parts.panic,
      },
      fd,
      bytes,
    )
  }

  const snapshotOptions = (): SnapshotOptions => ({
    compress: options.rdbcompression,
    checksum: options.rdbchecksum,
    aux: snapshotAux(keyspace, parts.nowMs(), [], true),
  })

  const sizeOf = (manifest: AofManifest, files: AofFolder): number =>
    [...(manifest.base === undefined ? [] : [manifest.base]), ...manifest.increments].reduce(
      (sum, file) => sum + fileBytes(files.pathOf(file)),
      0,
    )

  // ---- rewriting ----

  /** From now on writes go into a new file. */
  const beginIncrement = (files: AofFolder, fresh: boolean): void => {
    const { manifest, prefix } = files
    const former = increment
    const next = nextIncrement(former === undefined ? manifest : { ...manifest, increments: [former] }, prefix)
    const fd = files.create(next)
    if (!fresh) files.store({ ...manifest, increments: [...manifest.increments, next] })
    olderBytes = fresh ? 0 : olderBytes + (log?.fileBytes ?? 0)
    openLog(next, fd, 0)
    // One that waited for a base in vain.
    if (former !== undefined && !manifest.increments.some(({ name }) => name === former.name)) files.remove(former)
  }

  /** Begins a rewrite; the cut is now. Throws what the disk says. */
  const begin = (asked: 'continuing' | 'fresh'): void => {
    const files = open()
    const { manifest, prefix } = files
    // What the disk does not take is in the new base; nothing that comes after it can count before that does.
    const fresh = log?.writeAll() === false || asked === 'fresh'
    files.make()
    const base = nextBase(manifest, prefix)
    const file = createRdbFile(files.pathOf(base), `rewriteaof-bg-${process.pid}`)
    try {
      if (options.appendonly) beginIncrement(files, fresh)
    } catch (error) {
      file.discard()
      throw error
    }
    say.notice('Background append only file rewriting started')
    const mine: Rewrite = { base, increment, file, startedMs: monotonicMs(), fresh }
    rewrite = mine
    const end = (error: Error | undefined): void => {
      if (rewrite !== mine) return // it was given up
      rewrite = undefined
      if (error === undefined) succeeded(mine)
      else failed(mine, error)
    }
    snapshots.start(snapshotOptions(), {
      emit: file.write,
      ready: () => file.pendingBytes() < PENDING_BYTES_MAX,
      done: (error) => (error === undefined ? file.commit(end) : end(error)),
    })
  }

  /** The new base is on disk: it and what came since are the log now. */
  const succeeded = (done: Rewrite): void => {
    const { base, increment: kept, startedMs } = done
    const files = open()
    const { manifest } = files
    const old = [...(manifest.base === undefined ? [] : [manifest.base]), ...manifest.increments]
    try {
      const history = [...manifest.history, ...old.filter(({ name }) => name !== kept?.name)]
      files.store({ base, increments: kept === undefined ? [] : [kept], history })
      if (!options['aof-disable-auto-gc']) files.removeHistory()
    } catch (error) {
      return failed(done, error as Error)
    }
    rewrites++
    failures = 0
    lastOk = true
    lastSeconds = Math.round((monotonicMs() - startedMs) / 1000)
    olderBytes = fileBytes(files.pathOf(base))
    baseBytes = olderBytes
    say.notice('Background AOF rewrite finished successfully')
  }

  const failed = ({ fresh }: Pick<Rewrite, 'fresh'>, error: Error): void => {
    say.warning(`Background AOF rewrite failed: ${error.message}`)
    lastOk = false
    failures++
    failedMs = monotonicMs()
    // Without a base that they belong to, the writes since then count for nothing: it is tried again.
    if (fresh) wanted = 'fresh'
  }

  const giveUp = (): void => {
    const was = rewrite
    if (was === undefined) return
    rewrite = undefined // first: a rewrite that is given up has not failed
    snapshots.cancelAtOnce('the rewrite was given up')
    was.file.discard()
    wanted = was.fresh ? 'fresh' : wanted
  }

  const waitMs = (): number =>
    failures < FAILURES_FREE ? 0 : Math.min(FAILURE_WAIT_MS * 2 ** (failures - FAILURES_FREE), FAILURE_WAIT_MS_MAX)

  const want = (fresh: boolean): void => {
    wanted = fresh || wanted === 'fresh' ? 'fresh' : 'continuing'
  }

  /** Begins the rewrite that is wanted, if nothing stands in its way. */
  const beginWanted = (): void => {
    if (wanted === 'no' || rewrite !== undefined || snapshots.busy() || engine.inExec || engine.gate.loading) return
    if (lastOk === false && monotonicMs() - failedMs < Math.max(waitMs(), 1000)) return
    const asked = wanted
    wanted = 'no'
    try {
      begin(asked)
    } catch (error) {
      failed({ fresh: asked === 'fresh' }, error as Error)
    }
  }

  const currentBytes = (): number => olderBytes + (log?.fileBytes ?? 0)

  const growthDue = (): boolean => {
    const percent = options['auto-aof-rewrite-percentage']
    if (log === undefined || rewrite !== undefined || wanted !== 'no' || percent === 0) return false
    const bytes = currentBytes()
    if (bytes < options['auto-aof-rewrite-min-size']) return false
    const growth = (100 * bytes) / Math.max(baseBytes, 1) - 100
    if (growth < percent) return false
    say.notice(`Starting automatic rewriting of AOF on ${Math.floor(growth)}% growth`)
    return true
  }

  // ---- on and off ----

  const switchOff = (): void => {
    giveUp()
    wanted = 'no'
    log?.close()
    log = undefined
    increment = undefined
    engine.gate.logProblem = undefined
  }

  parts.config.onChange('appendonly', (on) => {
    if (!on) return switchOff()
    if (log === undefined) want(true)
    beginWanted()
    return undefined
  })

  /** The log of a server that had none: what is loaded now, or nothing, is its base. */
  const startAtOnce = (files: AofFolder): void => {
    const base = nextBase(files.manifest, files.prefix)
    const first = nextIncrement(files.manifest, files.prefix)
    files.make()
    say.notice(`Creating AOF base file ${base.name} on server start`)
    const file = createRdbFile(files.pathOf(base), `rewriteaof-${process.pid}`)
    let problem: Error | undefined
    snapshots.runAtOnce(snapshotOptions(), {
      emit: file.writeAtOnce,
      ready: () => true,
      done: (error) => {
        problem = error
      },
    })
    if (problem !== undefined) throw problem
    file.commitAtOnce()
    say.notice(`Creating AOF incr file ${first.name} on server start`)
    const fd = files.create(first)
    files.store({ ...files.manifest, base, increments: [first] })
    olderBytes = fileBytes(files.pathOf(base))
    openLog(first, fd, 0)
  }

  /** Goes on in the newest file there is. */
  const goOn = (files: AofFolder): void => {
    const { manifest } = files
    const last = manifest.increments.at(-1)
    if (last !== undefined) {
      const bytes = fileBytes(files.pathOf(last))
      olderBytes = sizeOf(manifest, files) - bytes
      return openLog(last, openSync(files.pathOf(last), 'a'), bytes)
    }
    const first = nextIncrement(manifest, files.prefix)
    const fd = files.create(first)
    say.notice(`Creating AOF incr file ${first.name} on server start`)
    files.store({ ...manifest, increments: [first] })
    olderBytes = sizeOf(manifest, files)
    openLog(first, fd, 0)
  }

  return quick({
    get active() {
      return log !== undefined && !engine.gate.loading
    },
    append: (db, bytes, start, end) => log!.append(db, bytes, start, end),
    flush: () => log?.flush(),
    tick() {
      if (log === undefined && wanted === 'no') return
      log?.tick()
      if (growthDue()) want(false)
      beginWanted()
    },
    async load() {
      const files = open()
      const { base, increments } = files.manifest
      if (base === undefined && increments.length === 0) return false
      const startMs = monotonicMs()
      for (const _ of loadAof(parts, files)) {
        if (stopped) return true
        await nextTurn()
      }
      say.notice(`DB loaded from append only file: ${((monotonicMs() - startMs) / 1000).toFixed(3)} seconds`)
      return true
    },
    start() {
      const files = open()
      if (!options['aof-disable-auto-gc']) files.removeHistory()
      const { base, increments } = files.manifest
      if (base === undefined && increments.length === 0) startAtOnce(files)
      else goOn(files)
      baseBytes = currentBytes()
    },
    replaced() {
      if (log === undefined && wanted === 'no') return
      giveUp()
      want(true)
      beginWanted()
    },
    yield() {
      if (rewrite === undefined) return
      giveUp()
      want(false)
    },
    rewriting: () => rewrite !== undefined,
    rewriteLog() {
      if (rewrite !== undefined) fail('rewriteInProgress')
      want(log === undefined)
      if (snapshots.busy() || engine.inExec) return 'Background append only file rewriting scheduled'
      lastOk = true // whoever asks does not wait for the last failure's time to be over
      beginWanted()
      if (!lastOk) fail('failed', "Can't rewrite the append only file, see the log for the reason")
      return 'Background append only file rewriting started'
    },
    loadLog() {
      log?.writeAll()
      keyspace.flush()
      engine.host.scripts.libraries.flush()
      try {
        engine.aside(() => {
          for (const _ of loadAof(parts, open()));
        })
      } catch (error) {
        say.warning((error as Error).message)
        fail('logLoad')
      }
    },
    stop() {
      stopped = true
      giveUp()
      log?.close()
      log = undefined
    },
    facts: () => [
      ['aof_enabled', options.appendonly ? 1 : 0],
      ['aof_rewrite_in_progress', rewrite === undefined ? 0 : 1],
      ['aof_rewrite_scheduled', wanted === 'no' ? 0 : 1],
      ['aof_last_rewrite_time_sec', lastSeconds],
      [
        'aof_current_rewrite_time_sec',
        rewrite === undefined ? -1 : Math.floor((monotonicMs() - rewrite.startedMs) / 1000),
      ],
      ['aof_last_bgrewrite_status', lastOk ? 'ok' : 'err'],
      ['aof_rewrites', rewrites],
      ['aof_rewrites_consecutive_failures', failures],
      ['aof_last_write_status', engine.gate.logProblem === undefined ? 'ok' : 'err'],
      ['aof_last_cow_size', 0],
      ...(log === undefined ? [] : openFacts(log)),
    ],
    get bufferBytes() {
      return log?.pendingBytes ?? 0
    },
  })

  function openFacts(of: AofLog): [string, number][] {
    return [
      ['aof_current_size', currentBytes()],
      ['aof_base_size', baseBytes],
      ['aof_pending_rewrite', wanted === 'no' ? 0 : 1],
      ['aof_buffer_length', of.pendingBytes],
      ['aof_pending_bio_fsync', of.syncing ? 1 : 0],
      ['aof_delayed_fsync', of.delayed],
    ]
  }
}
