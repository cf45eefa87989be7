// A Node.js client that goes on through failovers: `npm install iovalkey`, then
//   node iovalkey.mjs [group] [host:port of one sentinel]
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error. The options are
// those of ioredis.mjs, for the same reasons.
import { Redis } from 'iovalkey'

async function main([group = 'mymaster', sentinel = '127.0.0.1:26379']) {
  const [host, port] = sentinel.split(':')
  const client = new Redis({
    name: group,
    sentinels: [{ host, port: Number(port) }],
    socketTimeout: 400,
    retryStrategy: () => 10,
    maxRetriesPerRequest: null,
    connectTimeout: 500,
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  })
  client.on('error', (error) => console.error(error.message)) // it connects anew by itself
  for (let n = 0; ; n++) {
    await client.set(`example:${n}`, n)
    console.log(n)
  }
}

await main(process.argv.slice(2))
