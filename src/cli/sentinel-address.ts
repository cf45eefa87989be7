// The options by which commands find a sentinel, and the connection to it.
import type { Options } from 'yargs'
import { connectResp, type RespClient } from '../io/resp-client.ts'
import { EXIT } from './command.ts'
import { type Address, address, text } from './values.ts'

export const DEFAULT_SENTINEL_PORT = 26379

/** `--sentinel` and `--password`. */
export const SENTINEL_ADDRESS_OPTIONS = {
  sentinel: {
    describe: 'Address of any one of the sentinels',
    type: 'string',
    default: `127.0.0.1:${DEFAULT_SENTINEL_PORT}`,
    requiresArg: true,
    coerce: address('sentinel', DEFAULT_SENTINEL_PORT),
  },
  password: {
    describe: 'Password of the sentinel, if it has one (better in the environment: VEDETTE_PASSWORD)',
    type: 'string',
    requiresArg: true,
    coerce: text('password'),
  },
} as const satisfies Record<string, Options>

export interface SentinelAddressArgs {
  readonly sentinel: Address
  readonly password?: string
}

/** A host and port as one word. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Connects to the sentinel; a refused password shows in the first reply. */
export function connectSentinel(args: SentinelAddressArgs): RespClient {
  const password = args.password ?? process.env.VEDETTE_PASSWORD
  return connectResp({
    host: args.sentinel.host,
    port: args.sentinel.port,
    connectTimeoutMs: 3000,
    replyTimeoutMs: 5000,
    ...(password === undefined || password === '' ? {} : { password }),
  })
}

/** Does something with a connection to the sentinel; the exit code, also when nobody answers. */
export async function withSentinel(
  args: SentinelAddressArgs,
  act: (client: RespClient) => Promise<number>,
): Promise<number> {
  const client = connectSentinel(args)
  try {
    return await act(client)
  } catch (error) {
    return reportUnreachable(args, error)
  } finally {
    client.close()
  }
}

/** Says that nobody answers, and what to try; the exit code. */
export function reportUnreachable(args: SentinelAddressArgs, error: unknown): number {
  const why = error instanceof Error ? error.message : String(error)
  process.stderr.write(
    `vedette: no answer from a sentinel at ${addressText(args.sentinel)}: ${why}\nGive the address of a running one with --sentinel host:port.\n`,
  )
  return EXIT.unreachable
}
