// Compares `maxmemory` with what the machine, or the container that the server runs in, has: the kernel kills who wants more, long
// before any key would be evicted.
import { totalmem } from 'node:os'

/** What the process takes beside its data. */
const PROCESS_BYTES = 70 << 20

/** Bytes that the process can have: of the machine, or of the container (cgroup) if that allows less. */
export function memoryLimit(): { readonly bytes: number; readonly of: 'machine' | 'container' } {
  const machine = totalmem()
  // Without a limit it is undefined, 0 or the largest number there is, as the version of Node has it.
  const container = process.constrainedMemory() || Number.POSITIVE_INFINITY
  return container < machine ? { bytes: container, of: 'container' } : { bytes: machine, of: 'machine' }
}

/** Why `maxmemory` cannot be kept; undefined if it can. */
export function memoryWarning(maxmemory: number, limit = memoryLimit()): string | undefined {
  if (maxmemory === 0 || maxmemory + PROCESS_BYTES <= limit.bytes) return undefined
  const part = limit.of === 'machine' ? 'has' : 'may use'
  return (
    `maxmemory is ${maxmemory} bytes, but the ${limit.of} ${part} ${limit.bytes}, and the process itself takes about ` +
    `${PROCESS_BYTES}: the system may kill it before the limit is reached. Set maxmemory to two thirds of the ${limit.of}'s memory or less.`
  )
}
