// The key file: made once, read ever after, libp2p agrees on the ID, and a damaged file is never replaced.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import '../../../../src/io/polyfill.ts'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generatePeerKey, isPeerId, loadOrCreatePeerKey } from '../../../../src/io/gossip/identity.ts'
import { StateFileError } from '../../../../src/io/state/store.ts'

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vedette-key-'))
  file = join(directory, 'peer.key')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('a peer key', () => {
  it('is libp2p’s: same ID, same bytes', async () => {
    const key = generatePeerKey()
    const theirs = privateKeyFromProtobuf(key.protobuf)
    expect(peerIdFromPrivateKey(theirs).toString()).toBe(key.peerId)
    expect(privateKeyToProtobuf(theirs)).toEqual(Uint8Array.from(key.protobuf))
    const other = await generateKeyPair('Ed25519')
    writeFileSync(file, privateKeyToProtobuf(other))
    expect(loadOrCreatePeerKey(file).peerId).toBe(peerIdFromPrivateKey(other).toString())
  })

  it('is made once, readable by its owner only, with nothing left beside it', () => {
    const key = loadOrCreatePeerKey(file)
    expect(loadOrCreatePeerKey(file)).toEqual({ ...key, protobuf: Uint8Array.from(key.protobuf) })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(directory)).toEqual(['peer.key'])
    expect(generatePeerKey().peerId).not.toBe(key.peerId)
  })

  it('that is damaged anywhere is refused and left as it is', () => {
    const { protobuf } = loadOrCreatePeerKey(file)
    const refuse = (bytes: Uint8Array): void => {
      writeFileSync(file, bytes)
      const load = (): unknown => loadOrCreatePeerKey(file)
      expect(load).toThrow(StateFileError)
      expect(load).toThrow(file)
      expect(readFileSync(file)).toEqual(Buffer.from(bytes))
    }
    for (let at = 0; at < protobuf.length; at++) {
      const damaged = Uint8Array.from(protobuf)
      damaged[at]! ^= 1 << (at % 8)
      refuse(damaged)
    }
    refuse(new Uint8Array(0))
    refuse(protobuf.subarray(0, 40))
    refuse(Buffer.concat([protobuf, Buffer.from('x')]))
  })

  it('that cannot be read or made says which file', () => {
    mkdirSync(file)
    expect(() => loadOrCreatePeerKey(file)).toThrow(file)
    expect(() => loadOrCreatePeerKey(join(directory, 'absent', 'peer.key'))).toThrow('absent')
  })
})

describe('isPeerId', () => {
  it('knows Ed25519 IDs from everything else', () => {
    for (let i = 0; i < 20; i++) expect(isPeerId(generatePeerKey().peerId)).toBe(true)
    const { peerId } = generatePeerKey()
    for (const text of ['', 'x', '12D3KooW', peerId.slice(1), `${peerId}1`, peerId.replace(/.$/, '0'), '1'.repeat(50)])
      expect(isPeerId(text)).toBe(false)
    expect(isPeerId('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N')).toBe(false)
    expect(isPeerId('z'.repeat(1_000_000))).toBe(false)
  })
})
