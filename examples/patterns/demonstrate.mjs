// What the examples have in common: run as programs they connect to a group (`npm start` makes one) and show what they do.
import { connect } from '../clients/ioredis.mjs'

/** Runs `show` with a client of the group, if `file` is the program that runs: `node file [group] [host:port of one sentinel]`. */
export function demonstrate(file, show) {
  return demonstrateAll(file, ([redis]) => show(redis))
}

/** The same with several groups of one name, each with sentinels of its own. */
export async function demonstrateAll(file, show) {
  if (file !== process.argv[1]) return
  const [group = 'mymaster', ...sentinels] = process.argv.slice(2)
  const addresses = sentinels.length === 0 ? ['127.0.0.1:26379'] : sentinels
  const clients = addresses.map((address) => {
    const [host, port] = address.split(':')
    return connect(group, [{ host, port: Number(port) }])
  })
  try {
    await show(clients)
  } finally {
    for (const client of clients) client.disconnect()
  }
}
