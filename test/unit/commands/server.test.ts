import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

const error = (text: string): RespError => new RespError(text)
const SYNTAX = error('ERR syntax error')

describe('SHUTDOWN', () => {
  it.each<[string[], unknown]>([
    [[], {}],
    [['NOSAVE'], { save: false }],
    [['save', 'now'], { save: true, now: true }],
    [['NOSAVE', 'FORCE', 'NOW'], { save: false, now: true, force: true }],
  ])('%s', (words, expected) => {
    const server = createTestServer()
    expect(server.connect().call('SHUTDOWN', ...words)).toBeUndefined()
    expect(JSON.parse(server.calls[0]!.slice('shutdown '.length))).toEqual({
      now: false,
      force: false,
      ...(expected as object),
    })
  })

  it.each([[['SAVE', 'NOSAVE']], [['foo']], [['ABORT', 'NOW']]])('%s is a syntax error', (words) => {
    const server = createTestServer()
    expect(server.connect().call('SHUTDOWN', ...words)).toEqual(SYNTAX)
    expect(server.calls).toEqual([])
  })

  it('cannot be aborted when there is none', () => {
    expect(createTestServer().connect().call('SHUTDOWN', 'ABORT')).toEqual(error('ERR No shutdown in progress.'))
  })
})

describe('DEBUG', () => {
  it('is refused unless it is enabled', () => {
    const refusal = { message: expect.stringMatching(/^ERR DEBUG command not allowed\. If the enable-debug-command/) }
    const server = createTestServer()
    expect(server.connect().call('DEBUG', 'SLEEP', '0')).toMatchObject(refusal)
    expect(server.calls).toEqual([])
    expect(createTestServer({ 'enable-debug-command': 'yes' }).connect().call('DEBUG', 'SLEEP', '0')).toBe('OK')
  })

  it('sleeps, fractions too, and trusts local connections if told so', () => {
    const server = createTestServer({ 'enable-debug-command': 'local' })
    const client = server.connect()
    expect(client.call('DEBUG', 'SLEEP', '1.5')).toBe('OK')
    expect(client.call('DEBUG', 'SLEEP', 'x')).toBe('OK')
    expect(client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0')).toBe('OK')
    expect(server.calls).toEqual(['sleep 1500', 'sleep 0', 'setActiveExpire false'])
    expect(client.call('DEBUG', 'FOO')).toEqual(
      error("ERR unknown subcommand or wrong number of arguments for 'FOO'. Try DEBUG HELP."),
    )
    Object.assign(client.session.outlet, { peerIsLoopback: false })
    expect(client.call('DEBUG', 'SLEEP', '0')).toBeInstanceOf(RespError)
  })
})

describe('SAVE, BGSAVE, LASTSAVE, TIME, INFO, MONITOR', () => {
  it('pass on what was asked', () => {
    const server = createTestServer()
    const client = server.connect()
    expect(client.call('SAVE')).toBe('OK')
    expect(client.call('BGSAVE')).toBe('Background saving started')
    expect(client.call('BGSAVE', 'schedule')).toBe('Background saving started')
    expect(client.call('BGSAVE', 'x')).toEqual(SYNTAX)
    expect(client.call('BGREWRITEAOF')).toBe('Background append only file rewriting started')
    expect(server.calls).toEqual(['save', 'bgsave', 'bgsave schedule', 'rewriteLog'])
    expect(client.call('LASTSAVE')).toBe(1_700_000_000)
    server.advance(42)
    expect(client.call('TIME')).toEqual(['1700000000', '42000'])
    expect(client.call('INFO', 'Server', 'CPU')).toBe('info server cpu')
    expect(client.call('MONITOR')).toBe('OK')
    expect(client.session.monitor).toBe(true)
  })

  it('MONITOR cannot run in a transaction', () => {
    const client = createTestServer().connect()
    for (const line of ['MULTI', 'MONITOR']) client.call(line)
    expect(client.call('EXEC')).toEqual([error("ERR MONITOR isn't allowed for DENY BLOCKING client")])
  })
})

describe('CONFIG', () => {
  it('shows options by patterns and sets several or none', () => {
    const client = createTestServer().connect()
    expect(client.call('CONFIG', 'GET', 'maxmemory', 'nosuch')).toEqual(['maxmemory', '0'])
    expect(client.call('CONFIG', 'SET', 'maxmemory', '1mb', 'timeout', '7')).toBe('OK')
    expect(client.call('CONFIG', 'GET', 'maxmemory', 'timeout')).toEqual(['maxmemory', '1048576', 'timeout', '7'])
    expect(client.call('CONFIG', 'SET', 'timeout', '8', 'maxmemory', 'x')).toEqual(
      error("ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"),
    )
    expect(client.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '7'])
    expect(client.call('CONFIG', 'SET', 'a', 'b', 'c')).toEqual(SYNTAX)
    expect(client.call('CONFIG', 'SET', 'nosuch', 'b')).toEqual(
      error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
    )
  })

  it('does not change the directory while a snapshot is being loaded', () => {
    const server = createTestServer({ 'enable-protected-configs': 'yes' })
    const client = server.connect()
    server.engine.gate.loading = true
    expect(client.call('CONFIG', 'SET', 'timeout', '7')).toBe('OK')
    const refused = error('LOADING Redis is loading the dataset in memory')
    expect(client.call('CONFIG', 'SET', 'timeout', '8', 'DIR', '/tmp')).toEqual(refused)
    expect(client.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '7'])
    server.engine.gate.loading = false
    expect(client.call('CONFIG', 'SET', 'dir', '/tmp')).toBe('OK')
  })

  it('answers a change of port or address when the sockets are there', async () => {
    const server = createTestServer()
    const client = server.connect()
    expect(client.call('CONFIG', 'SET', 'port', '7000', 'timeout', '7')).toBeUndefined()
    expect(client.session.blocked?.kind).toBe('order')
    expect(server.config.values.timeout).toBe(0)
    await new Promise(setImmediate)
    expect(server.calls).toEqual(['listenAnew * -::* 7000', `unblock ${client.session.id} ready`])
    expect(server.config.values).toMatchObject({ port: 7000, timeout: 7 })
  })

  it('passes on RESETSTAT and REWRITE', () => {
    const server = createTestServer()
    const client = server.connect()
    expect(client.call('CONFIG', 'RESETSTAT')).toBe('OK')
    expect(server.calls).toEqual(['resetStats'])
    expect(client.call('CONFIG', 'REWRITE')).toEqual(error('ERR The server is running without a config file'))
  })
})
