// The options of TLS, which server and sentinel have alike: one table, which both of theirs include.
import { mutable, type OptionValues } from './option.ts'
import { bool, int, oneOf, port, string } from './values.ts'

export const TLS_OPTIONS = {
  'tls-port': mutable(
    port,
    '0',
    'TCP port of the Redis protocol over TLS, beside `port`; with `port 0` in its place. 0: none.',
  ),
  'tls-cert-file': mutable(string, '', 'Certificate (PEM) of this process, followed by those between it and the root.'),
  'tls-key-file': mutable(string, '', 'Private key (PEM) of tls-cert-file.'),
  'tls-key-file-pass': mutable(string, '', 'Password of tls-key-file.', { secret: true }),
  'tls-client-cert-file': mutable(
    string,
    '',
    'Certificate for connections that this process makes; empty: tls-cert-file.',
  ),
  'tls-client-key-file': mutable(string, '', 'Private key of tls-client-cert-file.'),
  'tls-client-key-file-pass': mutable(string, '', 'Password of tls-client-key-file.', { secret: true }),
  'tls-dh-params-file': mutable(
    string,
    '',
    'Parameters (PEM) of Diffie-Hellman for TLS 1.2; empty: elliptic curves only.',
  ),
  'tls-ca-cert-file': mutable(string, '', 'Certificates (PEM) of the authorities whose certificates are believed.'),
  'tls-ca-cert-dir': mutable(string, '', 'Directory of such files; all of them are read.'),
  'tls-auth-clients': mutable(
    oneOf(['no', 'yes', 'optional']),
    'yes',
    'Whether clients must show a certificate. optional: they may, and then it must be good.',
  ),
  'tls-replication': mutable(
    bool,
    'no',
    'Connect by TLS: a replica to its primary, servers to sentinels, sentinels to servers. tls-port is then what others are told.',
  ),
  'http-tls': mutable(
    bool,
    'no',
    'Metrics, health and console over HTTPS, with tls-cert-file; clients are not asked for a certificate.',
    {
      needsRestart: true,
    },
  ),
  'tls-cluster': mutable(bool, 'no', 'MIGRATE connects to the other server by TLS (there is no cluster yet).'),
  'tls-protocols': mutable(
    string,
    '',
    'Versions of TLS, as "TLSv1.2 TLSv1.3" (which is what empty means); TLSv1 and TLSv1.1 are known too.',
  ),
  'tls-ciphers': mutable(string, '', 'Ciphers of TLS 1.2 and older, as OpenSSL lists them; empty: the usual ones.'),
  'tls-ciphersuites': mutable(string, '', 'Ciphers of TLS 1.3; empty: the usual ones.'),
  'tls-prefer-server-ciphers': mutable(bool, 'no', 'The server chooses the cipher, not the client.'),
  'tls-session-caching': mutable(bool, 'yes', 'A client that comes back may resume its session, which is quicker.'),
  'tls-session-cache-size': mutable(int(0), '20480', 'Sessions to keep.', {
    inert: 'a session is kept by its client, as a ticket',
  }),
  'tls-session-cache-timeout': mutable(int(0), '300', 'Seconds for which a session can be resumed.'),
} as const

/** Their values, as server and sentinel have them. */
export type TlsOptions = OptionValues<typeof TLS_OPTIONS>

/** Whether anything goes by TLS. */
export const needsTls = (options: Readonly<TlsOptions>): boolean =>
  options['tls-port'] !== 0 || options['tls-replication'] || options['tls-cluster'] || options['http-tls']
