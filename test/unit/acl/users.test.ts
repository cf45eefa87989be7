// Users: what rules do, that a description gives the same rights again, and the verdict about requests.
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { AclLog } from '../../../src/acl/log.ts'
import type { User } from '../../../src/acl/user.ts'
import type { Users } from '../../../src/acl/users.ts'
import { createTestServer, type TestClient, type TestServer } from '../../support/engine.ts'

let server: TestServer
let users: Users
beforeEach(() => {
  server = createTestServer()
  users = server.host.access.users
})

const RULES = [
  ...['on', 'off', 'nopass', 'resetpass', '>a', '>b', 'reset', 'sanitize-payload', 'skip-sanitize-payload'],
  ...['+@all', '-@all', '+@read', '-@read', '+@write', '-@dangerous', '+@hash', '-@slow', '+@fast', '+@connection'],
  ...['+get', '-get', '+config', '-config|set', '+config|get', '+select|0', '+select|1', '-select', '+client'],
  ...['~a*', '%R~b*', '%W~b*', '~*', 'resetkeys', '&c*', '&*', 'resetchannels', 'clearselectors'],
  ...['(+get ~x*)', '(+@all -@write ~* &n*)', '(%R~q +hget)'],
]

describe('rules', () => {
  it('give the same rights again when what ACL LIST says of them is taken as rules', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...RULES), { maxLength: 12 }), (rules) => {
        users.remove('u')
        users.change('u', [])
        for (const rule of rules) users.change('u', [rule])
        const line = users.lines().find((one) => one.startsWith('user u '))!
        users.remove('v')
        expect(users.change('v', line.split(' ').slice(2))).toBeUndefined()
        expect(users.lines()).toContain(line.replace('user u ', 'user v '))
        for (const { id } of users.catalog.commands) {
          const [u, v] = ['u', 'v'].map((name) => users.get(name)!.rights.own.bits[id >>> 5])
          expect(v).toBe(u)
        }
      }),
    )
  })

  it('hold as a whole or not at all', () => {
    users.change('u', ['on', '+get'])
    const before = users.lines()
    expect(users.change('u', ['+set', '+nosuch'])).toBe(
      "Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL",
    )
    expect(users.change('u', ['off', '(+set'])).toMatch(/^Unmatched parenthesis/)
    expect(users.lines()).toEqual(before)
  })
})

describe('passwords', () => {
  it('are kept as hashes, and two are valid at a time', () => {
    users.change('u', ['on', '>old', '>new'])
    expect(users.lines().join()).not.toMatch(/old|new/)
    for (const password of ['old', 'new']) expect(users.authenticate('u', password)?.name).toBe('u')
    users.change('u', ['<old'])
    expect(users.authenticate('u', 'old')).toBeUndefined()
    expect(users.authenticate('nobody', 'new')).toBeUndefined()
    users.change('u', ['off'])
    expect(users.authenticate('u', 'new')).toBeUndefined()
  })
})

describe('a file', () => {
  it('replaces all users or none, and those who are in both stay who they are', () => {
    users.change('u', ['on'])
    const known = users.get('u') as User
    expect(users.load('user u on +get\nuser w +@nosuch', 'f')).toBe(
      "f:2: Error in applying operation '+@nosuch': Unknown command or category name in ACL. WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    )
    expect(users.load('user u on +get\n\nuser w on nopass\n', 'f')).toBeUndefined()
    expect(users.all().map(({ name }) => name)).toEqual(['default', 'u', 'w'])
    expect(users.get('u')).toBe(known)
    expect(users.load(users.lines().join('\n'), 'f')).toBeUndefined()
  })
})

describe('sessions', () => {
  const login = (name: string): TestClient => {
    const client = server.connect()
    client.call('AUTH', name, 'x')
    return client
  }

  it('end with their user', () => {
    users.change('u', ['on', 'nopass', '+@all'])
    const client = login('u')
    expect(client.call('ACL', 'WHOAMI')).toBe('u')
    users.remove('u')
    expect(client.session.user).toBe(users.default)
    expect(client.session.authenticated).toBe(false)
  })

  it('are denied what their user may not do, and the log says so', () => {
    users.change('u', ['on', 'nopass', '+get', '~a*'])
    const client = login('u')
    expect(String(client.raw('GET', 'b'))).toMatch(/^-NOPERM this user has no permissions to access one of the keys/)
    expect(String(client.raw('SET', 'a', '1'))).toMatch(
      /^-NOPERM this user has no permissions to run the 'set' command/,
    )
    expect(String(client.raw('GET', 'a'))).toBe('$-1\r\n')
    expect(server.host.access.log.entries.map(({ reason, object }) => `${reason} ${object}`)).toEqual([
      'command set',
      'key b',
    ])
  })
})

describe('the log', () => {
  it('counts what is alike within a minute, and keeps so many entries', () => {
    const log = new AclLog()
    const entry = { reason: 'key', context: 'toplevel', object: 'k', username: 'u', client: '' } as const
    log.add({ ...entry, atMs: 0 }, 2)
    log.add({ ...entry, atMs: 59_000 }, 2)
    expect(log.entries).toMatchObject([{ count: 2, atMs: 59_000 }])
    log.add({ ...entry, atMs: 200_000 }, 2)
    log.add({ ...entry, object: 'm', atMs: 200_000 }, 2)
    expect(log.entries.map(({ object, count }) => `${object} ${count}`)).toEqual(['m 1', 'k 1'])
  })
})

it('pinned passwords of the default user outlast a file of users', () => {
  users.pinDefaultPasswords(['new', 'old'])
  expect(users.load('user u on +get', 'f')).toBeUndefined()
  expect(users.asksPassword).toBe(true)
  for (const password of ['new', 'old']) expect(users.authenticate('default', password)).toBe(users.default)
  expect(users.load('user default on nopass +@all', 'f')).toBeUndefined()
  expect(users.authenticate('default', 'other')).toBeUndefined()
})
