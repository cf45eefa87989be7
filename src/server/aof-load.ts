// Loads an append-only log: its base into the keyspace, then the commands of its files through the engine, as if a primary
// sent them. The end of the last file may be missing (`aof-load-truncated`): a process that dies leaves it so. Anything else
// that is wrong ends the load, and the files stay as they are.
import { closeSync, openSync, readSync, statSync, truncateSync } from 'node:fs'
import type { AofFile } from '../codec/aof-manifest.ts'
import { nowhere, Session } from '../facade/session.ts'
import { type AofReader, createAofReader } from '../protocol/aof-reader.ts'
import type { Args } from '../protocol/args.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import type { AofFolder } from './aof-folder.ts'
import { createLoader, type Loader } from './loading.ts'
import type { ServerParts } from './parts.ts'

/** The connection that the commands of a log come from: nobody reads its replies. */
const NOWHERE = nowhere('?:0', '?:0')

const PIECE_BYTES = 256 * 1024
const RDB_MAGIC = 'REDIS'

/**
 * Loads all files of a manifest into the keyspace, a piece a step, so that others may run in between; whoever does not finish
 * leaves half of the data. @throws Error fit for the log
 */
export function* loadAof(parts: ServerParts, folder: AofFolder): Generator<void> {
  const { base, increments } = folder.manifest
  const files = [...(base === undefined ? [] : [base]), ...increments]
  const { engine, keyspace } = parts
  const { changes } = engine.stats
  const { expiry } = keyspace
  engine.gate.loading = true
  // What a key's time brings stands in the log, too.
  keyspace.expiry = 'ignore'
  try {
    for (const file of files) yield* loadFile(parts, folder, file, file === files.at(-1))
  } finally {
    engine.gate.loading = false
    keyspace.expiry = expiry
    engine.stats.changes = changes
  }
}

/** Loads one file. */
function* loadFile(parts: ServerParts, folder: AofFolder, file: AofFile, isLast: boolean): Generator<void> {
  const path = folder.pathOf(file)
  const session = new Session(0, NOWHERE, parts.nowMs(), true)
  session.isPrimary = true
  const reader = createAofReader((args) => run(parts, session, args, file.name))
  let loader: Loader | undefined
  let rdbBytes = 0
  let rdbDone = false
  let first = true

  const take = (piece: Buffer): void => {
    if (first && piece.toString('latin1', 0, RDB_MAGIC.length) === RDB_MAGIC) {
      parts.log.notice(`Reading RDB base file on AOF loading...`)
      loader = createLoader(parts.keyspace, {
        checksum: parts.options.rdbchecksum,
        stringBytesMax: Number.MAX_SAFE_INTEGER,
        dropExpiredAtMs: undefined,
        onLibrary: (code) => void parts.engine.host.scripts.libraries.load(code, { replace: false, patient: true }),
      })
    }
    first = false
    let rest = piece
    if (loader !== undefined && !rdbDone) {
      const taken = loader.reader.feed(piece)
      rdbBytes += taken
      rdbDone = taken < piece.length
      rest = piece.subarray(taken)
    }
    if (rest.length > 0) reader.feed(rest)
  }

  try {
    yield* readPieces(path, take)
    loader?.reader.end()
  } catch (error) {
    throw refusal(path, error)
  } finally {
    loader?.reader.abandon()
  }
  parts.log.notice(`DB loaded from ${file.name}: ${rdbBytes + reader.takenBytes} bytes`)
  if (reader.wholeBytes < reader.takenBytes) cutTail(parts, path, file.name, rdbBytes, reader, isLast)
}

/** Runs a command of the log; whether no transaction is open behind it. */
function run(parts: ServerParts, session: Session, args: Args, name: string): boolean {
  const { engine } = parts
  const word = args.latin1(0)
  if (engine.host.commands.lookup(args.buffer, args.start(0), args.end(0)) === undefined) {
    throw new Error(
      `Unknown command '${word.slice(0, 64).replace(/[^ -~]/g, '?')}' reading the append only file ${name}`,
    )
  }
  engine.execute(session, args, REPLIES)
  REPLIES.clear()
  return session.transaction === undefined
}
const REPLIES = new ReplyWriter(1024)

/** The file ends in the middle of a command or of a transaction. */
function cutTail(
  { options, log }: ServerParts,
  path: string,
  name: string,
  rdbBytes: number,
  reader: AofReader,
  isLast: boolean,
): void {
  if (!isLast || !options['aof-load-truncated']) {
    throw new Error(
      `Unexpected end of file reading the append only file ${name}. You can: 1) Make a backup of your AOF file, then use ` +
        './redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the ' +
        "'aof-load-truncated' configuration option to yes and restart the server, if it is the last file.",
    )
  }
  const bytes = rdbBytes + reader.wholeBytes
  log.warning(`!!! Warning: short read while loading the AOF file ${name}!!!`)
  log.warning(`AOF loaded anyway because aof-load-truncated is enabled: it is truncated at byte ${bytes}`)
  truncateSync(path, bytes)
}

function refusal(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new Error(`The AOF file ${path} doesn't exist, but the manifest names it`)
  if (message.startsWith('Unknown command')) return new Error(message)
  return new Error(
    `Bad file format reading the append only file ${path}: ${message}. Make a backup of your AOF file, then use ` +
      './redis-check-aof --fix <filename.manifest>',
  )
}

/** Hands a file to `take`, a piece in each step. */
function* readPieces(path: string, take: (piece: Buffer) => void): Generator<void> {
  const fd = openSync(path, 'r')
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES)
    for (;;) {
      const count = readSync(fd, buffer, 0, buffer.length, null)
      if (count === 0) return
      take(buffer.subarray(0, count))
      yield
    }
  } finally {
    closeSync(fd)
  }
}

/** Size of a file; 0 if it is not there. */
export function fileBytes(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}
