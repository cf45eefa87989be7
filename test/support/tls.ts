// Certificates for tests, made by the openssl program: an authority, a certificate that it signed for every purpose, and one of a
// stranger. And who is to be spoken to by TLS: the support files ask here, so that a test need not say it at every call.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'

export interface TestTls {
  readonly folder: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Of a stranger, whom nobody vouches for. */
  readonly strangerCert: string
  readonly strangerKey: string
  /** `--tls-cert-file …` and so on. */
  readonly args: readonly string[]
  /** The same as lines of a file. */
  readonly lines: readonly string[]
  /** For redis-cli and redis-benchmark. */
  readonly cli: readonly string[]
  readonly client: ConnectionOptions
}

const openssl = (folder: string, ...args: string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate `name.crt` with `name.key`, signed by ca.crt; valid for so many days. */
export function issue(folder: string, name: string, days = 30): void {
  openssl(folder, 'req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial']
  openssl(folder, 'x509', '-req', '-in', `${name}.csr`, ...by, '-days', String(days), '-out', `${name}.crt`)
}

/** Makes all that a test needs in an empty folder. */
export function makeCertificates(folder: string): TestTls {
  for (const name of ['ca', 'stranger'])
    openssl(folder, 'req', '-x509', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`)
  issue(folder, 'own')
  const [ca, cert, key] = ['ca.crt', 'own.crt', 'own.key'].map((name) => join(folder, name)) as [string, string, string]
  const options = [
    ['tls-cert-file', cert],
    ['tls-key-file', key],
    ['tls-ca-cert-file', ca],
  ] as const
  return {
    folder,
    ca,
    cert,
    key,
    strangerCert: join(folder, 'stranger.crt'),
    strangerKey: join(folder, 'stranger.key'),
    args: options.flatMap(([name, value]) => [`--${name}`, value]),
    lines: options.map(([name, value]) => `${name} ${value}`),
    cli: ['--tls', '--cacert', ca, '--cert', cert, '--key', key],
    client: {
      ca: readFileSync(ca),
      cert: readFileSync(cert),
      key: readFileSync(key),
      checkServerIdentity: () => undefined,
    },
  }
}

const secured = new Map<number, ConnectionOptions>()

/** From now on this port is spoken to by TLS. */
export const speakTls = (port: number, { client }: TestTls): void => void secured.set(port, client)

/** What to speak to a port with; undefined: plainly. */
export const tlsOf = (port: number): ConnectionOptions | undefined => secured.get(port)
