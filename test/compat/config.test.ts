// Our option table held against a real redis-server: names, defaults, every refusal and every canonical form, asked with
// CONFIG GET and CONFIG SET; and configuration files, valid and not, given to both.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadSentinel, loadServer } from '../../src/cli/load.ts'
import { ConfigError } from '../../src/config/directive.ts'
import { SERVER_OPTIONS } from '../../src/config/server-options.ts'
import { createConfigStore, serverConfig } from '../../src/config/store.ts'
import { isInstalled } from '../support/paths.ts'
import { connectRaw, type RawConnection, RespError } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'

const scope = createScope()
let redis: RawConnection
beforeAll(async () => {
  if (isInstalled('redis-server'))
    redis = await connectRaw((await startServer(scope, { make: 'redis' })).port, { scope })
})
afterAll(() => scope.close())

/** Ours, and why Redis 7.0.15 has none of the name. */
const OURS = new Set([
  'http-port',
  'http-bind',
  'sentinels',
  'sentinel-group',
  'sentinel-pass',
  'process-nice',
  'large-command-elements',
  'script-memory-limit',
  'requirepass-file',
  'masterauth-file',
  'sentinel-pass-file',
  'aclfile-reload',
  'http-password-file',
  'http-tls',
])
/** Where the test's own start of redis-server or the limit of open files makes the value another, or ours is on purpose. */
const OTHER_VALUE = new Set(['port', 'bind', 'dir', 'save', 'maxclients', 'repl-diskless-sync-delay'])
const names = Object.entries(SERVER_OPTIONS).flatMap(([name, row]) => [name, ...(row.aliases ?? [])])

async function redisSet(name: string, value: string): Promise<string> {
  const reply = await redis.call('CONFIG', 'SET', name, value)
  return reply instanceof RespError ? reply.message : String(reply)
}

async function redisGet(pattern: string): Promise<Map<string, string>> {
  const reply = (await redis.call('CONFIG', 'GET', pattern)) as unknown[]
  const found = new Map<string, string>()
  for (let i = 0; i < reply.length; i += 2) found.set(String(reply[i]), String(reply[i + 1]))
  return found
}

