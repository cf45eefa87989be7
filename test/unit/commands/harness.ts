// Scripts of commands against the server in memory: what each replies, replicates and publishes.
import { createTestServer, type TestServer } from '../../support/engine.ts'
import { RespError, type RespValue } from '../../support/resp.ts'

/** Splits a line at blanks; "" is an empty word, and \r \n \0 \xHH are escapes. */
export function words(line: string): string[] {
  const unescaped = (word: string): string =>
    word.replace(/\\(x[0-9a-f]{2}|[rn0])/g, (_, code: string) =>
      code === 'r' ? '\r' : code === 'n' ? '\n' : String.fromCharCode(Number.parseInt(`0${code.slice(1)}`, 16)),
    )
  return line.split(' ').map((word) => (word === '""' ? '' : unescaped(word)))
}

/** A reply in one line: errors with a leading `-`, null as `nil`, arrays in brackets. */
export function shown(value: RespValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'nil'
  if (value instanceof RespError) return `-${value.message}`
  if (Array.isArray(value)) return `[${value.map(shown).join(' ')}]`
  return String(value)
}

/** A server with a client to type commands, and another one that listens to keyspace events. */
export interface Console {
  readonly server: TestServer
  /** Runs a line; the reply in one line. */
  run(line: string): string
  /** Runs lines; the replies. */
  runAll(...lines: string[]): string[]
  /** What was replicated since the last call. */
  replicated(): string[]
  /** Keyspace events since the last call, as `event db/key`. */
  events(): string[]
}

/** A console on a new server in memory; keyspace events of every class are on. */
export function openConsole(): Console {
  const server = createTestServer({ 'notify-keyspace-events': 'AEmn' })
  const client = server.connect()
  const listener = server.connect()
  listener.call('PSUBSCRIBE', '__keyevent@*')
  const run = (line: string): string => shown(client.call(...words(line)))
  return {
    server,
    run,
    runAll: (...lines) => lines.map(run),
    replicated: () => server.feed.splice(0),
    events: () =>
      (listener.received() as string[][]).map(([, , channel, key]) => {
        const [, db, event] = /^__keyevent@(\d+)__:(.*)$/.exec(channel!)!
        return `${event} ${db}/${key}`
      }),
  }
}

/** One command as a table of tests gives it: commands before it, its line, and what must come of it. */
export interface Case {
  readonly before?: readonly string[]
  readonly line: string
  readonly reply: string
  readonly replicated?: readonly string[]
  readonly events?: readonly string[]
}

/** Runs a case on a new server; what came of it, in the form of the case. */
export function outcome({ before = [], line }: Case): Omit<Required<Case>, 'before' | 'line'> {
  const { run, runAll, replicated, events } = openConsole()
  runAll(...before)
  replicated()
  events()
  return { reply: run(line), replicated: replicated(), events: events() }
}

/** What a case expects, with nothing where it says nothing. */
export function expectation({ reply, replicated = [], events = [] }: Case): ReturnType<typeof outcome> {
  return { reply, replicated: [...replicated], events: [...events] }
}
