// The names of a cluster, answered over UDP: whatever `look` knows has one address or several, the rest does not exist.
import { createSocket } from 'node:dgram'

const A = 1
const NAME_ERROR = 3
const HEADER_BYTES = 12

/** Serves names on port 53 of an address; gives back what ends it. */
export async function serveNames(
  host: string,
  look: (name: string) => readonly string[] | undefined,
): Promise<() => void> {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => socket.send(answerTo(query, look), from.port, from.address))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(53, host, resolve)
  })
  return () => socket.close()
}

function answerTo(query: Buffer, look: (name: string) => readonly string[] | undefined): Buffer {
  let at = HEADER_BYTES
  const labels: string[] = []
  for (let length = query[at]!; length !== 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const question = query.subarray(HEADER_BYTES, at + 5)
  const found = look(labels.join('.').toLowerCase())
  const addresses = query.readUInt16BE(at + 1) === A ? (found ?? []) : []
  const header = Buffer.alloc(HEADER_BYTES)
  query.copy(header, 0, 0, 2)
  // An answer with authority, and recursion as asked for.
  header.writeUInt16BE(0x8580 | (found === undefined ? NAME_ERROR : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(addresses.length, 6)
  // The name of the question, type A, class IN, to be kept for no time, four bytes.
  const records = addresses.map((ip) =>
    Buffer.from([0xc0, HEADER_BYTES, 0, A, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split('.').map(Number)]),
  )
  return Buffer.concat([header, question, ...records])
}
