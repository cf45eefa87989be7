// Worker thread that sends pipelines of requests encoded beforehand and only counts the replies. It costs a tenth of what
// redis-benchmark does for each request, which fills its own core before a server that is fast at pipelines does.
//
// Posts `connected`, begins when it is told to, and posts how many requests were answered, and in which time.
import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { ReplyCounter } from './reply-counter.ts'
import type { Requests } from './requests.ts'

export interface LightLoad {
  port: number
  clients: number
  requests: Requests
  /** Ends after so long, Infinity for never. */
  seconds: number
  /** Sends each request once and ends with the last reply; otherwise begins again with the first one. */
  once: boolean
}

export interface LightResult {
  requests: number
  seconds: number
}

const { port, clients, requests, seconds, once } = workerData as LightLoad
const { pipelines } = requests
const bytes = Buffer.from(requests.bytes)
const total = pipelines.reduce((sum, { requests }) => sum + requests, 0)
const input = Buffer.alloc(1 << 20)
let next = 0
let answered = 0
let over = false
let startedMs = 0

function finish(): void {
  over = true
  const result: LightResult = { requests: answered, seconds: (performance.now() - startedMs) / 1000 }
  parentPort!.postMessage(result)
  process.exit()
}

/** Opens a connection; what is returned makes it begin. */
function open(connected: () => void): () => void {
  const replies = new ReplyCounter()
  let awaited = 0
  const send = (): void => {
    if (once && next === pipelines.length) return
    const i = next++ % pipelines.length
    const { end, requests } = pipelines[i]!
    awaited = requests
    socket.write(bytes.subarray(i === 0 ? 0 : pipelines[i - 1]!.end, end))
  }
  const receive = (length: number): boolean => {
    const count = replies.count(input, length)
    answered += count
    awaited -= count
    if (over || awaited > 0) return true
    if (once && answered === total) finish()
    else send()
    return true
  }
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer: input, callback: receive },
  })
  socket.on('connect', connected)
  return send
}

let missing = clients
const begin = Array.from({ length: clients }, () =>
  open(() => {
    if (--missing === 0) parentPort!.postMessage('connected')
  }),
)
parentPort!.once('message', () => {
  startedMs = performance.now()
  if (seconds !== Infinity) setTimeout(finish, seconds * 1000)
  for (const send of begin) send()
})
