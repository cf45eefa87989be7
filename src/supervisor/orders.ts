// Orders to servers as Redis commands. A change of role is one transaction, so that no client sees half of it: the role
// changes, the server writes it to its configuration file (if it has one), and every client is cut off, because it must
// ask anew who is primary. A fence changes the role alone: clients wait, and who is primary is not committed yet. These are the commands of Redis Sentinel, which every Redis understands.
import { errorText } from '../errors.ts'
import type { RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import type { Address } from '../sentinel/address.ts'
import type { Order } from '../sentinel/effects.ts'

export interface Outcome {
  readonly ok: boolean
  readonly text: string
}

/** Carries an order out; never rejects. */
export async function obey(client: RespClient, order: Order): Promise<Outcome> {
  switch (order.kind) {
    case 'promote':
      return changeRole(client, ['NO', 'ONE'])
    case 'follow':
      return changeRole(client, targetOf(order.primary))
    case 'fence':
      return outcome(client.command(['REPLICAOF', ...targetOf(order.primary)]))
    case 'pause-writes':
      return outcome(client.command(['CLIENT', 'PAUSE', String(order.forMs), 'WRITE']))
    case 'resume-writes':
      return outcome(client.command(['CLIENT', 'UNPAUSE']))
  }
}

/** REPLICAOF is the name since Redis 5; SLAVEOF would do for older ones, which are out of support. */
async function changeRole(client: RespClient, target: readonly [string, string]): Promise<Outcome> {
  const change = ['REPLICAOF', ...target]
  const replies = [['MULTI'], change, ['CONFIG', 'REWRITE'], ...KILLS, ['EXEC']].map((args) =>
    settled(client.command(args)),
  )
  const done = (await Promise.all(replies)).at(-1)
  if (Array.isArray(done)) return outcomeOf(done[0] ?? null)
  // A server that does not know one of them refuses the transaction as a whole: then the change alone.
  if (!(done instanceof ReplyError) || done.code !== 'EXECABORT') return outcomeOf(done ?? null)
  const changed = client.command(change)
  for (const kill of KILLS) void client.command(kill)
  return outcome(changed)
}

const targetOf = ({ host, port }: Address): [string, string] => [host, String(port)]

const KILLS = [
  ['CLIENT', 'KILL', 'TYPE', 'normal'],
  ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
]

async function settled(reply: Promise<Reply>): Promise<Reply> {
  try {
    return await reply
  } catch (error) {
    return new ReplyError(errorText('linkLost', (error as Error).message))
  }
}

const outcome = async (reply: Promise<Reply>): Promise<Outcome> => outcomeOf(await settled(reply))

function outcomeOf(reply: Reply): Outcome {
  if (reply instanceof ReplyError) return { ok: false, text: reply.message }
  return { ok: typeof reply === 'string', text: String(reply) }
}
