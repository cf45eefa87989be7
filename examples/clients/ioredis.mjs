// A Node.js client that goes on through failovers: `npm install ioredis`, then
//   node ioredis.mjs [group] [host:port of one sentinel]
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.
import { Redis } from 'ioredis'

/** The options that matter; what each is for stands beside it. A test of Vedette runs with these very options. */
export const OPTIONS = {
  // A primary that is frozen, or whose host is gone, neither answers nor closes its socket: without this the client waits for ever.
  socketTimeout: 400,
  // The new primary is there in tens of milliseconds; the default tries again only after 50, 100, 150 … 2,000 ms.
  retryStrategy: () => 10,
  // A command waits for the new primary, however many attempts it takes; the default gives up after 20.
  maxRetriesPerRequest: null,
  // An order of an address that takes none: do not wait 10 s for it.
  connectTimeout: 500,
  // A demoted primary that kept its connections answers READONLY: find the new one, and send the command again (2).
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
}
// Do not set `failoverDetector`: when the sentinels announce the new primary while the client is asking them for it (which is when
// they do), ioredis 6 ends the connection for good.

/** A client of the group's primary, whichever server that is. */
export function connect(group, sentinels) {
  const client = new Redis({ name: group, sentinels, ...OPTIONS })
  client.on('error', (error) => console.error(error.message)) // it connects anew by itself
  return client
}

async function main([group = 'mymaster', sentinel = '127.0.0.1:26379']) {
  const [host, port] = sentinel.split(':')
  const client = connect(group, [{ host, port: Number(port) }])
  for (let n = 0; ; n++) {
    await client.set(`example:${n}`, n)
    console.log(n)
  }
}

if (import.meta.filename === process.argv[1]) await main(process.argv.slice(2))
