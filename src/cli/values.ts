// Readers of option values for yargs: text in, value out, or an error that says what would be accepted.
import { UsageError } from './command.ts'

function once(name: string, given: unknown): string {
  if (Array.isArray(given)) throw new UsageError(`--${name} is given ${given.length} times; it takes one value`)
  return String(given)
}

/** Reads an integer from min to max. */
export function integer(name: string, min: number, max: number) {
  return (given: unknown): number => {
    const text = once(name, given)
    const n = Number(text)
    if (!/^-?[0-9]{1,15}$/.test(text) || n < min || n > max)
      throw new UsageError(`--${name} must be an integer from ${min} to ${max}, not '${text}'`)
    return n
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Reads a duration such as 500ms, 15s, 2m into milliseconds. */
export function duration(name: string, minMs: number) {
  return (given: unknown): number => {
    const text = once(name, given)
    const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)$/.exec(text)
    if (!match) throw new UsageError(`--${name} must be a duration as 500ms, 15s or 2m, not '${text}'`)
    const ms = Math.round(Number(match[1]) * UNIT_MS[match[2]!]!)
    if (ms < minMs) throw new UsageError(`--${name} must be ${minMs} ms or more, not '${text}'`)
    return ms
  }
}

/** An address to connect to. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Reads `host:port`, `[v6]:port`, `host` or `:port`. */
export function address(name: string, defaultPort: number) {
  return (given: unknown): Address => {
    const text = once(name, given)
    const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]*))(?::([0-9]{1,5}))?$/.exec(text)
    const port = match?.[3] === undefined ? defaultPort : Number(match[3])
    if (!match || text === '' || port < 1 || port > 65535)
      throw new UsageError(`--${name} must be host:port, as 127.0.0.1:26379, not '${text}'`)
    return { host: match[1] ?? (match[2] || '127.0.0.1'), port }
  }
}

/** Reads text that may be given once. */
export function text(name: string) {
  return (given: unknown): string => once(name, given)
}
