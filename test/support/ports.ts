// Free TCP ports for processes that must be told theirs. They lie below the range that the kernel hands to outgoing
// connections, so that none is taken between the check and the use; every test process starts at another place.
import { createServer } from 'node:net'

const FIRST = 10_000
const LAST = 32_000
let next = FIRST + Math.floor(Math.random() * (LAST - FIRST))

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** A port of 127.0.0.1 on which nothing listens now, and which this process has not handed out before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < LAST - FIRST; tries++) {
    next = next >= LAST ? FIRST : next + 1
    const port = next
    if (await isFree(port)) return port
  }
  throw new Error('no free port')
}
