// From the options of TLS to what Node takes: reads certificates, keys and authorities, and tries whether they belong together.
// What is wrong is an Error in the words of redis-server's log.
import { constants, createHash, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'
import type { TlsOptions } from '../../config/tls-options.ts'

/** Unix times in milliseconds at which certificates expire, by the option that names their file. */
export type Expiries = ReadonlyMap<string, number>

/** What a process shows others, and whom it believes; read at one time. */
export interface Credentials {
  /** For connections that come in. */
  readonly accepting: tls.SecureContextOptions & { readonly requestCert: boolean; readonly rejectUnauthorized: boolean }
  /** For those that are made. The chain is verified, the name in the certificate is not, as with Redis: servers are known by address. */
  readonly dialling: tls.ConnectionOptions
  /** Of several certificates in a file the first to expire. */
  readonly expiries: Expiries
  /** Of all that was read: the same again, the same files. */
  readonly digest: string
}

/** Reads all files anew; undefined if they are those of this digest. */
export function readCredentials(options: Readonly<TlsOptions>, unless = ''): Credentials | undefined {
  const files = new Reader()
  const own = files.pair(options, 'tls-cert-file', 'tls-key-file', 'tls-key-file-pass')
  const client =
    options['tls-client-cert-file'] === ''
      ? own
      : files.pair(options, 'tls-client-cert-file', 'tls-client-key-file', 'tls-client-key-file-pass')
  const ca = files.authorities(options)
  const dh = options['tls-dh-params-file']
  const dhparam = dh === '' ? undefined : files.read(dh, 'Failed to load DH params file')
  const digest = files.digest()
  if (digest === unless) return undefined
  const common = {
    ca,
    ...versions(options['tls-protocols']),
    ciphers: ciphers(options),
    honorCipherOrder: options['tls-prefer-server-ciphers'],
    sessionTimeout: options['tls-session-cache-timeout'],
    ...(dhparam === undefined ? {} : { dhparam }),
  }
  if (!options['tls-session-caching']) common.secureOptions |= constants.SSL_OP_NO_TICKET
  const auth = options['tls-auth-clients']
  tryContext({ ...common, ...own }, options['tls-key-file'])
  if (client !== own) tryContext({ ...common, ...client }, options['tls-client-key-file'])
  return {
    accepting: { ...common, ...own, requestCert: auth !== 'no', rejectUnauthorized: auth === 'yes' },
    dialling: {
      secureContext: tls.createSecureContext({ ...common, ...client }),
      rejectUnauthorized: true,
      checkServerIdentity: () => undefined,
    },
    expiries: expiries(own.cert, client === own ? undefined : client.cert, ca),
    digest,
  }
}

/** A certificate, its key, and the key's password. */
interface Pair {
  readonly cert: string
  readonly key: string
  readonly passphrase?: string
}

/** Reads files and remembers what they were. */
class Reader {
  private readonly hash = createHash('sha256')

  read(path: string, failure: string): string {
    try {
      const text = readFileSync(path, 'utf8')
      this.hash.update(`${text.length}:`).update(text)
      return text
    } catch (error) {
      throw new Error(`${failure}: ${path}: ${(error as Error).message}`)
    }
  }

  pair(
    options: Readonly<TlsOptions>,
    cert: 'tls-cert-file' | 'tls-client-cert-file',
    key: 'tls-key-file' | 'tls-client-key-file',
    pass: 'tls-key-file-pass' | 'tls-client-key-file-pass',
  ): Pair {
    const { [cert]: certFile, [key]: keyFile, [pass]: passphrase } = options
    if (certFile === '') throw new Error(`No ${cert} configured!`)
    if (keyFile === '') throw new Error(`No ${key} configured!`)
    return {
      cert: this.read(certFile, 'Failed to load certificate'),
      key: this.read(keyFile, 'Failed to load private key'),
      ...(passphrase === '' ? {} : { passphrase }),
    }
  }

  /** Undefined when none are named, which is only right where nobody is verified. */
  authorities(options: Readonly<TlsOptions>): string[] | undefined {
    const [file, folder] = [options['tls-ca-cert-file'], options['tls-ca-cert-dir']]
    if (file === '' && folder === '') {
      const asked = options['tls-port'] !== 0 && options['tls-auth-clients'] !== 'no'
      if (!asked && !options['tls-replication'] && !options['tls-cluster']) return undefined
      throw new Error(
        'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!',
      )
    }
    const failure = 'Failed to configure CA certificate(s) file/directory'
    const texts = file === '' ? [] : [this.read(file, failure)]
    if (folder !== '') texts.push(...this.folder(folder, failure))
    const found = texts.flatMap(certificatesIn)
    for (const pem of found) certificateOf(pem, failure)
    return found
  }

  digest(): string {
    return this.hash.copy().digest('hex')
  }

  private folder(path: string, failure: string): string[] {
    try {
      const names = readdirSync(path, { withFileTypes: true }).filter((one) => !one.isDirectory())
      return names
        .map(({ name }) => name)
        .sort()
        .filter((name) => !name.startsWith('.'))
        .map((name) => this.read(join(path, name), failure))
    } catch (error) {
      throw new Error(`${failure}: ${path}: ${(error as Error).message}`)
    }
  }
}

const certificatesIn = (text: string): string[] =>
  text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g) ?? []

