// The replication side of the server process: a primary without replicas, until the links are wired in.

import { errorText } from '../errors.ts'
import type { ServerParts, ServerReplication } from './parts.ts'

/** The replication of a server. */
export function createReplication(_parts: ServerParts): ServerReplication {
  const refuse = (): never => {
    throw new Error(errorText('internal'))
  }
  return {
    active: false,
    feed: () => {},
    start: () => {},
    tick: () => {},
    stop: () => {},
    sessionClosed: () => {},
    heldBytes: 0,
    replicaOf: refuse,
    becomePrimary: () => 'OK',
    role: (reply) => {
      reply.array(3)
      reply.bulkText('master')
      reply.int(0)
      reply.array(0)
    },
    replconf: refuse,
    psync: refuse,
    wait: (ctx) => ctx.reply.int(0),
    isReplica: () => false,
    linkUp: () => true,
    goodReplicas: () => 0,
  }
}
