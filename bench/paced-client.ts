// Worker thread that sends so many requests a second, one at a time on each connection, and measures how long each takes from
// the moment at which it is due: what waits for a free connection waits on the server.
//
// Begins when its connections stand; posts the sorted times.
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { ReplyCounter } from './reply-counter.ts'
import type { Requests } from './requests.ts'

export interface PacedLoad {
  port: number
  clients: number
  /** Pipelines of one. */
  requests: Requests
  perSecond: number
  seconds: number
}

/** Milliseconds, ascending. */
export type PacedResult = Float64Array

const TICK_MS = 1

const { port, clients, requests, perSecond, seconds } = workerData as PacedLoad
const { pipelines } = requests
const bytes = Buffer.from(requests.bytes)
const input = Buffer.alloc(1 << 20)
const tripsMs: number[] = []
/** Connections that are free, and since when requests are due for which there was none. */
const free: ((dueMs: number) => void)[] = []
const due: number[] = []
let next = 0
let startedMs = 0

function open(): void {
  const replies = new ReplyCounter()
  let dueMs = 0
  const send = (since: number): void => {
    dueMs = since
    const i = next++ % pipelines.length
    socket.write(bytes.subarray(i === 0 ? 0 : pipelines[i - 1]!.end, pipelines[i]!.end))
  }
  const receive = (length: number): boolean => {
    if (replies.count(input, length) === 0) return true
    tripsMs.push(performance.now() - dueMs)
    const waiting = due.shift()
    if (waiting === undefined) free.push(send)
    else send(waiting)
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: input, callback: receive } })
  socket.on('connect', () => {
    if (free.push(send) === clients) begin()
  })
}

function begin(): void {
  startedMs = performance.now()
  let asked = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (; asked < ((nowMs - startedMs) * perSecond) / 1000; asked++) {
      const send = free.pop()
      if (send === undefined) due.push(nowMs)
      else send(nowMs)
    }
    if (nowMs - startedMs < seconds * 1000) return
    clearInterval(timer)
    parentPort!.postMessage(Float64Array.from(tripsMs).sort() satisfies PacedResult)
    process.exit()
  }, TICK_MS)
}

for (let i = 0; i < clients; i++) open()
