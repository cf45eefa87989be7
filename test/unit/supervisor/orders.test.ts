// Orders as commands, against a client that answers what it is told to.
import { expect, it } from 'vitest'
import type { RespClient } from '../../../src/io/resp-client.ts'
import { type Reply, ReplyError } from '../../../src/protocol/reply-parser.ts'
import { obey } from '../../../src/supervisor/orders.ts'

function client(answer: (line: string) => Reply): { asked: string[]; client: RespClient } {
  const asked: string[] = []
  const command = async (args: readonly (string | Uint8Array)[]): Promise<Reply> => {
    const line = args.join(' ')
    asked.push(line)
    return answer(line)
  }
  return { asked, client: { command } as unknown as RespClient }
}

it('changes a role in one transaction, and cuts clients off', async () => {
  const { asked, client: server } = client((line) =>
    line === 'EXEC' ? ['OK', new ReplyError('ERR no file'), 1, 0] : 'QUEUED',
  )
  const order = { kind: 'follow', epoch: 1, primary: { host: '10.0.0.1', port: 7000 } } as const
  expect(await obey(server, order)).toEqual({ ok: true, text: 'OK' })
  expect(asked).toEqual([
    'MULTI',
    'REPLICAOF 10.0.0.1 7000',
    'CONFIG REWRITE',
    'CLIENT KILL TYPE normal',
    'CLIENT KILL TYPE pubsub',
    'EXEC',
  ])
})

it('fences with the change of role alone, for who is primary is not committed yet', async () => {
  const { asked, client: server } = client(() => 'OK')
  const order = { kind: 'fence', epoch: 1, primary: { host: '10.0.0.1', port: 7000 } } as const
  expect(await obey(server, order)).toEqual({ ok: true, text: 'OK' })
  expect(asked).toEqual(['REPLICAOF 10.0.0.1 7000'])
})

it('says what the server refused', async () => {
  const { client: server } = client((line) =>
    line === 'EXEC' ? [new ReplyError('ERR REPLICAOF not allowed in cluster mode.')] : 'QUEUED',
  )
  expect(await obey(server, { kind: 'promote', epoch: 1 })).toEqual({
    ok: false,
    text: 'ERR REPLICAOF not allowed in cluster mode.',
  })
})

it('gives the change alone to a server that knows not every command of the transaction', async () => {
  const { asked, client: server } = client((line) => {
    if (line === 'EXEC') return new ReplyError('EXECABORT Transaction discarded because of previous errors.')
    return line === 'CONFIG REWRITE' ? new ReplyError('ERR unknown subcommand') : 'OK'
  })
  expect(await obey(server, { kind: 'promote', epoch: 1 })).toEqual({ ok: true, text: 'OK' })
  expect(asked.slice(6)).toEqual(['REPLICAOF NO ONE', 'CLIENT KILL TYPE normal', 'CLIENT KILL TYPE pubsub'])
})

it('does not reject when the connection is gone', async () => {
  const server = { command: () => Promise.reject(new Error('gone')) } as unknown as RespClient
  expect(await obey(server, { kind: 'promote', epoch: 1 })).toEqual({ ok: false, text: 'IOERR gone' })
  expect((await obey(server, { kind: 'pause-writes', epoch: 1, forMs: 5 })).ok).toBe(false)
})
