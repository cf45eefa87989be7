// A Node.js client of a group that speaks TLS, which finds the primary through the sentinels, by TLS as well: `npm install ioredis`, then
//   node ioredis-tls.mjs --cacert ca.crt [--cert client.crt --key client.key] [group] [host:port of one sentinel]
// Does what ioredis.mjs does, with the same options for failovers.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { OPTIONS } from './ioredis.mjs'

/** A client of the group's primary; `tls` is what Node's tls.connect takes. */
export function connect(group, sentinels, tls) {
  const client = new Redis({
    name: group,
    sentinels,
    ...OPTIONS,
    // Two kinds of connections, so two options; without the third that to the primary is not by TLS.
    tls,
    sentinelTLS: tls,
    enableTLSForSentinelMode: true,
  })
  client.on('error', (error) => console.error(error.message)) // it connects anew by itself
  return client
}

/** What to believe and what to show. A certificate is asked for unless the servers have `tls-auth-clients no`. */
export const credentials = ({ cacert, cert, key }) => ({
  ca: readFileSync(cacert),
  ...(cert === undefined ? {} : { cert: readFileSync(cert), key: readFileSync(key) }),
  // The sentinels may tell addresses, which stand in no certificate: believe whomever this authority has signed for. Leave this out
  // where all go by names that do, as in docs/KUBERNETES.md.
  checkServerIdentity: () => undefined,
})

async function main() {
  const files = { cacert: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' } }
  const { values, positionals } = parseArgs({ options: files, allowPositionals: true })
  const [group = 'mymaster', sentinel = '127.0.0.1:26379'] = positionals
  const [host, port] = sentinel.split(':')
  const client = connect(group, [{ host, port: Number(port) }], credentials(values))
  for (let n = 0; ; n++) {
    await client.set(`example:${n}`, n)
    console.log(n)
  }
}

if (import.meta.filename === process.argv[1]) await main()
