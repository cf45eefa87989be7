// Worker thread that plays many groups of three servers, each server on a port of its own: it answers what sentinels ask of a Redis
// (PING, INFO, ROLE, REPLICAOF, hellos on pub/sub) and holds no data. Posts the ports of each group, and ends a server that
// is named to it as a crash does: every connection is reset, and new ones are refused.
import { randomBytes } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface ModelLoad {
  groups: number
}

const PER_GROUP = 3
/** What else a Redis says in INFO, so that it is as long. */
const REST = Array.from({ length: 150 }, (_, i) => `model_field_${i}:${'0'.repeat(12)}\r\n`).join('')

interface Model {
  port: number
  readonly group: Model[]
  readonly runId: string
  readonly listener: Server
  readonly sockets: Set<Socket>
  readonly listeners: Map<string, Set<Socket>>
  /** Port of the primary that it follows; 0 for a primary. */
  follows: number
  replId: string
  formerReplId: string
}

const OFFSET = 1_000
const id = (): string => randomBytes(20).toString('hex')
const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const array = (items: readonly string[]): string => `*${items.length}\r\n${items.join('')}`

function infoOf(model: Model): string {
  const { group, port, follows, replId, formerReplId, runId } = model
  const replicas = group.filter((other) => other.follows === port && other.listener.listening)
  const role =
    follows === 0
      ? [
          'role:master',
          `connected_slaves:${replicas.length}`,
          ...replicas.map((one, i) => `slave${i}:ip=127.0.0.1,port=${one.port},state=online,offset=${OFFSET},lag=0`),
        ]
      : [
          'role:slave',
          'master_host:127.0.0.1',
          `master_port:${follows}`,
          `master_link_status:${group.some((one) => one.port === follows && one.listener.listening) ? 'up' : 'down'}`,
          'master_last_io_seconds_ago:0',
          'master_sync_in_progress:0',
          `slave_repl_offset:${OFFSET}`,
          'slave_priority:100',
          'slave_read_only:1',
          'replica_announced:1',
        ]
  const lines = [
    '# Server',
    'redis_version:7.0.15',
    `run_id:${runId}`,
    '# Replication',
    ...role,
    `master_replid:${replId}`,
    `master_replid2:${formerReplId}`,
    `master_repl_offset:${OFFSET}`,
    `second_repl_offset:${/[^0]/.test(formerReplId) ? OFFSET + 1 : -1}`,
  ]
  return `${lines.join('\r\n')}\r\n${REST}`
}

function follow(model: Model, host: string, port: string): string {
  if (host.toLowerCase() === 'no') {
    if (model.follows !== 0) {
      model.formerReplId = model.replId
      model.replId = id()
    }
    model.follows = 0
  } else {
    model.follows = Number(port)
    model.replId = model.group.find((one) => one.port === model.follows)?.replId ?? model.replId
  }
  return '+OK\r\n'
}

function publish({ listeners }: Model, channel: string, text: string): string {
  const heard = listeners.get(channel) ?? new Set()
  for (const socket of heard) socket.write(array([bulk('message'), bulk(channel), bulk(text)]))
  return `:${heard.size}\r\n`
}

function subscribe({ listeners }: Model, socket: Socket, channels: readonly string[]): string {
  return channels
    .map((channel, i) => {
      const heard = listeners.get(channel) ?? new Set()
      listeners.set(channel, heard)
      heard.add(socket)
      socket.once('close', () => heard.delete(socket))
      return array([bulk('subscribe'), bulk(channel), `:${i + 1}\r\n`])
    })
    .join('')
}

function answer(model: Model, socket: Socket, [name = '', ...args]: readonly string[]): string {
  switch (name.toUpperCase()) {
    case 'PING':
      return '+PONG\r\n'
    case 'INFO':
      return bulk(infoOf(model))
    case 'ROLE':
      return model.follows === 0
        ? array([bulk('master'), `:${OFFSET}\r\n`, '*0\r\n'])
        : array([bulk('slave'), bulk('127.0.0.1'), `:${model.follows}\r\n`, bulk('connected'), `:${OFFSET}\r\n`])
    case 'REPLICAOF':
    case 'SLAVEOF':
      return follow(model, args[0] ?? '', args[1] ?? '')
    case 'PUBLISH':
      return publish(model, args[0] ?? '', args[1] ?? '')
    case 'SUBSCRIBE':
      return subscribe(model, socket, args)
    case 'CLIENT':
    case 'CONFIG':
      return '+OK\r\n'
    default:
      return `-ERR unknown command '${name}'\r\n`
  }
}

/** Requests out of what has come; what is not whole yet is left. */
function* requestsIn(buffer: { text: string }): Generator<string[]> {
  for (;;) {
    const { text } = buffer
    let end = text.indexOf('\r\n')
    if (end < 0) return
    const words: string[] = []
    for (let left = Number(text.slice(1, end)); left > 0; left--) {
      const at = end + 2
      end = text.indexOf('\r\n', at)
      if (end < 0) return
      const length = Number(text.slice(at + 1, end))
      if (text.length < end + 4 + length) return
      words.push(text.slice(end + 2, end + 2 + length))
      end += 2 + length
    }
    buffer.text = text.slice(end + 2)
    yield words
  }
}

function serve(model: Model, socket: Socket): void {
  model.sockets.add(socket)
  socket.setNoDelay(true).setEncoding('latin1')
  socket.on('error', () => {})
  socket.on('close', () => model.sockets.delete(socket))
  const buffer = { text: '' }
  let queued: string[][] | undefined
  const reply = (request: string[]): string => {
    const name = request[0]?.toUpperCase()
    if (name === 'MULTI') {
      queued = []
      return '+OK\r\n'
    }
    if (name === 'EXEC' && queued !== undefined) {
      const replies = queued.map((one) => answer(model, socket, one))
      queued = undefined
      return array(replies)
    }
    if (queued === undefined) return answer(model, socket, request)
    queued.push(request)
    return '+QUEUED\r\n'
  }
  socket.on('data', (text: string) => {
    buffer.text += text
    let replies = ''
    for (const request of requestsIn(buffer)) replies += reply(request)
    socket.write(replies)
  })
}

function createModel(group: Model[], replId: string): Promise<Model> {
  const model: Model = {
    port: 0,
    group,
    runId: id(),
    listener: createServer((socket) => serve(model, socket)),
    sockets: new Set(),
    listeners: new Map(),
    follows: group[0]?.port ?? 0,
    replId,
    formerReplId: '0'.repeat(40),
  }
  group.push(model)
  return new Promise((resolve) => {
    model.listener.listen(0, '127.0.0.1', () => {
      const address = model.listener.address()
      model.port = typeof address === 'object' && address !== null ? address.port : 0
      resolve(model)
    })
  })
}

const { groups } = workerData as ModelLoad
const models: Model[] = []
const ports: number[][] = []
for (let i = 0; i < groups; i++) {
  const group: Model[] = []
  const replId = id()
  for (let k = 0; k < PER_GROUP; k++) models.push(await createModel(group, replId))
  ports.push(group.map(({ port }) => port))
}
parentPort!.on('message', (port: number) => {
  const model = models.find((one) => one.port === port)
  model?.listener.close()
  for (const socket of model?.sockets ?? []) socket.resetAndDestroy()
})
parentPort!.postMessage(ports)
