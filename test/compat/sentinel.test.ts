// What a sentinel says, beside redis-sentinel 7.0.15: the fields that clients and exporters parse, error texts, and the events of a
// failover with their payloads. Each has a group of its own, of real redis-servers; ports and IDs are made equal.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announcedPort, type Group, startGroup } from '../support/group.ts'
import { callOnce, info, RespError, type RespValue, record } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import type { Make } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'
import { type SentinelEvent, watchEvents } from '../support/watch.ts'

const scope = createScope()
const groups = new Map<Make, Group>()
beforeAll(async () => {
  for (const make of ['redis', 'vedette'] as const) {
    groups.set(make, await startGroup(scope, { servers: 'redis', sentinels: make, downAfterMs: 1000 }))
  }
})
afterAll(() => scope.close())

const group = (make: Make): Group => groups.get(make)!

/** Ports as what they are the port of, IDs as ID: so that two groups read alike. */
function alike(text: string, { servers, sentinels }: Group): string {
  let out = text.replace(/\b[0-9a-f]{40}\b/g, 'ID')
  for (const { port } of servers) out = out.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), 'SERVER')
  for (const { port } of sentinels) out = out.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), 'SENTINEL')
  return out
}

const show = (value: RespValue): string => (value instanceof RespError ? `-${value.message}` : JSON.stringify(value))

async function ask(make: Make, args: readonly string[]): Promise<string> {
  const { servers, sentinels } = group(make)
  const words = args.map((arg) => (arg === 'PRIMARY' ? String(servers[0]!.port) : arg))
  return alike(show(await callOnce(sentinels[0]!.port, ...words)), group(make))
}

describe('the same words get the same answer', () => {
  it.each([
    'PING',
    'PING hello',
    'SENTINEL',
    'SENTINEL FOO',
    'SENTINEL MYID',
    'SENTINEL MYID x',
    'SENTINEL MASTER',
    'SENTINEL MASTER nosuch',
    'SENTINEL MASTERS x',
    'SENTINEL GET-MASTER-ADDR-BY-NAME mymaster',
    'SENTINEL GET-MASTER-ADDR-BY-NAME nosuch',
    'SENTINEL GET-MASTER-ADDR-BY-NAME',
    'SENTINEL REPLICAS nosuch',
    'SENTINEL SLAVES nosuch',
    'SENTINEL SENTINELS nosuch',
    'SENTINEL SENTINELS',
    'SENTINEL CKQUORUM mymaster',
    'SENTINEL CKQUORUM nosuch',
    'SENTINEL CKQUORUM',
    'SENTINEL FAILOVER nosuch',
    'SENTINEL FAILOVER',
    'SENTINEL RESET',
    'SENTINEL RESET nosuch*',
    'SENTINEL REMOVE nosuch',
    'SENTINEL REMOVE',
    'SENTINEL MONITOR m2 127.0.0.1 70000 2',
    'SENTINEL MONITOR m2 127.0.0.1 abc 2',
    'SENTINEL MONITOR m2 127.0.0.1 6379 0',
    'SENTINEL MONITOR m2 127.0.0.1 6379 abc',
    'SENTINEL MONITOR m2 no.such.host.invalid 6379 2',
    'SENTINEL MONITOR mymaster 127.0.0.1 6379 2',
    'SENTINEL MONITOR m2 127.0.0.1 6379',
    'SENTINEL SET nosuch quorum 2',
    'SENTINEL SET mymaster quorum abc',
    'SENTINEL SET mymaster quorum 0',
    'SENTINEL SET mymaster quorum 2',
    'SENTINEL SET mymaster down-after-milliseconds 0',
    'SENTINEL SET mymaster down-after-milliseconds abc',
    'SENTINEL SET mymaster down-after-milliseconds 1000',
    'SENTINEL SET mymaster failover-timeout -5',
    'SENTINEL SET mymaster parallel-syncs 0',
    'SENTINEL SET mymaster parallel-syncs 1',
    'SENTINEL SET mymaster nosuchoption 1',
    'SENTINEL SET mymaster quorum',
    'SENTINEL SET mymaster',
    'SENTINEL SET mymaster quorum 2 parallel-syncs 1',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 PRIMARY 0 *',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 abc 0 *',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1',
    'ROLE',
    'GET k',
    'SET a b',
    'NOSUCH',
    'AUTH x',
    'HELLO 9',
    'CLIENT SETNAME x',
    'CLIENT GETNAME',
    'CLIENT KILL USER nobody',
    'CLIENT KILL TYPE nosuch',
    'CLIENT KILL TYPE replica',
    'CLIENT KILL ID abc',
    'CLIENT KILL ID 0',
    'CLIENT KILL SKIPME maybe',
    'CLIENT KILL NOSUCH 1',
    'CLIENT KILL 127.0.0.1:1',
    'SENTINEL SET mymaster notification-script /no/such/file',
    'SUBSCRIBE +switch-master',
    'PSUBSCRIBE *',
    'UNSUBSCRIBE',
    'PUBLISH foo bar',
    'PUBLISH',
    'SUBSCRIBE',
    'ECHO hi',
    'SELECT 1',
    'MULTI',
  ])('%s', async (line) => {
    const [expected, got] = await Promise.all((['redis', 'vedette'] as const).map((make) => ask(make, line.split(' '))))
    expect(got).toBe(expected)
  })
})

