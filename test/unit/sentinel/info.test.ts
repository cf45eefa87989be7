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

it('takes any text', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseInfo(text)))
})
