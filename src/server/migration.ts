// MIGRATE: sends keys to another server and removes here what that has acknowledged. Connections are kept for some seconds, for
// whoever goes on migrating to the same server.
//
//   read the keys ─▶ send them ─▶ acknowledged? ─▶ unchanged here? ─▶ remove them
//         ▲                                              │ no
//         └────── send what has changed once more ◀──────┘

import type { ConnectionOptions } from 'node:tls'
import type { MigrateOrder } from '../commands/context.ts'
import { readToSend, removeSent, restoreCommand, type SentKey } from '../commands/migrate.ts'
import { errorReply } from '../errors.ts'
import type { Session } from '../facade/session.ts'
import { connectResp, type RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import type { ServerParts } from './parts.ts'

/** A connection that nobody has used for so long is closed. */
const KEPT_MS = 10_000
/** So many connections are kept. */
const KEPT_MAX = 64
/** Keys that change all the time are sent so often. */
const ROUNDS_MAX = 16

export interface Migration {
  /** Moves keys of a database; the session waits for the outcome. */
  start(session: Session, db: number, order: MigrateOrder): void
  /** Number of connections that are kept. */
  readonly sockets: number
  stop(): void
}

interface KeptLink {
  readonly client: RespClient
  idle: NodeJS.Timeout | undefined
}

/** The other server could not be reached, or went away, or did not answer in time. */
class LinkFailed extends Error {
  readonly reply: Buffer
  constructor(reply: Buffer) {
    super('the link failed')
    this.reply = reply
  }
}

const addressOf = ({ host, port }: MigrateOrder): string => `${host}:${port}`

const OK = Buffer.from('+OK\r\n')

export function createMigration(
  { engine, keyspace, clients, nowMs, options }: ServerParts,
  secure: () => ConnectionOptions | undefined,
): Migration {
  const links = new Map<string, KeptLink>()

  const forget = (address: string): void => {
    const link = links.get(address)
    if (link === undefined) return
    links.delete(address)
    clearTimeout(link.idle)
    link.client.close()
  }

  /** A connection to the server; a new one if none is kept. */
  const linkTo = (order: MigrateOrder): RespClient => {
    const { host, port, timeoutMs } = order
    const address = addressOf(order)
    let link = links.get(address)
    if (link === undefined || link.client.closed !== undefined) {
      forget(address)
      if (links.size >= KEPT_MAX) forget(links.keys().next().value!)
      const limits = { outstandingMax: Number.POSITIVE_INFINITY, outputBytesMax: Number.POSITIVE_INFINITY }
      link = {
        client: connectResp({ host, port, secure: secure(), connectTimeoutMs: timeoutMs, ...limits }),
        idle: undefined,
      }
      links.set(address, link)
    }
    clearTimeout(link.idle)
    link.idle = setTimeout(() => forget(address), KEPT_MS)
    return link.client
  }

  /** The replies to RESTORE of each key. */
  const send = async (order: MigrateOrder, keys: readonly SentKey[], replace: boolean): Promise<Reply[]> => {
    const client = linkTo(order)
    const before = [...(order.auth.length > 0 ? [['AUTH', ...order.auth]] : []), ['SELECT', String(order.db)]]
    const commands = [...before, ...keys.map((key) => restoreCommand(key, replace, nowMs()))]
    let timer = setTimeout(client.close, order.timeoutMs)
    try {
      const replies: Reply[] = []
      for (const reply of commands.map(client.command)) {
        replies.push(await reply)
        clearTimeout(timer)
        timer = setTimeout(client.close, order.timeoutMs)
      }
      const refused = replies.slice(0, before.length).find((reply) => reply instanceof ReplyError)
      return replies.slice(before.length).map((reply) => refused ?? reply)
    } catch {
      forget(addressOf(order))
      throw new LinkFailed(errorReply(client.closed?.connected === false ? 'migrateConnect' : 'migrateLink'))
    } finally {
      clearTimeout(timer)
    }
  }

  /** Removes what was acknowledged; what has changed meanwhile is still to be sent. */
  const remove = (db: number, acknowledged: readonly SentKey[]): SentKey[] => {
    let changed: SentKey[] = []
    engine.setTime(nowMs())
    engine.runInternal(() => {
      changed = removeSent(keyspace.databases[db]!, engine.effects, acknowledged, options.rdbcompression)
    }, db)
    return changed
  }

  /** The reply. */
  const run = async (db: number, order: MigrateOrder): Promise<Buffer> => {
    let keys = order.keys
    for (let round = 0; round < ROUNDS_MAX; round++) {
      engine.setTime(nowMs())
      const sent = keys.flatMap((key) => readToSend(keyspace.databases[db]!, key, options.rdbcompression) ?? [])
      const replies = await send(order, sent, order.replace || round > 0)
      const refusal = replies.find((reply) => reply instanceof ReplyError)
      const acknowledged = sent.filter((_, i) => !(replies[i] instanceof ReplyError))
      if (!order.copy && engine.gate.readonlyReplica) return errorReply('readonly')
      const changed = order.copy ? [] : remove(db, acknowledged)
      if (refusal instanceof ReplyError) return errorReply('migrateTarget', refusal.message)
      if (changed.length === 0) return OK
      keys = changed.map(({ key }) => key)
    }
    return errorReply('migrateChanges')
  }

  return {
    start: (session, db, order) => {
      let answer: Buffer = OK
      clients.block(session, { kind: 'order', timeoutAtMs: 0, finish: (reply) => reply.raw(answer) })
      void run(db, order)
        .catch((error: unknown) => {
          if (error instanceof LinkFailed) return error.reply
          engine.host.internalError(error, 'migrate')
          return errorReply('internal')
        })
        .then((reply) => {
          answer = reply
          clients.unblock(session, 'ready')
        })
    },
    get sockets() {
      return links.size
    },
    stop: () => {
      for (const address of [...links.keys()]) forget(address)
    },
  }
}
