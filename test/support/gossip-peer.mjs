// One gossip transport in a process of its own, so that a test can kill and freeze it: commands and reports go over IPC.
// Usage: node gossip-peer.mjs <io folder of the build> <key file> <port>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, keyFile, port] = process.argv.slice(2)
const load = (name) => import(pathToFileURL(join(folder, name)).href)
const { startGossip } = await load('gossip.js')
const { loadOrCreatePeerKey } = await load('gossip/identity.js')
const transport = await startGossip(
  { key: loadOrCreatePeerKey(keyFile), host: '127.0.0.1', port: Number(port) },
  {
    onMessage: (from, payload) => process.send({ from, text: Buffer.from(payload).toString() }),
    onPeer: (id, connected) => process.send({ id, connected }),
  },
)
process.on('message', ({ peers, to, text }) => {
  if (peers !== undefined) transport.setPeers(peers)
  else transport.send(to, Buffer.from(text))
})
process.on('disconnect', () => process.exit())
process.send({ ready: { id: transport.self, host: transport.host, port: transport.port } })
