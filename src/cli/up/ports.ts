// Finds out which ports are free, and picks free ones, before `vedette up` starts anything.
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
      held.push(await listen(port))
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
