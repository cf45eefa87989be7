// What a sentinel reads: files of Redis Sentinel as they are, our own directives, and every refusal with its line.
import { describe, expect, it } from 'vitest'
import { parseArgv } from '../../../src/config/argv.ts'
import { parseDirectives } from '../../../src/config/directive.ts'
import { portChoices } from '../../../src/config/ports.ts'
import { loadSentinelOptions } from '../../../src/config/sentinel-load.ts'

const load = (text: string) => loadSentinelOptions(parseDirectives('s.conf', text)).options

describe('a sentinel', () => {
  it('needs nothing but port, dir and one monitor line', () => {
    const options = load('port 26380\ndir /tmp\nsentinel monitor m 127.0.0.1 6379 2\n')
    expect(options).toMatchObject({ port: 26380, dir: '/tmp', expect: undefined, swarmKey: undefined, notes: [] })
    expect(options.groups).toEqual([
      {
        name: 'm',
        host: '127.0.0.1',
        port: 6379,
        quorum: 2,
        remembered: [],
        'down-after-milliseconds': 30000,
        'failover-timeout': 180000,
        'dead-replica-timeout': 0,
        'failover-interval': 2_000,
        'parallel-syncs': 1,
        'rename-command': {},
        'auth-pass': '',
        'auth-pass-file': '',
        'auth-user': '',
        'notification-script': '',
        'client-reconfig-script': '',
        'write-mode': 'lease',
        'lease-milliseconds': 1000,
        'sync-replicas': 1,
        'kubernetes-service': '',
        'kubernetes-replica-service': '',
        'master-reboot-down-after-period': 0,
      },
    ])
  })

  it('reads the options of groups in any order, several groups, any case', () => {
    const { groups } = load(
      'sentinel down-after-milliseconds b 5\nSENTINEL MONITOR a h1 1 1\nsentinel monitor b h2 2 3\nsentinel auth-pass a "x y"\nSentinel Parallel-Syncs b 4',
    )
    expect(
      groups.map((one) => [one.name, one['down-after-milliseconds'], one['auth-pass'], one['parallel-syncs']]),
    ).toEqual([
      ['a', 30000, 'x y', 1],
      ['b', 5, '', 4],
    ])
  })

  it('takes the same on the command line', () => {
    const line = parseArgv(
      '--port 7 --sentinel monitor m 127.0.0.1 6379 2 --sentinel expect 5 --gossip-port 9 --http-port off'.split(' '),
    )
    expect(loadSentinelOptions(line.directives).options).toMatchObject({
      port: 7,
      expect: 5,
      'gossip-port': 9,
      'http-port': 'off',
      groups: [{ name: 'm', quorum: 2 }],
    })
  })

  it('takes several renamed commands, the login of Redis Sentinels, and how servers are shown', () => {
    const options = load(
      [
        'sentinel rename-command m CONFIG guessme',
        'sentinel monitor m 127.0.0.1 6379 2',
        'sentinel rename-command m SLAVEOF follow',
        'sentinel sentinel-user alice',
        'sentinel sentinel-pass secret',
        'sentinel announce-hostnames yes',
      ].join('\n'),
    )
    expect(options.groups[0]).toMatchObject({ 'rename-command': { config: 'guessme', slaveof: 'follow' } })
    expect(options).toMatchObject({ 'sentinel-user': 'alice', 'announce-hostnames': 'yes', notes: [] })
  })

  it('skips with a note what Redis Sentinel keeps in its file, and options of servers', () => {
    const options = load(
      [
        'sentinel myid 1234',
        'sentinel monitor m 127.0.0.1 6379 2',
        'sentinel current-epoch 5',
        'sentinel config-epoch m 5',
        'sentinel leader-epoch m 5',
        'sentinel known-replica m 127.0.0.1 6380',
        'sentinel known-sentinel m 127.0.0.1 26380 abc',
        'user default on nopass ~* &* +@all',
        'lazyfree-lazy-expire no',
      ].join('\n'),
    )
    expect(options.notes).toHaveLength(6)
    expect(options.userLines).toEqual([{ name: 'default', rules: ['on', 'nopass', '~*', '&*', '+@all'] }])
    expect(options.groups[0]!.remembered).toEqual([{ host: '127.0.0.1', port: 6380 }])
    expect(options.notes.at(-1)).toBe('lazyfree-lazy-expire: an option of servers, without effect on a sentinel')
  })

  it.each([
    ['sentinel monitor m 127.0.0.1 6379', /It is: sentinel monitor <name> <host> <port> <quorum>/],
    ['sentinel monitor m 127.0.0.1 6379 0', /Quorum must be 1 or greater/],
    ['sentinel monitor m 127.0.0.1 0 1', /Invalid IP address or port/],
    ['sentinel monitor m! 127.0.0.1 1 1', /Invalid name/],
    ['sentinel monitor m h 1 1\nsentinel monitor m h 2 1', /line 2[\s\S]*Duplicate master name/],
    ['sentinel monitor mine h 1 1\nsentinel auth-pass mien x', /line 2[\s\S]*No such master[\s\S]*Did you mean 'mine'/],
    ['sentinel monitor m h 1 1\nsentinel down-after-milliseconds m 0', /negative or zero time parameter/],
    ['sentinel monitor m h 1 1\nsentinel parallel-syncs m 0', /must be between 1/],
    [
      'sentinel down-after-miliseconds m 3',
      /Unrecognized sentinel configuration statement[\s\S]*Did you mean 'down-after-milliseconds'/,
    ],
    ['down-after-milliseconds m 3', /Did you mean 'sentinel down-after-milliseconds'/],
    ['sentinel monitor m h 1 1\nsentinel rename-command m a', /<name of the group> <command and name>/],
    ['user', /It is: user <name> <rules>/],
    ['prot 1', /Did you mean 'port'/],
    ['sentinel', /Unrecognized/],
    ['daemonize yes', /not built/],
    ['http-port maybe', /integer/],
    ['expect 1\nsentinel monitor m h 1 2', /below the quorum of m/],
    ['heartbeat-interval-milliseconds 200', /at least twice/],
  ])('refuses %j', (text, reason) => {
    expect(() => load(text)).toThrow(reason)
  })
})

it('automatic ports lie above the RESP port, or are free ones', () => {
  expect(portChoices('auto', 26379, 1000)).toEqual([27379, 0])
  expect(portChoices('auto', 65000, 1000)).toEqual([0])
  expect(portChoices('auto', 0, 1000)).toEqual([0])
  expect(portChoices(5, 26379, 1000)).toEqual([5])
})
