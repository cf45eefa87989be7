// Looks through a file of data without loading it: an RDB, a file of an append-only log, or a manifest with all that it names. Each
// value is built, as loading would, and given back at once, so memory holds one at a time.
//
// Invariant: nothing is written. What says whole here, `loading.ts` and `aof-load.ts` load: the readers are the same.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseManifest } from '../codec/aof-manifest.ts'
import { createRdbReader, type RdbReader } from '../codec/rdb-reader.ts'
import { allCommands } from '../commands/table.ts'
import { Keyspace } from '../keyspace/keyspace.ts'
import { type AofReader, createAofReader } from '../protocol/aof-reader.ts'
import type { Args } from '../protocol/args.ts'

/** What was found out about a file. */
export interface FileReport {
  readonly path: string
  readonly bytes: number
  /** Keys of the snapshot in it, and commands behind that. */
  readonly keys: number
  readonly commands: number
  /** What is wrong, and where; undefined: nothing. */
  readonly problem: string | undefined
  /** Cut to so many bytes the file is whole: the end of a log is missing, as after a crash. */
  readonly wholeBytes: number | undefined
}

const PIECE_BYTES = 256 * 1024
const RDB_MAGIC = 'REDIS'
const DATABASES_MAX = 2 ** 16
const COMMANDS = allCommands()

/** Checks a file, or all files of a manifest; stops at the first that is wrong. @throws the system's error if it can't be read */
export function checkFile(path: string): FileReport[] {
  if (!path.endsWith('.manifest')) return [new FileCheck(path).run()]
  const report = { path, bytes: 0, keys: 0, commands: 0, problem: undefined, wholeBytes: undefined }
  const reports: FileReport[] = []
  try {
    const { base, increments } = parseManifest(readFileSync(path, 'utf8'))
    const names = [...(base === undefined ? [] : [base]), ...increments].map(({ name }) => name)
    for (const [i, name] of names.entries()) {
      const found = new FileCheck(join(dirname(path), name)).run()
      // Commands that follow in the next file would be applied to other data than they were made for.
      reports.push(i === names.length - 1 ? found : { ...found, wholeBytes: undefined })
      if (found.problem !== undefined) break
    }
  } catch (error) {
    reports.push({ ...report, problem: (error as Error).message })
  }
  return reports
}

/** One look through one file. */
class FileCheck {
  private readonly path: string
  private readonly keyspace: Keyspace
  private readonly rdb: RdbReader
  private readonly log: AofReader
  private bytes = 0
  private keys = 0
  private commands = 0
  private rdbBytes = 0
  private state: 'start' | 'rdb' | 'log' = 'start'
  private inTransaction = false

  constructor(path: string) {
    this.path = path
    this.keyspace = new Keyspace(1, { k0: 0, k1: 0 }, { expired() {}, modified() {}, flushing() {} })
    this.rdb = createRdbReader(
      {
        onEntry: ({ kind, root, value, valueStart, valueEnd }) => {
          this.keys++
          this.keyspace.releaseBuilt({ kind, root, bytes: value, start: valueStart, end: valueEnd })
          while (this.keyspace.releaseSome());
        },
        onLibrary: () => {},
      },
      { build: this.keyspace, databases: DATABASES_MAX, stringBytesMax: Number.MAX_SAFE_INTEGER },
    )
    this.log = createAofReader((args) => this.command(args))
  }

  run(): FileReport {
    let problem: string | undefined
    try {
      this.read()
      if (this.state === 'rdb' || (this.state === 'start' && this.bytes === 0 && this.path.endsWith('.rdb'))) {
        this.rdb.end()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code?.startsWith('E') === true) throw error
      problem = this.whereabouts((error as Error).message)
    } finally {
      this.rdb.abandon()
    }
    const torn = problem === undefined && this.log.wholeBytes < this.log.takenBytes
    const wholeBytes = this.rdbBytes + this.log.wholeBytes
    if (torn)
      problem = `it ends in the middle of a ${this.inTransaction ? 'transaction' : 'command'} begun at byte ${wholeBytes}`
    const { path, bytes, keys, commands } = this
    return { path, bytes, keys, commands, problem, wholeBytes: torn ? wholeBytes : undefined }
  }

  private read(): void {
    const fd = openSync(this.path, 'r')
    try {
      const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES)
      for (;;) {
        const count = readSync(fd, buffer, 0, buffer.length, null)
        if (count === 0) return
        this.bytes += count
        this.take(buffer.subarray(0, count))
      }
    } finally {
      closeSync(fd)
    }
  }

  private take(piece: Buffer): void {
    if (this.state === 'start') {
      this.state = piece.toString('latin1', 0, RDB_MAGIC.length) === RDB_MAGIC ? 'rdb' : 'log'
    }
    let rest = piece
    if (this.state === 'rdb') {
      const taken = this.rdb.feed(piece)
      this.rdbBytes += taken
      if (taken === piece.length) return
      this.state = 'log'
      rest = piece.subarray(taken)
    }
    this.log.feed(rest)
  }

  /** Looks at a command of the log; whether no transaction is open behind it. */
  private command(args: Args): boolean {
    const name = args.latin1(0).toLowerCase()
    if (COMMANDS.lookup(args.buffer, args.start(0), args.end(0)) === undefined) {
      throw new Error(`unknown command '${name.slice(0, 64).replace(/[^ -~]/g, '?')}'`)
    }
    if (name === 'multi' && this.inTransaction) throw new Error('MULTI in a transaction')
    if (name === 'exec' && !this.inTransaction) throw new Error('EXEC without MULTI')
    if (name === 'multi') this.inTransaction = true
    if (name === 'exec' || name === 'discard') this.inTransaction = false
    this.commands++
    return !this.inTransaction
  }

  private whereabouts(message: string): string {
    if (this.state === 'rdb') return `${message}; ${this.keys} keys before it are whole`
    const at = this.rdbBytes + this.log.wholeBytes
    return `${message}; what comes before byte ${at} of ${basename(this.path)} is whole`
  }
}
