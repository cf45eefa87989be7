// Worker thread that writes KEYS keys in pipelined batches, a few in flight; so that the thread that probes latency
// meanwhile has nothing else to do. Posts a message when all are acknowledged.
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface Load {
  port: number
  keys: number
  /** A digit; makes the values of one pass differ from another's. */
  pass: number
  /** At most so many keys a second, so that the machine has a core to spare; Infinity for as fast as it goes. */
  perSecondMax: number
}

const { port, keys, pass, perSecondMax } = workerData as Load
const BATCH = 100
const IN_FLIGHT_MAX = 4
const OK_BYTES = '+OK\r\n'.length

const socket = connect({ port, host: '127.0.0.1', noDelay: true })
let sent = 0
let acknowledgedBytes = 0

function batch(): string {
  let text = ''
  for (const end = Math.min(keys, sent + BATCH); sent < end; sent++) {
    const digits = String(sent).padStart(12, '0')
    text += `*3\r\n$3\r\nSET\r\n$16\r\nkey:${digits}\r\n$32\r\n${pass}${digits}-value-of-32-byt${pass}es\r\n`
  }
  return text
}

const startedMs = performance.now()
let timer: NodeJS.Timeout | undefined

function pump(): void {
  timer = undefined
  while (sent < keys && sent - acknowledgedBytes / OK_BYTES < BATCH * IN_FLIGHT_MAX) {
    const aheadMs = (1000 * sent) / perSecondMax - (performance.now() - startedMs)
    if (aheadMs > 0) {
      timer ??= setTimeout(pump, aheadMs)
      return
    }
    socket.write(batch())
  }
}

socket.on('connect', pump)
socket.on('data', (chunk) => {
  if (chunk.includes('-')) throw new Error(`SET was refused: ${chunk.toString('latin1').slice(0, 200)}`)
  acknowledgedBytes += chunk.length
  if (acknowledgedBytes === keys * OK_BYTES) {
    socket.destroy()
    parentPort!.postMessage('done')
    return
  }
  if (timer === undefined) pump()
})
