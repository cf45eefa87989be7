// The pre-shared key that keeps strangers off the gossip port, and the rule that without it gossip stays on loopback.
import { isIPv4 } from 'node:net'

/** What is wrong with the gossip options, in words for the operator. */
export class GossipConfigError extends Error {
  override readonly name = 'GossipConfigError'
}

/** Takes 64 hexadecimal digits, bare or in the form of libp2p's swarm.key file. Throws GossipConfigError; never shows the key. */
export function parseSwarmKey(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  const rest = lines.filter((line) => line !== '')
  const digits = rest[0] === '/key/swarm/psk/1.0.0/' && rest[1] === '/base16/' ? rest.slice(2) : rest
  if (digits.length !== 1 || !/^[0-9a-f]{64}$/i.test(digits[0]!))
    throw new GossipConfigError(
      'the swarm key must be 64 hexadecimal digits (32 random bytes, the same on every sentinel)',
    )
  return digits[0]!.toLowerCase()
}

/** Throws GossipConfigError when gossip would listen beyond this machine without a swarm key. */
export function refuseOpenGossip(host: string, swarmKey: string | undefined): void {
  if (swarmKey !== undefined || isLoopback(host)) return
  throw new GossipConfigError(
    `gossip may not listen on ${host} without a swarm key: anyone could reach it. ` +
      'Give every sentinel the same 64 hexadecimal digits as swarm key, or bind gossip to 127.0.0.1.',
  )
}

/** Whether an address or name stays on this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
