// Where changes go: to replicas and to the append-only log, as requests. What a transaction feeds goes between MULTI and EXEC,
// and a single request goes without them, as it does with Redis: so the first one waits until a second one comes.
// Invariant: what is bracketed is whole. EXEC follows MULTI before anything else is fed.

/** Takes what is to be replicated and logged, in order. */
export interface ChangeFeed {
  /** Whether anybody listens; if not, nothing is encoded. */
  readonly active: boolean
  /**
   * One command as a RESP array in bytes [start, end), to be run in database `db`. `isChange`: it changes data, and so it
   * belongs into the append-only log too. `toReplicas`: not into the log alone (`redis.set_repl`).
   */
  feed(db: number, bytes: Uint8Array, start: number, end: number, isChange: boolean, toReplicas?: boolean): void
}

export const MULTI = Buffer.from('*1\r\n$5\r\nMULTI\r\n')
export const EXEC = Buffer.from('*1\r\n$4\r\nEXEC\r\n')

interface Fed {
  readonly db: number
  readonly bytes: Buffer
  readonly isChange: boolean
}

/** The bracket of the transactions of one engine, of which one runs at a time. */
export class Bracket {
  /** A transaction runs. */
  open = false
  private readonly target: ChangeFeed
  private fed = false
  private first: Fed | undefined

  constructor(target: ChangeFeed) {
    this.target = target
  }

  /** A transaction begins. */
  begin(): void {
    this.open = true
    this.fed = false
  }

  /** It ends, in database `db`: what it fed is complete. */
  end(db: number): void {
    this.open = false
    const { first, target } = this
    if (first !== undefined) target.feed(first.db, first.bytes, 0, first.bytes.length, first.isChange)
    if (this.fed) target.feed(db, EXEC, 0, EXEC.length, true)
    this.first = undefined
    this.fed = false
  }

  /** Feeds one request, bytes [start, end). */
  feed(db: number, bytes: Uint8Array, start: number, end: number, isChange: boolean): void {
    const { first, target } = this
    if (this.open && !this.fed) {
      if (first === undefined) {
        this.first = { db, bytes: Buffer.from(bytes.subarray(start, end)), isChange }
        return
      }
      target.feed(first.db, MULTI, 0, MULTI.length, true)
      target.feed(first.db, first.bytes, 0, first.bytes.length, first.isChange)
      this.first = undefined
      this.fed = true
    }
    target.feed(db, bytes, start, end, isChange)
  }
}
