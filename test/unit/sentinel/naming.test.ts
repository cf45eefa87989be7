// One server under its name and its address.
import { expect, it } from 'vitest'
import { atLevel, decodeEntry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { parseInfo } from '../../../src/sentinel/info.ts'
import { byAddress, toMonitored } from '../../../src/sentinel/naming.ts'
import { apply, createTopology } from '../../../src/sentinel/topology.ts'

const at = (host: string, port = 6379) => ({ host, port })
const HOSTNAME = { host: 'redis-0', address: at('10.0.0.1') }

it('a replica that calls itself by the name, and a primary that is followed by the name, stand under the address', () => {
  const listed = parseInfo(
    'role:master\nslave0:ip=redis-0,port=6379,state=online,offset=1,lag=0\nslave1:ip=redis-0,port=6380,state=online,offset=1,lag=0',
  )
  expect(byAddress(listed, HOSTNAME).replicas.map(({ host, port }) => `${host}:${port}`)).toEqual([
    '10.0.0.1:6379',
    'redis-0:6380',
  ])
  const replica = parseInfo('role:slave\nmaster_host:redis-0\nmaster_port:6379')
  expect(byAddress(replica, HOSTNAME).primary).toEqual(at('10.0.0.1'))
  expect(byAddress(replica, undefined).primary).toEqual(at('redis-0'))
})

it('a group that is monitored by name knows from the first moment which server has the name', () => {
  const topology = createTopology()
  const entry = { kind: 'monitor', group: 'm', primary: at('10.0.0.1'), quorum: 2, hostname: 'redis-0' } as const
  for (const one of atLevel(entry, 1)) {
    expect(decodeEntry(encodeEntry(one))).toEqual(one)
    apply(topology, one)
  }
  expect(topology.groups.get('m')?.hostname).toEqual(HOSTNAME)
})

it('takes no name that is none', () => {
  expect(toMonitored({ primary: at('10.0.0.1'), quorum: 2, hostname: 'a b' })).toBeUndefined()
  expect(toMonitored({ primary: at('10.0.0.1'), quorum: 2 })).toEqual({ primary: at('10.0.0.1'), quorum: 2 })
})
