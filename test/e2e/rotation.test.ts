// Passwords are exchanged while a group runs: from files that are mounted as Kubernetes mounts a secret, a folder whose link is turned to
// another one.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, linkUp, startGroup } from '../support/group.ts'
import { callOnce, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

/** A folder of files that are exchanged all at once. */
function mountSecret(files: Readonly<Record<string, string>>): {
  path: (name: string) => string
  exchange: (files: Readonly<Record<string, string>>) => void
} {
  const folder = scope.tempDir()
  let version = 0
  const exchange = (contents: Readonly<Record<string, string>>): void => {
    const name = `..v${++version}`
    mkdirSync(join(folder, name))
    for (const [file, text] of Object.entries(contents)) writeFileSync(join(folder, name, file), text)
    symlinkSync(name, join(folder, '..new'))
    renameSync(join(folder, '..new'), join(folder, '..data'))
  }
  exchange(files)
  for (const file of Object.keys(files)) symlinkSync(join('..data', file), join(folder, file))
  return { path: (name) => join(folder, name), exchange }
}

const secretOf = (...passwords: string[]): Record<string, string> => ({
  password: `${passwords.join('\n')}\n`,
  'users.acl': `user default on nopass ~* &* +@all\nuser app on ${passwords.map((one) => `>${one}`).join(' ')} ~* &* +@all\n`,
})

const client = (port: number, password: string): Redis => {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    username: 'app',
    password,
    retryStrategy: null,
    lazyConnect: true,
  })
  redis.on('error', () => {})
  scope.defer(() => redis.disconnect())
  return redis
}

/** Whether a server lets `app` in with this password. */
const isRight = async (port: number, password: string): Promise<boolean> =>
  (await callOnce(port, 'AUTH', 'app', password)) === 'OK'

it('from the old password over both to the new one: nobody is cut off, nothing fails over, and links made anew use the new one', async () => {
  const secret = mountSecret(secretOf('old'))
  const group = await startGroup(scope, {
    servers: 'vedette',
    sentinels: 'vedette',
    replicas: 1,
    serverArgs: [
      ...['--aclfile', secret.path('users.acl'), '--aclfile-reload', 'yes'],
      ...['--masteruser', 'app', '--masterauth-file', secret.path('password')],
    ],
    sentinelLines: ['sentinel auth-user mymaster app', `sentinel auth-pass-file mymaster ${secret.path('password')}`],
  })
  const [primary, replica] = group.servers as [(typeof group.servers)[0], (typeof group.servers)[0]]
  const epoch = async (): Promise<unknown> => callOnce(group.sentinels[0]!.port, 'SENTINEL', 'MASTER', group.name)
  const epochBefore = JSON.stringify(await epoch()).match(/config-epoch","?(\d+)/)?.[1]
  const writing = client(primary.port, 'old')
  let acknowledged = 0
  let over = false
  const writer = (async () => {
    while (!over) acknowledged += Math.sign(await writing.incr('n'))
  })()
  const ports = group.servers.map(({ port }) => port)
  const all = async (password: string, right: boolean): Promise<boolean> =>
    (await Promise.all(ports.map((port) => isRight(port, password)))).every((is) => is === right)

  secret.exchange(secretOf('new', 'old'))
  await eventually('both are right', async () => (await all('new', true)) && (await all('old', true)))
  secret.exchange(secretOf('new'))
  await eventually('the old one is wrong', async () => (await all('new', true)) && (await all('old', false)))

  // Whoever has logged in goes on.
  const count = acknowledged
  await eventually('the client writes on', () => acknowledged > count + 100)
  // The links are ended: they come back, with the new password.
  const { connected_slaves: before } = await info(primary.port, 'replication')
  expect(before).toBe('1')
  for (const port of ports) await callOnce(port, 'CLIENT', 'KILL', 'TYPE', 'REPLICA')
  const mine = await writing.client('ID')
  const list = String(await callOnce(primary.port, 'CLIENT', 'LIST'))
  const others = [...list.matchAll(/^id=(\d+) .*user=app/gm)].map(([, id]) => id!).filter((id) => id !== String(mine))
  for (const id of others) await callOnce(primary.port, 'CLIENT', 'KILL', 'ID', id)
  await linkUp(replica, primary.port)
  await eventually('the sentinels are back', async () => {
    const again = String(await callOnce(primary.port, 'CLIENT', 'LIST'))
    return (again.match(/name=sentinel-\w+-cmd .*user=app/g) ?? []).length === group.sentinels.length
  })
  over = true
  await writer
  await eventually(
    'the replica has it all',
    async () => (await callOnce(replica.port, 'GET', 'n')) === String(acknowledged),
  )
  expect(await announcedPort(group.sentinels[0]!, group.name)).toBe(primary.port)
  expect(JSON.stringify(await epoch()).match(/config-epoch","?(\d+)/)?.[1]).toBe(epochBefore)
})

it('the default user has the passwords of requirepass-file; a file that is wrong changes nothing', async () => {
  const secret = mountSecret({ password: 'old\n' })
  const server = await startServer(scope, { make: 'vedette', args: ['--requirepass-file', secret.path('password')] })
  const right = async (password: string): Promise<boolean> => (await callOnce(server.port, 'AUTH', password)) === 'OK'
  expect(await right('old')).toBe(true)
  secret.exchange({ password: 'new\nold\n' })
  await eventually('the new one is right, too', () => right('new'))
  expect(await right('old')).toBe(true)
  secret.exchange({ password: '\n' })
  await eventually('it says so', () => server.proc.output().includes('there is no password in it'))
  expect(await right('new')).toBe(true)
  secret.exchange({ password: 'new' })
  await eventually('the old one is wrong', async () => !(await right('old')))
  expect(await right('new')).toBe(true)
})
