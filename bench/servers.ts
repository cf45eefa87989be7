// The two servers that the benchmarks of speed compare, started alike.
import { getPriority, setPriority } from 'node:os'
import type { Scope } from '../test/support/scope.ts'
import { type Make, type Running, startServer } from '../test/support/servers.ts'
import type { TestTls } from '../test/support/tls.ts'

/** A server as urgent as this process: by itself Vedette makes itself more urgent than Redis is (`process-nice`), where it may. */
export async function startEqual(scope: Scope, make: Make, tls?: TestTls): Promise<Running> {
  const server = await startServer(scope, { make, tls })
  if (getPriority(server.proc.pid) < getPriority()) setPriority(server.proc.pid, getPriority())
  return server
}
