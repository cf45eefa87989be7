// The options by which commands find a sentinel, and the connection to it.
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { Options } from 'yargs'
import { connectResp, type RespClient } from '../io/resp-client.ts'
import { EXIT, UsageError } from './command.ts'
import { type Address, address, text } from './values.ts'

export const DEFAULT_SENTINEL_PORT = 26379

/** `--sentinel`, `--password`, and TLS as redis-cli has it. */
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
  tls: { describe: 'Connect by TLS', type: 'boolean', default: false },
  cacert: {
    describe: 'File with the authorities to believe (with --tls; those of Node without)',
    type: 'string',
    requiresArg: true,
    coerce: text('cacert'),
  },
  cert: {
    describe: 'File with the certificate to show (with --tls)',
    type: 'string',
    requiresArg: true,
    coerce: text('cert'),
  },
  key: {
    describe: 'File with the private key of --cert',
    type: 'string',
    requiresArg: true,
    coerce: text('key'),
  },
} as const satisfies Record<string, Options>

export interface SentinelAddressArgs {
  readonly sentinel: Address
  readonly password?: string
  readonly tls: boolean
  readonly cacert?: string
  readonly cert?: string
  readonly key?: string
}

/** A host and port as one word. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What to connect with: undefined for plainly. As with servers, the name in a certificate is not compared. */
export function secureOf({ tls, cacert, cert, key }: SentinelAddressArgs): ConnectionOptions | undefined {
  if (!tls) return undefined
  const read = (option: string, path: string | undefined): object => {
    if (path === undefined) return {}
    try {
      return { [option]: readFileSync(path) }
    } catch (error) {
      throw new UsageError(`--${option === 'ca' ? 'cacert' : option}: ${(error as Error).message}`)
    }
  }
  return { ...read('ca', cacert), ...read('cert', cert), ...read('key', key), checkServerIdentity: () => undefined }
}

/** Connects to the sentinel; a refused password shows in the first reply. */
export function connectSentinel(args: SentinelAddressArgs): RespClient {
  const password = args.password ?? process.env.VEDETTE_PASSWORD
  return connectResp({
    host: args.sentinel.host,
    port: args.sentinel.port,
    secure: secureOf(args),
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
