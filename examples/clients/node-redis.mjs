// A Node.js client that goes on through failovers: `npm install redis`, then
//   node node-redis.mjs [group] [host:port of one sentinel]
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.
import { setTimeout as sleep } from 'node:timers/promises'
import { createSentinel } from 'redis'

async function main([group = 'mymaster', sentinel = '127.0.0.1:26379']) {
  const [host, port] = sentinel.split(':')
  const client = createSentinel({
    name: group,
    sentinelRootNodes: [{ host, port: Number(port) }],
    // It asks the sentinels where the primary is so often; every 10 s by default.
    scanInterval: 100,
    // A command is sent again to the new primary, however often that takes.
    maxCommandRediscovers: 1000,
    // A frozen primary neither answers nor closes its socket: leave it. An address that takes no connection: do not wait for it.
    nodeClientOptions: { socket: { socketTimeout: 400, connectTimeout: 500, reconnectStrategy: () => 10 } },
    sentinelClientOptions: { socket: { connectTimeout: 500, reconnectStrategy: () => 10 } },
  })
  client.on('error', (error) => console.error(error.message)) // it connects anew by itself
  await client.connect()
  for (let n = 0; ; n++) {
    try {
      await client.set(`example:${n}`, String(n))
      console.log(n)
    } catch (error) {
      console.error(error.message)
      await sleep(10)
    }
  }
}

await main(process.argv.slice(2))
