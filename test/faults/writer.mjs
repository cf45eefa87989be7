// Writes the next number as soon as the last write was acknowledged, and prints `<number> <monotonic ms> <host:port>` for each acknowledgement.
//   node writer.mjs <prefix> <host:port>                          to this server, whatever it is
//   node writer.mjs <prefix> sentinel <group> <host:port> …       to whom these sentinels name, as clients do
import { connect } from 'node:net'

const [prefix, first, ...rest] = process.argv.slice(2)
const nowMs = () => Number(process.hrtime.bigint() / 1000n) / 1000
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const encode = (words) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/** One request over a connection of its own, or over `socket`; the first bytes of the reply. */
function call(socket, words, timeoutMs) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no reply')), timeoutMs)
    socket.once('data', (data) => {
      clearTimeout(timer)
      resolve(data.toString())
    })
    socket.once('close', () => reject(new Error('closed')))
    socket.write(encode(words))
  })
}

function dial(address) {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':')
    const socket = connect({ host, port: Number(port), noDelay: true })
    const timer = setTimeout(() => socket.destroy(new Error('no connection')), 500)
    socket.on('error', reject)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

async function primary() {
  if (first !== 'sentinel') return first
  const [group, ...sentinels] = rest
  for (const sentinel of sentinels) {
    const socket = await dial(sentinel).catch(() => undefined)
    const reply = socket && (await call(socket, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group], 500).catch(() => ''))
    socket?.destroy()
    const [, host, port] = /^\*2\r\n\$\d+\r\n(.*)\r\n\$\d+\r\n(\d+)\r\n$/.exec(reply ?? '') ?? []
    if (host !== undefined) return `${host}:${port}`
  }
  throw new Error('no sentinel names a primary')
}

for (let n = 0; ; ) {
  let socket
  try {
    const address = await primary()
    socket = await dial(address)
    socket.setMaxListeners(0)
    for (; ; n++) {
      const reply = await call(socket, ['SET', `${prefix}:${n}`, String(n)], 500)
      if (reply !== '+OK\r\n') throw new Error(reply)
      process.stdout.write(`${n} ${nowMs()} ${address}\n`)
      await sleep(2)
    }
  } catch {
    n++
    socket?.destroy()
    await sleep(10)
  }
}
