// INFO of real servers, as text, to the facts that count.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseInfo } from '../../../src/sentinel/info.ts'

it('reads a primary', () => {
  const text = [
    '# Server',
    'run_id:605bcec36433c85ba5802d3fa907214d42c015fc',
    '# Replication',
    'role:master',
    'connected_slaves:2',
    'slave0:ip=127.0.0.1,port=41002,state=online,offset=827,lag=1',
    'slave1:ip=::1,port=41003,state=wait_bgsave,offset=0,lag=0',
    'slave2:ip=127.0.0.1,port=0,state=online,offset=827,lag=1',
    'master_replid:abc',
    'master_repl_offset:900',
  ].join('\r\n')
  expect(parseInfo(text)).toMatchObject({
    runId: '605bcec36433c85ba5802d3fa907214d42c015fc',
    role: 'primary',
    offset: 900,
    replId: 'abc',
    replicas: [
      { host: '127.0.0.1', port: 41002, offset: 827, lagSeconds: 1, online: true },
      { host: '::1', port: 41003, online: false },
    ],
  })
})

it('reads a replica whose link is down', () => {
  const text =
    'role:slave\nmaster_host:127.0.0.1\nmaster_port:1\nmaster_link_status:down\nmaster_link_down_since_seconds:7\nslave_repl_offset:5\nslave_priority:10\nreplica_announced:0\n'
  expect(parseInfo(text)).toMatchObject({
    role: 'replica',
    primary: { host: '127.0.0.1', port: 1 },
    linkUp: false,
    linkDownMs: 7000,
    lastIoSeconds: -1,
    offset: 5,
    priority: 10,
    announced: false,
  })
})

it('does not take what is not known for the best: a link that has not stood, an offset of a replica that forgot it', () => {
  const lines = 'role:slave\nmaster_link_status:down\nslave_repl_offset:1\nmaster_repl_offset:700\nmaster_replid:h\n'
  expect(parseInfo(`${lines}master_link_down_since_seconds:-1`)).toMatchObject({
    linkDownMs: Number.POSITIVE_INFINITY,
    offset: 700,
    replId: 'h',
  })
  expect(parseInfo(lines).linkDownMs).toBe(Number.POSITIVE_INFINITY)
})

it('reads what a history goes on from', () => {
  const second = (id: string, offset: number) =>
    parseInfo(`role:master\nmaster_replid2:${id}\nsecond_repl_offset:${offset}`).parent
  expect(second('abc', 101)).toEqual({ replId: 'abc', offset: 100 })
  expect(second('0'.repeat(40), -1)).toBeUndefined()
})

it('knows that data is being replaced or read, and counts the keys of all databases', () => {
  const syncing = 'role:slave\nmaster_sync_in_progress:1\nmaster_sync_read_bytes:'
  expect(parseInfo(`${syncing}0`).loading).toBe(false)
  expect(parseInfo(`${syncing}17`).loading).toBe(true)
  expect(parseInfo('role:master\nloading:1').loading).toBe(true)
  expect(parseInfo('db0:keys=3,expires=0,avg_ttl=0\ndb12:keys=4,expires=1').keys).toBe(7)
})

it('takes any text', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseInfo(text)))
})
