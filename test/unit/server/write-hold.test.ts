// Who is taken for a sentinel, and what their answers together say.
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Session } from '../../../src/facade/session.ts'
import type { SentinelPlace } from '../../../src/server/role-memory.ts'
import { createKnownSentinels } from '../../../src/server/sentinels.ts'
import { type Answer, answerOf, askOne, verdict } from '../../../src/server/write-hold.ts'

const SELF = '10.0.0.1:7001'
const id = (n: number): string => n.toString(16).padStart(40, '0')
const redisHello = (n: number, primary = '10.0.0.1,7001', port = 26000 + n): Buffer =>
  Buffer.from(`10.0.0.${n},${port},${id(n)},5,mymaster,${primary},3`)
const vedetteHello = (n: number): Buffer => Buffer.from(JSON.stringify({ v: 1, runId: id(n), peer: 'p' }))
const by = (local: string, isPrimary = false): Session => ({ outlet: { local }, isPrimary }) as unknown as Session

function create(isPrimary = true) {
  const told: { sentinels: readonly SentinelPlace[]; selves: readonly string[] }[] = []
  let nowMs = 0
  const known = createKnownSentinels({
    remembered: { sentinels: [], selves: [] },
    isPrimary: () => isPrimary,
    monotonicMs: () => nowMs,
    announced: () => undefined,
    changed: (sentinels, selves) => void told.push({ sentinels, selves }),
  })
  const hear = (channel: string, message: Buffer, session = by(SELF)): void =>
    known.heard(Buffer.from(channel), message, session)
  return {
    known,
    told,
    hear,
    both: (n: number, primary?: string, session?: Session, port?: number): void => {
      hear('__vedette__:hello', vedetteHello(n))
      hear('__sentinel__:hello', redisHello(n, primary, port), session)
    },
    pass: (ms: number): void => {
      nowMs += ms
    },
  }
}

describe('the sentinels that are known', () => {
  it('are those of Vedette, with the address by which they reached us', () => {
    const { known, hear, both, told } = create()
    hear('__sentinel__:hello', redisHello(1)) // of Redis, as far as one can tell
    expect(known.list()).toEqual([])
    both(1)
    both(2)
    both(2)
    expect(known.list()).toEqual([
      { host: '10.0.0.1', port: 26001, group: 'mymaster' },
      { host: '10.0.0.2', port: 26002, group: 'mymaster' },
    ])
    expect(known.canAsk()).toBe(true)
    expect([known.isSelf(SELF), known.isSelf('10.0.0.2:7001')]).toEqual([true, false])
    expect(told).toHaveLength(2) // only what is new is told
  })

  it('do not say who we are by naming somebody else, nor through the stream of a primary', () => {
    const { known, both } = create()
    both(1, '10.0.0.2,7001')
    both(2, '10.0.0.1,7001', by(SELF, true))
    expect(known.canAsk()).toBe(false)
    const replica = create(false)
    replica.both(1)
    expect(replica.known.canAsk()).toBe(false)
  })

  it('are never more than sixteen, and forgotten when they fall silent or move', () => {
    const { known, both, pass } = create()
    for (let n = 1; n < 200; n++) both(n)
    expect(known.list()).toHaveLength(16)
    both(199, undefined, undefined, 30_000)
    expect(known.list().at(-1)).toMatchObject({ port: 30_000 })
    expect(known.list()).toHaveLength(16)
    pass(60_001)
    both(300)
    expect(known.list()).toEqual([{ host: '10.0.0.300', port: 26_300, group: 'mymaster' }])
  })

  it('are not found in nonsense', () => {
    const { known, hear } = create()
    hear('__vedette__:hello', vedetteHello(1))
    for (const text of ['', ',,,,,,,', '{', 'x'.repeat(20_000), `10.0.0.1,99999,${id(1)},5,mymaster,10.0.0.1,7001,3`])
      for (const channel of ['__vedette__:hello', '__sentinel__:hello', '_']) hear(channel, Buffer.from(text))
    expect(known.list()).toEqual([])
  })
})

describe('the answers', () => {
  it.each<[Answer[], string]>([
    [['us', 'us', 'us'], 'us'],
    [['us', 'us', 'none'], 'us'],
    [['us', 'none', 'none'], 'unknown'],
    [['us', 'unsure', 'none'], 'unknown'],
    [['us', 'us', 'another'], 'us'], // a sentinel that slept
    [['another', 'none', 'none'], 'another'],
    [['another', 'another', 'us'], 'another'],
    [['another', 'unsure', 'none'], 'unknown'],
    [[], 'unknown'],
  ])('%j say %s', (answers, said) => expect(verdict(answers)).toBe(said))

  it('of a sentinel that has doubts of us is no yes', () => {
    const reply = (ip: string, flags: string): string[] => [
      'name',
      'mymaster',
      'ip',
      ip,
      'port',
      '7001',
      'flags',
      flags,
    ]
    const isSelf = (address: string): boolean => address === SELF
    expect(answerOf(reply('10.0.0.1', 'master'), isSelf)).toBe('us')
    expect(answerOf(reply('10.0.0.1', 's_down,master'), isSelf)).toBe('unsure')
    expect(answerOf(reply('10.0.0.2', 'master'), isSelf)).toBe('another')
    expect(answerOf('No such master', isSelf)).toBe('none')
    expect(answerOf([], isSelf)).toBe('none')
  })
})

describe('a sentinel that asks for a password', () => {
  it('answers who logs in, by any of the passwords that are known, and nobody else', async () => {
    const sentinel = createServer((socket) => {
      let loggedIn = false
      const reply = (args: readonly string[]): string => {
        if (args[0] === 'AUTH') {
          const right = args[1] === 'new'
          loggedIn ||= right
          return right ? '+OK\r\n' : '-WRONGPASS invalid username-password pair or user is disabled.\r\n'
        }
        if (!loggedIn) return '-NOAUTH Authentication required.\r\n'
        return '*6\r\n$2\r\nip\r\n$8\r\n10.0.0.1\r\n$4\r\nport\r\n$4\r\n7001\r\n$5\r\nflags\r\n$6\r\nmaster\r\n'
      }
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        for (const request of bytes.toString().split('*').slice(1))
          socket.write(reply(request.split('\r\n').filter((_, i) => i > 0 && i % 2 === 0)))
      })
    })
    await new Promise<void>((resolve) => void sentinel.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = sentinel.address() as AddressInfo
      const place = { host: '127.0.0.1', port, group: 'mymaster' }
      const asked = (...passwords: string[]): Promise<Answer> =>
        askOne(place, {
          sentinels: { isSelf: (address) => address === SELF },
          secure: () => undefined,
          passwords: () => passwords,
        })
      expect([await asked(), await asked('wrong'), await asked('old', 'new')]).toEqual(['none', 'none', 'us'])
    } finally {
      sentinel.close()
    }
  })
})
