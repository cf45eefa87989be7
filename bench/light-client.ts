// Worker thread that sends pipelines of requests encoded beforehand and only counts the bytes of their replies. It costs a
// tenth of what redis-benchmark does for each request, which fills its own core before a server that is fast at pipelines
// does. Posts how many requests were answered, and in which time.
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface LightLoad {
  port: number
  test: 'set' | 'get'
  clients: number
  pipeline: number
  /** Requests are for random ones of keys 0 … keys − 1; GET needs all of them to be there, with values of 32 bytes. */
  keys: number
  seconds: number
}

export interface LightResult {
  requests: number
  seconds: number
}

const { port, test, clients, pipeline, keys, seconds } = workerData as LightLoad
const REQUESTS_PREPARED = 400_000
const REPLY_BYTES = test === 'get' ? 39 : 5
const value = 'x'.repeat(32)

function request(): string {
  const key = `key:${String(Math.floor(Math.random() * keys)).padStart(12, '0')}`
  if (test === 'get') return `*2\r\n$3\r\nGET\r\n$16\r\n${key}\r\n`
  return `*3\r\n$3\r\nSET\r\n$16\r\n${key}\r\n$32\r\n${value}\r\n`
}

const batches = Array.from({ length: Math.ceil(REQUESTS_PREPARED / pipeline) }, () =>
  Array.from({ length: pipeline }, request).join(''),
)
const input = Buffer.alloc(1 << 20)
let next = 0
let answered = 0
let over = false

function open(): void {
  let awaitedBytes = 0
  const send = (): void => {
    awaitedBytes = REPLY_BYTES * pipeline
    socket.write(batches[next++ % batches.length]!, 'latin1')
  }
  const receive = (bytes: number): boolean => {
    awaitedBytes -= bytes
    if (awaitedBytes < 0) throw new Error(`${test} was answered otherwise: ${input.toString('latin1', 0, 100)}`)
    if (awaitedBytes > 0) return true
    answered += pipeline
    if (!over) send()
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: input, callback: receive } })
  socket.on('connect', send)
}

const startedMs = performance.now()
for (let i = 0; i < clients; i++) open()
setTimeout(() => {
  over = true
  const result: LightResult = { requests: answered, seconds: (performance.now() - startedMs) / 1000 }
  parentPort!.postMessage(result)
  process.exit()
}, seconds * 1000)
