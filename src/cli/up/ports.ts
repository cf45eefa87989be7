// Finds out which ports are free, and picks free ones, before `vedette up` starts anything.
import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { CliError } from '../command.ts'
import { allPorts, HOST, type Ports, withPorts } from './plan.ts'

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: HOST, port, exclusive: true }, () => resolve(server))
  })
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/**
 * Free ports are looked for below the range from which systems take those of outgoing connections: one from that range
 * could be taken again between this check and the child's listening.
 */
const FREE_FROM = 10_000
const FREE_TO = 32_000
const TRIES_MAX = 1000

async function listenOnFree(): Promise<Server> {
  for (let tries = 1; ; tries++) {
    try {
      return await listen(randomInt(FREE_FROM, FREE_TO))
    } catch (error) {
      if (tries === TRIES_MAX) throw error
    }
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/**
 * Checks that the ports are free and replaces each 0 by a free one. All are held at once until the last is checked, so no
 * two are the same. Throws CliError that names every taken port.
 */
export async function reservePorts(wanted: Ports): Promise<Ports> {
  const held: Server[] = []
  const taken: string[] = []
  for (const port of allPorts(wanted)) {
    try {
      held.push(port === 0 ? await listenOnFree() : await listen(port))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      taken.push(`${port} (${code === 'EADDRINUSE' ? 'another process listens there' : code})`)
    }
  }
  const chosen = held.map(portOf)
  await Promise.all(held.map(close))
  if (taken.length > 0)
    throw new CliError(
      `cannot start: port ${taken.join(', port ')}.\nChoose others with --port and --sentinel-port, or free ones with --port 0.`,
    )
  return withPorts(wanted, chosen)
}