describe.skipIf(!isInstalled('redis-server'))('the options of the server', () => {
  it('are those of Redis 7.0.15, with its defaults', async () => {
    const theirs = await redisGet('*')
    const ours = new Map(serverConfig().get(['*']))
    expect([...theirs.keys()].filter((name) => !ours.has(name))).toEqual([])
    expect([...ours.keys()].filter((name) => !theirs.has(name) && !OURS.has(name))).toEqual([])
    const different = [...theirs].filter(([name, value]) => ours.get(name) !== value && !OTHER_VALUE.has(name))
    expect(different.map(([name, value]) => ({ name, redis: value, ours: ours.get(name) }))).toEqual([])
  })

  // The refusals that are ours on purpose (what is not built yet) are listed here, and nothing else may differ.
  const UNBUILT = /not built|cannot be loaded|Eviction/
  const VALUES = [
    'bogus',
    '-1',
    '0',
    '1',
    '7',
    '600',
    '99999',
    '5000000000',
    '9223372036854775807',
    '9223372036854775808',
    '10kb',
    '1GB',
    '3x',
    'yes',
    'NO',
    '',
    '1 2',
    'a b',
  ]
  /** Changing these at run time has an effect outside the table, as binding a port, or locks the test out. */
  const SKIPPED = new Set(
    [
      'port',
      'bind',
      'requirepass',
      'tls-port',
      'oom-score-adj',
      'oom-score-adj-values',
      'maxclients',
      'maxmemory',
      'maxmemory-clients',
      'client-query-buffer-limit',
      'proto-max-bulk-len',
      'activedefrag',
      'bind-source-addr',
      'latency-tracking-info-percentiles',
      'io-threads',
      'syslog-enabled',
      'timeout',
      'hz',
      'aof-use-rdb-preamble',
      'replica-ignore-disk-write-errors',
      'proc-title-template',
      'cluster-announce-hostname',
      'tls-replication',
      'tls-cluster',
    ].concat(Object.keys(SERVER_OPTIONS).filter((name) => name.startsWith('tls-'))),
  )

  it.each(names.filter((name) => !SKIPPED.has(name) && !OURS.has(name)))(
    '%s takes and refuses what Redis does',
    async (name) => {
      const store = createConfigStore(SERVER_OPTIONS)
      for (const value of VALUES) {
        const theirs = await redisSet(name, value)
        const ours = store.set([[name, value]]) ?? 'OK'
        if (UNBUILT.test(ours)) continue
        expect(`${JSON.stringify(value)}: ${ours}`).toBe(`${JSON.stringify(value)}: ${theirs}`)
        if (theirs === 'OK') expect(store.get([name])).toEqual([...(await redisGet(name))])
      }
    },
  )

  it('are matched and set as by Redis, several at once and all or none', async () => {
    const store = serverConfig()
    for (const pairs of [
      [
        ['repl-timeout', '61'],
        ['repl-backlog-ttl', '62'],
        ['repl-backlog-size', '63kb'],
        ['slave-read-only', 'no'],
      ],
      [
        ['hz', '50'],
        ['HZ', '60'],
      ],
      [
        ['hz', '70'],
        ['nosuch', '1'],
      ],
      [
        ['hz', '80'],
        ['repl-timeout', '-3'],
      ],
      [
        ['hz', '90'],
        ['databases', '3'],
      ],
      [
        ['hz', '90'],
        ['dir', '/tmp'],
      ],
      [
        ['Hz', '95'],
        ['slave-priority', '5'],
      ],
      [
        ['slave-priority', '7'],
        ['replica-priority', '8'],
      ],
    ] as [string, string][][]) {
      const reply = await redis.call('CONFIG', 'SET', ...pairs.flat())
      expect(store.set(pairs) ?? 'OK').toBe(reply instanceof RespError ? reply.message : reply)
    }
    for (const pattern of ['hz', 'HZ', '*-priority', 'REPL-T*', 'repl-[tb]*', 'nosuch', '?z', 'slave-read-only'])
      expect(new Map(store.get([pattern]))).toEqual(await redisGet(pattern))
  })
})

