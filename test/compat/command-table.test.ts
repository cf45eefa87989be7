// What the server says of its commands, and the number of arguments that each takes, against redis-server: COMMAND INFO byte
// for byte, the parts of COMMAND DOCS that are facts (not its prose), and the error for every wrong number of arguments.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS_IN_SCOPE } from '../support/commands-in-scope.ts'
import { callOnce, connectRaw, type RawConnection, RespError, type RespValue, record } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'

const scope = createScope()
let redis: RawConnection
let ours: RawConnection
let ports: number[]
beforeAll(async () => {
  const servers = [await startServer(scope, { make: 'redis' }), await startServer(scope, { make: 'vedette' })]
  ports = servers.map(({ port }) => port)
  redis = await connectRaw(ports[0]!, { scope })
  ours = await connectRaw(ports[1]!, { scope })
})
afterAll(() => scope.close())

/** Rows of COMMAND INFO that containers have for each subcommand, keyed by name; taken out of the row itself. */
function splitSubcommands(row: RespValue): { own: RespValue[]; subcommands: Map<string, RespValue[]> } {
  if (!Array.isArray(row)) throw new Error(`no such command: ${JSON.stringify(row)}`)
  const [subcommands] = row.slice(9, 10)
  const rows = Array.isArray(subcommands) ? subcommands : []
  return {
    own: [...row.slice(0, 9), ...row.slice(10)],
    subcommands: new Map(rows.map((sub) => [String((sub as RespValue[])[0]), sub as RespValue[]])),
  }
}

/** Subcommands of Redis 7.2 that we have because clients send them to every server. */
const BEYOND_7_0 = new Set(['client|no-touch', 'client|setinfo'])

/** A key specification without its notes, whose words are each server's own. */
function withoutNotes(keySpec: RespValue): RespValue {
  return Array.isArray(keySpec) && keySpec[0] === 'notes' ? keySpec.slice(2) : keySpec
}

/** Sorts what has no order (flags and categories are sets), and leaves out prose. */
function tidy(row: RespValue[]): RespValue[] {
  const sorted = (value: RespValue | undefined): RespValue =>
    Array.isArray(value) ? [...value].sort() : (value ?? null)
  return row.map((field, i) => {
    if (i === 2 || i === 6) return sorted(field)
    return i === 8 && Array.isArray(field) ? field.map(withoutNotes) : field
  })
}

describe('COMMAND INFO', () => {
  it.each(COMMANDS_IN_SCOPE)('%s', async (name) => {
    const [expected, got] = (await Promise.all([redis, ours].map((each) => each.call('COMMAND', 'INFO', name)))).map(
      (reply) => splitSubcommands((reply as RespValue[])[0]!),
    )
    expect(tidy(got!.own)).toEqual(tidy(expected!.own))
    for (const [sub, row] of got!.subcommands) {
      if (BEYOND_7_0.has(sub)) continue
      expect(expected!.subcommands.has(sub), `${sub} is no command of Redis 7.0`).toBe(true)
      expect(tidy(row)).toEqual(tidy(expected!.subcommands.get(sub)!))
    }
    if (expected!.subcommands.size > 0) expect(got!.subcommands.size).toBeGreaterThan(0)
  })

  it('in RESP3 has the same kinds of containers', async () => {
    const rows = []
    for (const port of ports) {
      const connection = await connectRaw(port, { scope })
      await connection.call('HELLO', '3')
      rows.push((await connection.raw('COMMAND', 'INFO', 'set', 'get', 'mset')).toString('latin1'))
    }
    expect(rows[1]!.replace(/[^*~%]/g, '')).toBe(rows[0]!.replace(/[^*~%]/g, ''))
  })
})

/** COMMAND DOCS without its prose: since, group, and the arguments with their kinds, tokens and flags. */
async function facts(connection: RawConnection, name: string): Promise<unknown> {
  const reply = (await connection.call('COMMAND', 'DOCS', name)) as RespValue[]
  const fields = reply[1] as RespValue[]
  const { since, group } = record(fields)
  return { since, group, arguments: fields[fields.indexOf('arguments') + 1] }
}

describe('COMMAND DOCS', () => {
  it.each(
    COMMANDS_IN_SCOPE.filter((name) => !['acl', 'command', 'config', 'client', 'object', 'pubsub'].includes(name)),
  )('%s', async (name) => {
    const [expected, got] = await Promise.all([facts(redis, name), facts(ours, name)])
    expect(got).toEqual(expected)
  })
})

/** Commands that take over or end the connection or the process. */
const NOT_CALLED = ['monitor', 'shutdown', 'sync', 'psync', 'quit', 'debug']

describe('the number of arguments', () => {
  it.each(COMMANDS_IN_SCOPE.filter((name) => !NOT_CALLED.includes(name)))('of %s', async (name) => {
    const row = (await redis.call('COMMAND', 'INFO', name)) as RespValue[][]
    const arity = Number(row[0]![1])
    const wrong = arity > 0 ? [arity - 2, arity] : [-arity - 2]
    for (const count of wrong.filter((count) => count >= 0)) {
      const args = Array.from({ length: count }, (_, i) => `x${i}`)
      const [expected, got] = await Promise.all(ports.map((port) => callOnce(port, name, ...args)))
      expect(expected).toBeInstanceOf(RespError)
      expect(got).toEqual(expected)
    }
  })

  it.each(['config', 'client', 'object', 'pubsub', 'command'])('of the subcommands of %s', async (name) => {
    const known = splitSubcommands(((await ours.call('COMMAND', 'INFO', name)) as RespValue[])[0]!).subcommands
    for (const [full, row] of known) {
      if (BEYOND_7_0.has(full)) continue
      const arity = Number(row[1])
      const wrong = arity > 0 ? [arity - 3, arity - 1] : [-arity - 3]
      for (const count of wrong.filter((count) => count >= 0)) {
        const args = [full.split('|')[1]!, ...Array.from({ length: count }, (_, i) => `x${i}`)]
        const [expected, got] = await Promise.all(ports.map((port) => callOnce(port, name, ...args)))
        expect(got, `${name} ${args.join(' ')}`).toEqual(expected)
      }
    }
  })
})