/** Names and values of which Redis's value is not a matter of time or of chance. */
const STEADY =
  /^(name|ip|port|flags|role-reported|quorum|num-slaves|num-other-sentinels|parallel-syncs|down-after-milliseconds|failover-timeout|master-link-status|master-host|master-port|slave-priority|replica-announced)$/

function rows(value: RespValue): Record<string, string>[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${show(value)}`)
  return value.map(record)
}

async function bothRows(...args: string[]): Promise<[Record<string, string>[], Record<string, string>[]]> {
  const found = await Promise.all(
    (['redis', 'vedette'] as const).map(async (make) => rows(await callOnce(group(make).sentinels[0]!.port, ...args))),
  )
  return [found[0]!, found[1]!]
}

describe('the lists have the fields of Redis, in its order', () => {
  it.each([
    ['MASTERS', 'SENTINEL MASTERS'],
    ['REPLICAS', 'SENTINEL REPLICAS mymaster'],
    ['SLAVES', 'SENTINEL SLAVES mymaster'],
    ['SENTINELS', 'SENTINEL SENTINELS mymaster'],
  ])('%s', async (_, line) => {
    const [expected, got] = await bothRows(...line.split(' '))
    expect(got.length).toBe(expected.length)
    for (const [i, row] of got.entries()) {
      const names = Object.keys(expected[i]!)
      expect(Object.keys(row).slice(0, names.length)).toEqual(names)
      for (const name of names) {
        const numeric = /^-?\d+$/.test(expected[i]![name]!)
        expect(/^-?\d+$/.test(row[name]!), `${name}: ${row[name]} beside ${expected[i]![name]}`).toBe(numeric)
        // The name of a replica is its address, that of a sentinel its ID.
        if (!STEADY.test(name)) continue
        expect(alike(row[name]!, group('vedette')), name).toBe(alike(expected[i]![name]!, group('redis')))
      }
    }
  })

  it('INFO sentinel', async () => {
    const [expected, got] = await Promise.all(
      (['redis', 'vedette'] as const).map((make) => info(group(make).sentinels[0]!.port, 'sentinel')),
    )
    for (const [name, value] of Object.entries(expected!)) {
      expect(Object.keys(got!)).toContain(name)
      expect(alike(got![name]!, group('vedette')), name).toBe(alike(value, group('redis')))
    }
  })

  it('INFO has the sections of Redis', async () => {
    const [expected, got] = await Promise.all(
      (['redis', 'vedette'] as const).map(async (make) =>
        String(await callOnce(group(make).sentinels[0]!.port, 'INFO')),
      ),
    )
    const sections = (text: string): string[] => [...text.matchAll(/^# (\w+)/gm)].map(([, name]) => name!)
    expect(sections(got!)).toEqual(expect.arrayContaining(sections(expected!)))
  })
})

describe('a failover', () => {
  const events = new Map<Make, SentinelEvent[]>()
  const newPorts = new Map<Make, number>()
  beforeAll(async () => {
    for (const make of ['redis', 'vedette'] as const) {
      const { servers, sentinels, name } = group(make)
      const seen = await watchEvents(scope, sentinels)
      await servers[0]!.proc.kill()
      const newPort = await eventually(
        `${make} announces another primary`,
        async () => {
          const ports = await Promise.all(sentinels.map((sentinel) => announcedPort(sentinel, name)))
          return ports.every((port) => port === ports[0] && port !== servers[0]!.port) ? ports[0] : undefined
        },
        { timeoutMs: 20_000 },
      )
      newPorts.set(make, newPort)
      await sleep(1500)
      events.set(make, seen)
    }
  })

  /** `channel payload` of every event, addresses by the part that they play. */
  const shapes = (make: Make): Set<string> => {
    const { servers, sentinels } = group(make)
    const newPort = newPorts.get(make)!
    const names = new Map(
      servers.map(({ port }, i) => [String(port), i === 0 ? 'OLD' : port === newPort ? 'NEW' : 'THIRD']),
    )
    for (const { port } of sentinels) names.set(String(port), 'SENTINEL')
    return new Set(
      events.get(make)!.map(({ channel, message }) =>
        `${channel} ${message}`
          .replace(/\b[0-9a-f]{40}\b/g, 'ID')
          .replace(/\b\d{5}\b/g, (port) => names.get(port) ?? port)
          .replace(/#quorum \d+\/\d+/, '#quorum N/N')
          .replace(/^(\+new-epoch|\+vote-for-leader ID|\S+ ID voted for ID) \d+$/, '$1 EPOCH'),
      ),
    )
  }

  it.each([
    '+sdown master mymaster 127.0.0.1 OLD',
    '+odown master mymaster 127.0.0.1 OLD #quorum N/N',
    '+new-epoch EPOCH',
    '+try-failover master mymaster 127.0.0.1 OLD',
    '+elected-leader master mymaster 127.0.0.1 OLD',
    '+failover-state-select-slave master mymaster 127.0.0.1 OLD',
    '+selected-slave slave 127.0.0.1:NEW 127.0.0.1 NEW @ mymaster 127.0.0.1 OLD',
    '+failover-state-send-slaveof-noone slave 127.0.0.1:NEW 127.0.0.1 NEW @ mymaster 127.0.0.1 OLD',
    '+failover-state-wait-promotion slave 127.0.0.1:NEW 127.0.0.1 NEW @ mymaster 127.0.0.1 OLD',
    '+promoted-slave slave 127.0.0.1:NEW 127.0.0.1 NEW @ mymaster 127.0.0.1 OLD',
    '+switch-master mymaster 127.0.0.1 OLD 127.0.0.1 NEW',
    '+slave slave 127.0.0.1:OLD 127.0.0.1 OLD @ mymaster 127.0.0.1 NEW',
    '+slave slave 127.0.0.1:THIRD 127.0.0.1 THIRD @ mymaster 127.0.0.1 NEW',
    '+sdown slave 127.0.0.1:OLD 127.0.0.1 OLD @ mymaster 127.0.0.1 NEW',
  ])('is told as %s', (event) => {
    expect([...shapes('redis')], 'redis-sentinel itself').toContain(event)
    expect([...shapes('vedette')]).toContain(event)
  })

  // Redis tells the other replicas before it announces, ours announces first: these name the new primary.
  it.each([
    '+failover-state-reconf-slaves master mymaster 127.0.0.1 OLD',
    '+slave-reconf-sent slave 127.0.0.1:THIRD 127.0.0.1 THIRD @ mymaster 127.0.0.1 OLD',
    '+slave-reconf-done slave 127.0.0.1:THIRD 127.0.0.1 THIRD @ mymaster 127.0.0.1 OLD',
    '+failover-end master mymaster 127.0.0.1 OLD',
  ])('is told as %s, under the new primary', (event) => {
    expect([...shapes('redis')], 'redis-sentinel itself').toContain(event)
    expect([...shapes('vedette')]).toContain(event.replace('OLD', 'NEW'))
  })

  it('has no event whose payload Redis would not write', () => {
    // The payload's form depends on the event and on the kind of instance that it is about.
    const kinds = (make: Make): Map<string, string> =>
      new Map([...shapes(make)].map((shape) => [shape.match(/^\S+( master| slave| sentinel)?/)![0], shape]))
    const known = kinds('redis')
    for (const [channel, shape] of kinds('vedette')) {
      const theirs = known.get(channel)
      if (theirs !== undefined)
        expect(shape.split(' ').length, `${shape} beside ${theirs}`).toBe(theirs.split(' ').length)
    }
  })
})
