// What the options of TLS come to, and what is wrong with them, in words.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createConfigStore } from '../../../src/config/store.ts'
import { TLS_OPTIONS, type TlsOptions } from '../../../src/config/tls-options.ts'
import { readCredentials } from '../../../src/io/tls/credentials.ts'
import { issue, makeCertificates, type TestTls } from '../../support/tls.ts'

let folder: string
let made: TestTls
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-tls-'))
  made = makeCertificates(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = (given: Partial<TlsOptions> = {}, unless?: string) =>
  readCredentials(
    {
      ...createConfigStore(TLS_OPTIONS).values,
      'tls-cert-file': made.cert,
      'tls-key-file': made.key,
      'tls-ca-cert-file': made.ca,
      ...given,
    },
    unless,
  )

it('asks for certificates as tls-auth-clients says', () => {
  expect(read()!.accepting).toMatchObject({ requestCert: true, rejectUnauthorized: true })
  expect(read({ 'tls-auth-clients': 'optional' })!.accepting).toMatchObject({
    requestCert: true,
    rejectUnauthorized: false,
  })
  expect(read({ 'tls-auth-clients': 'no' })!.accepting).toMatchObject({ requestCert: false })
})

it('says what is wrong', () => {
  const wrong: [Partial<TlsOptions>, RegExp][] = [
    [{ 'tls-cert-file': '' }, /^No tls-cert-file configured!$/],
    [{ 'tls-key-file': '' }, /^No tls-key-file configured!$/],
    [{ 'tls-client-cert-file': made.cert }, /^No tls-client-key-file configured!$/],
    [{ 'tls-ca-cert-file': '', 'tls-port': 1 }, /^Either tls-ca-cert-file or tls-ca-cert-dir must be specified/],
    [{ 'tls-ca-cert-file': '', 'tls-auth-clients': 'no', 'tls-replication': true }, /^Either tls-ca-cert-file/],
    [{ 'tls-cert-file': join(folder, 'nowhere') }, /^Failed to load certificate: .*ENOENT/],
    [{ 'tls-cert-file': made.key }, /^Failed to load certificate/],
    [{ 'tls-key-file': made.strangerKey }, /^Failed to load private key: .*mismatch/],
    [{ 'tls-key-file': made.cert }, /^Failed to load private key/],
    [{ 'tls-ca-cert-dir': join(folder, 'nowhere') }, /^Failed to configure CA certificate/],
    [{ 'tls-protocols': 'TLSv1.2 SSLv3' }, /^Invalid tls-protocols specified/],
    [{ 'tls-ciphers': 'NONE-SUCH' }, /^Failed to configure ciphers/],
    [{ 'tls-ciphersuites': 'AES' }, /^Failed to configure ciphersuites/],
    [{ 'tls-dh-params-file': join(folder, 'nowhere') }, /^Failed to load DH params file/],
  ]
  for (const [given, words] of wrong) expect(() => read(given), JSON.stringify(given)).toThrow(words)
  expect(read({ 'tls-ca-cert-file': '', 'tls-auth-clients': 'no', 'tls-port': 1 })!.accepting.ca).toBeUndefined()
})

it('takes authorities from a folder, and knows what expires first', () => {
  const authorities = join(folder, 'authorities')
  mkdirSync(authorities)
  expect(read({ 'tls-ca-cert-file': '', 'tls-ca-cert-dir': authorities })!.accepting.ca).toEqual([])
  symlinkSync(made.ca, join(authorities, 'a.pem'))
  symlinkSync(made.strangerCert, join(authorities, 'b.pem'))
  expect(read({ 'tls-ca-cert-file': '', 'tls-ca-cert-dir': authorities })!.accepting.ca).toHaveLength(2)
  issue(folder, 'short', 2)
  const [cert, key] = [join(folder, 'short.crt'), join(folder, 'short.key')]
  const { expiries } = read({ 'tls-client-cert-file': cert, 'tls-client-key-file': key })!
  expect([...expiries.keys()]).toEqual(['tls-cert-file', 'tls-client-cert-file', 'tls-ca-cert-file'])
  const [own, client] = [...expiries.values()] as [number, number]
  expect(Math.round((own - client) / 86_400_000)).toBe(28)
})

it('tells the same files from others, also when a link leads elsewhere', () => {
  issue(folder, 'next')
  for (const [version, name] of [
    ['v1', 'own'],
    ['v2', 'next'],
  ] as const) {
    mkdirSync(join(folder, version))
    for (const kind of ['crt', 'key'])
      symlinkSync(join(folder, `${name}.${kind}`), join(folder, version, `tls.${kind}`))
  }
  symlinkSync('v1', join(folder, 'data'))
  const given = { 'tls-cert-file': join(folder, 'data/tls.crt'), 'tls-key-file': join(folder, 'data/tls.key') }
  const { digest } = read(given)!
  expect(read(given, digest)).toBeUndefined()
  // As a kubelet does it.
  symlinkSync('v2', join(folder, 'data_new'))
  renameSync(join(folder, 'data_new'), join(folder, 'data'))
  expect(read(given, digest)!.digest).not.toBe(digest)
  writeFileSync(join(folder, 'own.crt'), '')
  expect(read(given)).toBeDefined()
})
