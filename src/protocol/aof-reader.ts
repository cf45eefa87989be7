// Reads the commands of an append-only file: requests as RESP arrays, one after the other, and between them lines `#…` with
// notes, such as `#TS:1700000000`, the time. What may be anything when it comes from a client is an error here: a file that we
// wrote has nothing else in it, so it is damaged.
import type { Args } from './args.ts'
import { NEED_MORE, REQUEST, RequestParser } from './parser.ts'

/** A file that is damaged, at the byte that the message names. */
export class AofFormatError extends Error {}

export interface AofReader {
  /** Takes the next piece, which must stay untouched until this returns. @throws AofFormatError, and what `run` throws */
  feed(piece: Buffer): void
  /** Bytes up to the last place where the file may end. */
  readonly wholeBytes: number
  /** Bytes taken; more than `wholeBytes` if the file ends in the middle of a command or a transaction. */
  readonly takenBytes: number
}

const ASTERISK = 42
const NUMBER_SIGN = 35

/**
 * A reader that calls `run` for each command; its arguments are valid until that returns. `run` says whether the file may end
 * there: it may not in the middle of a transaction.
 */
export function createAofReader(run: (args: Args) => boolean): AofReader {
  const parser = new RequestParser({
    bulkBytesMax: Number.MAX_SAFE_INTEGER,
    queryBytesMax: Number.MAX_SAFE_INTEGER,
    authenticated: true,
  })
  let takenBytes = 0
  let wholeBytes = 0
  let whole = true // the last command was not in a transaction
  let note: boolean | undefined // whether what was begun is a note; undefined: nothing was

  const refuse = (why: string): never => {
    throw new AofFormatError(`${why} at byte ${takenBytes - parser.unparsedBytes}`)
  }

  /** What begins at this byte. */
  const begin = (byte: number): boolean => {
    if (byte === NUMBER_SIGN) return true
    if (byte === ASTERISK) return false
    return refuse('Expected a command')
  }

  return {
    feed(piece) {
      parser.feed(piece)
      takenBytes += piece.length
      while (parser.unparsedBytes > 0) {
        note ??= begin(piece[piece.length - parser.unparsedBytes]!)
        const found = parser.next()
        if (found === NEED_MORE) break
        if (found !== REQUEST) refuse(`Protocol error: ${parser.error},`)
        if (!note && !parser.args.hasLineEnds()) refuse('A string of another length than it says')
        if (!note) whole = run(parser.args)
        note = undefined
        if (whole) wholeBytes = takenBytes - parser.unparsedBytes
      }
      parser.keep()
    },
    get wholeBytes() {
      return wholeBytes
    },
    get takenBytes() {
      return takenBytes
    },
  }
}
