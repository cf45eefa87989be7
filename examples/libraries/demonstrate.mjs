// What the examples have in common: how they reach the group through its sentinels, and that each runs as a program (`npm start` makes
// a group).
import { OPTIONS } from '../clients/ioredis.mjs'

/** Options of ioredis for the group's primary, whichever server that is. */
export function connectionTo(group, sentinels, options = {}) {
  return { name: group, sentinels, ...OPTIONS, ...options }
}

/** Runs `show` if `file` is the program that runs: `node file [group] [host:port of one sentinel]`. */
export async function demonstrate(file, show) {
  if (file !== process.argv[1]) return
  const [group = 'mymaster', sentinel = '127.0.0.1:26379'] = process.argv.slice(2)
  const [host, port] = sentinel.split(':')
  await show(group, [{ host, port: Number(port) }])
}