/** What redis-server says about a configuration that it refuses, without the heading; undefined if it goes on to listen. */
function redisRefusal(words: readonly string[]): string | undefined {
  const done = spawnSync('timeout', ['5', 'redis-server', ...words], { encoding: 'utf8' })
  return /\n(>>> '[\s\S]*)/.exec(done.stderr)?.[1]?.trimEnd()
}

function ourRefusal(words: readonly string[]): string | undefined {
  try {
    loadServer(words)
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.slice(error.message.indexOf('\n') + 1).replace(/\nDid you mean.*/, '')
  }
}

describe.skipIf(!isInstalled('redis-server'))('a configuration', () => {
  it.each([
    [['--port', 'abc']],
    [['--port']],
    [['--port', '70000']],
    [['--hz', '12', '13']],
    [['--foo', 'bar']],
    [['--port', '--loglevel', 'verbose']],
    [['--loglevel', '--bla', '--port', 'x']],
    [['--port 12x', '--hz', '3']],
    [['--replicaof', '127.0.0.1', 'abc']],
    [['--replicaof', '127.0.0.1']],
    [['--save', '1', '2', '3']],
    [['--save', 'a', 'b']],
    [['--client-output-buffer-limit', 'normal', '1', '2']],
    [['--client-output-buffer-limit', 'master', '1', '2', '3']],
    [['--client-output-buffer-limit', 'normal', 'x', '2', '3']],
    [['--maxmemory', '10%']],
    [['--maxmemory', '-1']],
    [['--unixsocketperm', '9']],
    [['--enable-debug-command', 'foo']],
    [['--dbfilename', 'a/b']],
    [['--io-threads', '1000']],
    [['--notify-keyspace-events', 'KQ']],
    [['--save', '--port', 'x"y']],
    [['--shutdown-on-sigterm', 'now bla']],
  ])('%j on the command line is refused with the same words', (words) => {
    expect(ourRefusal(words)).toBe(redisRefusal(words))
  })

  it.each([
    'port 12\nfoo bar\n',
    '# comment\n\n  hz   abc  \n',
    'logfile "abc\n',
    'logfile "abc"d\n',
    "pidfile 'it''s'\n",
    'HZ\n',
    'appendfilename "a/b"\n',
    'maxmemory 1tb\n',
    'save 900 1\nsave 0 1\n',
  ])('the file %j is refused with the same words', (text) => {
    const dir = scope.tempDir()
    const file = join(dir, 'redis.conf')
    writeFileSync(file, text)
    expect(ourRefusal([file])).toBe(redisRefusal([file]))
  })

  it('with quotes, escapes, includes, repeats and a command line gives what Redis makes of it', async () => {
    const dir = scope.tempDir()
    mkdirSync(join(dir, 'more'))
    writeFileSync(join(dir, 'more/a.conf'), 'hz 33\nsave 5 6\n')
    const file = join(dir, 'redis.conf')
    writeFileSync(
      file,
      [
        'requirepass "pa\\x73s \\"w\\" \\n\\t\\\\"',
        "masterauth 'single \\' \\n quoted'",
        'SAVE 1 2',
        'save 3 4',
        `include ${join(dir, 'more/*.conf')}`,
        'client-output-buffer-limit normal 1mb 2kb 3',
        'client-output-buffer-limit pubsub 4 5 6 replica 7 8 9',
        'slave-priority 3',
        'repl-backlog-size 20000b',
        'notify-keyspace-events "Ex$"',
        'maxmemory 3gb',
        'repl-timeout 77',
        'proc-title-template "ünï {title}"',
      ].join('\r\n'),
    )
    const words = [file, '--repl-timeout', '78', '--min-slaves-to-write 2', '--bind', '127.0.0.1', '-::1', '--dir', dir]
    const server = scope.spawn('redis-server', [...words, '--port', '0', '--unixsocket', join(dir, 's')], {
      name: 'redis',
    })
    await server.waitForOutput(/ready to accept connections/i)
    const asked = spawnSync(
      'redis-cli',
      ['-s', join(dir, 's'), '--json', '-a', 'pass "w" \n\t\\', 'CONFIG', 'GET', '*'],
      { encoding: 'utf8' },
    )
    const theirs = JSON.parse(asked.stdout) as Record<string, string>
    const { config } = loadServer([...words, '--port', '0'])
    const ours = Object.fromEntries(config.get(['*']))
    for (const name of ['unixsocket', ...OURS, 'maxclients', 'repl-diskless-sync-delay']) {
      delete theirs[name]
      delete ours[name]
    }
    expect(ours).toEqual(theirs)
  })

  it.skipIf(!existsSync('/etc/redis/redis.conf'))(
    'that Debian ships is accepted, but for running in the background',
    () => {
      const file = '/etc/redis/redis.conf'
      expect(ourRefusal([file, '--dir', '/tmp'])).toMatch(/daemonize yes[\s\S]*not built/)
      const { config } = loadServer([file, '--dir', '/tmp', '--daemonize', 'no'])
      expect(config.values.logfile).toBe('/var/log/redis/redis-server.log')
    },
  )

  it.skipIf(!existsSync('/etc/redis/sentinel.conf'))('of a sentinel that Debian ships is accepted likewise', () => {
    const options = loadSentinel(['/etc/redis/sentinel.conf', '--dir', '/tmp', '--daemonize', 'no'], {})
    expect(options.groups).toMatchObject([{ name: 'mymaster', host: '127.0.0.1', port: 6379, quorum: 2 }])
  })
})
