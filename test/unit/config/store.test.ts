// The settings of a server: live values, CONFIG SET as a whole or not at all, hooks that refuse, and every table entry.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDirectives } from '../../../src/config/directive.ts'
import type { OptionRow } from '../../../src/config/option.ts'
import { GROUP_OPTIONS, SENTINEL_OPTIONS } from '../../../src/config/sentinel-options.ts'
import { loadServerConfig } from '../../../src/config/server-load.ts'
import { SERVER_OPTIONS } from '../../../src/config/server-options.ts'
import { createConfigStore, serverConfig } from '../../../src/config/store.ts'
import { parseWords } from '../../../src/config/values.ts'

const load = (text: string) => loadServerConfig(parseDirectives('test.conf', text)).config

describe.each([
  ['server', SERVER_OPTIONS],
  ['sentinel', SENTINEL_OPTIONS],
  ['group', GROUP_OPTIONS],
])('the table of the %s', (_, table) => {
  const rows = Object.entries<OptionRow>(table)

  it('has defaults that its types accept and that are built', () => {
    const store = createConfigStore(table)
    for (const [name, row] of rows)
      expect(row.unbuilt?.((store.values as Record<string, unknown>)[name])).toBeUndefined()
  })

  it('has each name and alias once', () => {
    const names = rows.flatMap(([name, row]) => [name, ...(row.aliases ?? [])])
    expect(new Set(names).size).toBe(names.length)
  })

  it('has a help text that is a sentence', () => {
    expect(rows.filter(([, { help }]) => !/^[A-Z].*\.$/.test(help)).map(([name]) => name)).toEqual([])
  })

  it('reads what it prints: the same value and the same text', () => {
    const store = createConfigStore(table)
    for (const [name, row] of rows) {
      const text = (store as ReturnType<typeof serverConfig>).text(name as 'port')
      const again = parseWords(row.type, [text])
      expect([name, again]).toEqual([
        name,
        { ok: true, setting: { value: (store.values as Record<string, unknown>)[name], text } },
      ])
    }
  })
})

describe('the settings', () => {
  it('change in place, so that holders see it', () => {
    const store = serverConfig()
    const { values } = store
    expect(
      store.set([
        ['maxmemory', '1gb'],
        ['loglevel', 'DEBUG'],
        ['slave-priority', '7'],
      ]),
    ).toBeUndefined()
    expect([values.maxmemory, values.loglevel, values['replica-priority']]).toEqual([2 ** 30, 'debug', 7])
    expect(store.get(['maxmemory', 'slave-prio*'])).toEqual([
      ['maxmemory', '1073741824'],
      ['slave-priority', '7'],
    ])
    expect(store.isChanged('maxmemory')).toBe(true)
    expect(store.isChanged('hz')).toBe(false)
  })

  it('change as a whole or not at all, whatever is wrong', () => {
    const good: [string, string][] = [
      ['hz', '77'],
      ['maxmemory', '5mb'],
      ['client-output-buffer-limit', 'pubsub 1 2 3'],
    ]
    const bad: [string, string][] = [
      ['nosuch', '1'],
      ['repl-timeout', '0'],
      ['databases', '3'],
      ['dir', '/'],
      ['aof-use-rdb-preamble', 'no'],
      ['hz', '78'],
      ['maxmemory-policy', 'lru'],
    ]
    fc.assert(
      fc.property(fc.subarray(good, { minLength: 1 }), fc.constantFrom(...bad), fc.nat(), (some, wrong, at) => {
        const store = serverConfig()
        const before = store.get(['*'])
        const pairs = [...some]
        pairs.splice(at % (some.length + 1), 0, wrong)
        fc.pre(wrong[0] !== 'hz' || some.some(([name]) => name === 'hz'))
        expect(store.set(pairs)).toMatch(/^ERR /)
        expect(store.get(['*'])).toEqual(before)
      }),
    )
  })

  it('go back when a hook refuses, and tell those that had accepted', () => {
    const store = serverConfig({ hz: '10' })
    const seen: [string, unknown, unknown][] = []
    store.onChange('hz', (value, previous) => {
      seen.push(['hz', value, previous])
    })
    store.onChange('maxclients', () => 'too few files')
    expect(
      store.set([
        ['hz', '20'],
        ['maxclients', '9'],
      ]),
    ).toBe("ERR CONFIG SET failed (possibly related to argument 'maxclients') - too few files")
    expect(store.values.hz).toBe(10)
    expect(store.values.maxclients).toBe(10000)
    expect(seen).toEqual([
      ['hz', 20, 10],
      ['hz', 10, 20],
    ])
    store.set([['hz', '10']])
    expect(seen.length).toBe(2)
  })

  it('are protected where Redis protects them', () => {
    const store = serverConfig()
    expect(store.set([['dbfilename', 'x.rdb']])).toMatch(/can't set protected config/)
    expect(store.set([['dbfilename', 'x.rdb']], true)).toBeUndefined()
    expect(store.set([['databases', '3']], true)).toMatch(/can't set immutable config/)
  })

  it('are assigned by commands that change them', () => {
    const store = serverConfig()
    expect(store.assign('replicaof', ['10.0.0.1', '6379'])).toBeUndefined()
    expect(store.values.replicaof).toEqual({ host: '10.0.0.1', port: 6379 })
    expect(store.get(['slaveof', 'replicaof'])).toEqual([
      ['slaveof', '10.0.0.1 6379'],
      ['replicaof', '10.0.0.1 6379'],
    ])
    expect(store.assign('replicaof', ['no', 'one'])).toBeUndefined()
    expect(store.values.replicaof).toBeUndefined()
    expect(store.assign('replicaof', ['10.0.0.1'])).toBe('wrong number of arguments')
  })
})

describe('loading', () => {
  it('adds up save points of one load over the default, merges buffer limits, takes the last of others', () => {
    const { values } = load('save 1 2\nsave 3 4\nhz 20\nhz 30\nclient-output-buffer-limit slave 1 2 3')
    expect(values.save).toEqual([
      { seconds: 1, changes: 2 },
      { seconds: 3, changes: 4 },
    ])
    expect(values.hz).toBe(30)
    expect(values['client-output-buffer-limit']).toEqual({
      normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      replica: { hardBytes: 1, softBytes: 2, softSeconds: 3 },
      pubsub: { hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60 },
    })
    expect(load('save 1 2\nsave ""').values.save).toEqual([])
    expect(load('').values.save.length).toBe(3)
  })

  it('refuses what is not built, unless a later line takes it back', () => {
    expect(() => load('port 1\ndaemonize yes\nhz 3')).toThrow(
      /line 2 of test.conf\n>>> 'daemonize yes'\nRunning in the background/,
    )
    expect(load('daemonize yes\ndaemonize no').values.daemonize).toBe(false)
    for (const line of ['aof-use-rdb-preamble no', 'cluster-enabled yes', 'rename-command a b', 'loadmodule x'])
      expect(() => load(line), line).toThrow(/not built|cannot be loaded/)
  })

  it('suggests the name that was meant', () => {
    expect(() => load('maxmemroy 1gb')).toThrow(/\nDid you mean 'maxmemory'\?$/)
    expect(() => load('replica-of a 1')).toThrow(/Did you mean 'replicaof'/)
    expect(() => load('xyzzy 1')).toThrow(/arguments$/)
  })
})