function certificateOf(pem: string, failure: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new Error(`${failure}: ${(error as Error).message}`)
  }
}

/** Whether certificate, key and ciphers go together. */
function tryContext(options: tls.SecureContextOptions, keyFile: string): void {
  try {
    tls.createSecureContext({ ...options, ciphers: undefined })
  } catch (error) {
    const { message } = error as Error
    const isCertificate =
      /PEM_read_bio|no start line|PEM routines/i.test(message) && certificatesIn(String(options.cert)).length === 0
    throw new Error(`Failed to load ${isCertificate ? 'certificate' : `private key: ${keyFile}`}: ${message}`)
  }
  try {
    tls.createSecureContext(options)
  } catch (error) {
    throw new Error(`Failed to configure ciphers: ${options.ciphers}: ${(error as Error).message}`)
  }
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
type Version = (typeof VERSIONS)[number]
const NOT: Readonly<Record<Version, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  'TLSv1.1': constants.SSL_OP_NO_TLSv1_1,
  'TLSv1.2': constants.SSL_OP_NO_TLSv1_2,
  'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
}

/** The range of the versions, and as flags those within it that are not wanted. */
function versions(text: string): { minVersion: Version; maxVersion: Version; secureOptions: number } {
  const words = text.trim() === '' ? ['tlsv1.2', 'tlsv1.3'] : text.trim().toLowerCase().split(/\s+/)
  const wanted = VERSIONS.filter((version) => words.includes(version.toLowerCase()))
  if (wanted.length !== new Set(words).size)
    throw new Error(`Invalid tls-protocols specified. Use a combination of '${VERSIONS.join("', '")}'.`)
  const secureOptions = VERSIONS.filter((version) => !wanted.includes(version)).reduce(
    (bits, one) => bits | NOT[one],
    0,
  )
  return { minVersion: wanted[0]!, maxVersion: wanted.at(-1)!, secureOptions }
}

const isSuite = (name: string): boolean => name.startsWith('TLS_')
const USUAL = tls.DEFAULT_CIPHERS.split(':')

/** Node has the ciphers of all versions in one list. */
function ciphers({ 'tls-ciphers': older, 'tls-ciphersuites': newer }: Readonly<TlsOptions>): string {
  const suites = newer === '' ? USUAL.filter(isSuite) : newer.split(':')
  if (!suites.every(isSuite)) throw new Error(`Failed to configure ciphersuites: ${newer}`)
  const others = older === '' ? USUAL.filter((name) => !isSuite(name)) : older.split(':')
  return [...suites, ...others].join(':')
}

function expiries(own: string, client: string | undefined, ca: readonly string[] | undefined): Expiries {
  const first = (texts: readonly string[]): number =>
    Math.min(...texts.flatMap(certificatesIn).map((pem) => Date.parse(new X509Certificate(pem).validTo)))
  return new Map([
    ['tls-cert-file', first([own])],
    ...(client === undefined ? [] : [['tls-client-cert-file', first([client])] as const]),
    ...(ca === undefined || ca.length === 0 ? [] : [['tls-ca-cert-file', first(ca)] as const]),
  ])
}
