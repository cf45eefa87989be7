// A Node.js client that goes on through failovers: `npm install ioredis`, then
//   node ioredis.mjs [group] [host:port of a sentinel …]
// writes a counter without pause and says whenever writing stood still for longer than a quarter of a second.
import { Redis } from 'ioredis'

/** The options that matter; what each is for stands beside it. A test of Vedette runs with these very options. */
export const OPTIONS = {
  // A primary that is frozen, or whose host is gone, neither answers nor closes its socket: without this the client waits for ever.
  socketTimeout: 400,
  // The new primary is there in tens of milliseconds; the default tries again only after 50, 100, 150 … 2,000 ms.
  retryStrategy: () => 10,
  // A command waits for the new primary, however many attempts it takes; the default gives up after 20.
  maxRetriesPerRequest: null,
}
// Do not set `failoverDetector`: when the sentinels announce the new primary while the client is asking them for it (which is when
// they do), ioredis 6 ends the connection for good.

/** A client of the group's primary, whichever server that is. */
export function connect(group, sentinels) {
  const client = new Redis({ name: group, sentinels, ...OPTIONS })
  client.on('error', () => {}) // it connects anew by itself
  return client
}

async function main([group = 'mymaster', ...addresses]) {
  const sentinels = (addresses.length > 0 ? addresses : ['127.0.0.1:26379']).map((address) => {
    const colon = address.lastIndexOf(':')
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
  })
  const client = connect(group, sentinels)
  let lastMs = performance.now()
  for (;;) {
    const n = await client.incr('example:counter')
    const nowMs = performance.now()
    if (n % 1000 === 0) console.log(`${n} writes`)
    if (nowMs - lastMs > 250) console.log(`writing stood still for ${Math.round(nowMs - lastMs)} ms`)
    lastMs = nowMs
  }
}

if (import.meta.filename === process.argv[1]) await main(process.argv.slice(2))
