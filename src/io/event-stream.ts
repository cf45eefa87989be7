// Server-sent events: one source and several readers, each of which first gets the whole picture and then what changes.
// Invariants: there are READERS_MAX readers at most, and one that does not keep up is dropped before much waits for it (it comes
// back by itself, and begins with the whole picture again).
import type { ServerResponse } from 'node:http'

/** One event: its name, and text without line ends (JSON). */
export interface ServerEvent {
  readonly name: string
  readonly data: string
}

export interface EventStream {
  /** Makes the response a reader; false, with nothing written, when there are too many. */
  open(response: ServerResponse): boolean
  /** To every reader. */
  send(events: readonly ServerEvent[]): void
  readonly readers: number
}

export interface EventStreamOptions {
  /** The whole picture, for a new reader. */
  readonly greet: () => readonly ServerEvent[]
  /** The first reader came, or the last one left. */
  readonly onReaders?: (any: boolean) => void
}

export const READERS_MAX = 32
/** What may wait for one reader, besides its greeting. */
const WAITING_BYTES_MAX = 256 << 10
/** How long a browser waits before it comes back. */
const RETRY_MS = 1_000

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Proxies hold back what they could send on.
  'x-accel-buffering': 'no',
}

const textOf = (events: readonly ServerEvent[]): string =>
  events.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join('')

interface Reader {
  readonly response: ServerResponse
  /** What its greeting left waiting, until that has gone out. */
  allowance: number
}

export function createEventStream({ greet, onReaders }: EventStreamOptions): EventStream {
  const readers = new Set<Reader>()

  function leave(reader: Reader): void {
    if (readers.delete(reader) && readers.size === 0) onReaders?.(false)
  }

  return {
    open(response) {
      if (readers.size >= READERS_MAX) return false
      const reader: Reader = { response, allowance: 0 }
      readers.add(reader)
      response.on('close', () => leave(reader))
      response.on('drain', () => {
        reader.allowance = 0
      })
      response.writeHead(200, HEADERS)
      response.write(`retry: ${RETRY_MS}\n\n${textOf(greet())}`)
      reader.allowance = response.writableLength
      if (readers.size === 1) onReaders?.(true)
      return true
    },
    send(events) {
      if (events.length === 0 || readers.size === 0) return
      const text = textOf(events)
      for (const reader of [...readers]) {
        const { response, allowance } = reader
        if (response.writableLength > WAITING_BYTES_MAX + allowance) response.destroy()
        else response.write(text)
      }
    },
    get readers() {
      return readers.size
    },
  }
}
