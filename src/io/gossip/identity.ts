// Who a sentinel is to its peers: an Ed25519 key in a file, in libp2p's protobuf form, and the peer ID that follows from it.
// Made with node:crypto, so that the ID is known long before libp2p is loaded.
// Invariant: an existing file is never replaced. A damaged one is an error: a new identity would be a new voter.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { randomHex } from '../entropy.ts'
import { StateFileError } from '../state/store.ts'

export interface PeerKey {
  /** The base58 form that begins with 12D3KooW. */
  readonly peerId: string
  /** libp2p's PrivateKey message. */
  readonly protobuf: Uint8Array
}

// PrivateKey { Type = 1: Ed25519 (1), Data = 2: 64 bytes: seed, public key }
const PRIVATE_PREFIX = Buffer.from([0x08, 0x01, 0x12, 0x40])
// An identity multihash (0x00, 36 bytes) of PublicKey { Type = 1: Ed25519, Data = 2: 32 bytes }
const PEER_ID_PREFIX = Buffer.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20])
// PKCS #8 of an Ed25519 seed (RFC 8410)
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SEED_BYTES = 32

/** Reads the key, or makes it durably when there is none. Throws StateFileError ('corrupt', 'io') that names the file. */
export function loadOrCreatePeerKey(file: string): PeerKey {
  try {
    return parse(readFileSync(file), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asStateError(error, file)
  }
  const key = generatePeerKey()
  try {
    writeNew(file, key.protobuf)
  } catch (error) {
    throw asStateError(error, file)
  }
  return key
}

/** A fresh key, kept nowhere. */
export function generatePeerKey(): PeerKey {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const seed = Buffer.from(jwk.d!, 'base64url')
  const publicKey = Buffer.from(jwk.x!, 'base64url')
  return { peerId: peerIdOf(publicKey), protobuf: Buffer.concat([PRIVATE_PREFIX, seed, publicKey]) }
}

/** Whether the text has the form of an Ed25519 peer ID. */
export function isPeerId(text: string): boolean {
  const bytes = text.length > 64 ? undefined : fromBase58(text)
  return bytes?.length === PEER_ID_PREFIX.length + 32 && bytes.subarray(0, PEER_ID_PREFIX.length).equals(PEER_ID_PREFIX)
}

function parse(bytes: Buffer, file: string): PeerKey {
  const seed = bytes.subarray(PRIVATE_PREFIX.length, PRIVATE_PREFIX.length + SEED_BYTES)
  const publicKey = bytes.subarray(PRIVATE_PREFIX.length + SEED_BYTES)
  const wellFormed =
    bytes.length === PRIVATE_PREFIX.length + 2 * SEED_BYTES &&
    bytes.subarray(0, PRIVATE_PREFIX.length).equals(PRIVATE_PREFIX) &&
    publicKeyOf(seed).equals(publicKey)
  if (!wellFormed)
    throw new StateFileError(
      'corrupt',
      file,
      `${file} is damaged: it holds no Ed25519 key. A new key would make this sentinel another member of its group. ` +
        'Restore the file, or delete its directory to join again as a new sentinel.',
    )
  return { peerId: peerIdOf(publicKey), protobuf: Uint8Array.from(bytes) }
}

function publicKeyOf(seed: Buffer): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url')
}

function peerIdOf(publicKey: Buffer): string {
  return toBase58(Buffer.concat([PEER_ID_PREFIX, publicKey]))
}

/** The file appears under its name whole and synced, or not at all; link fails where rename would replace. */
function writeNew(file: string, bytes: Uint8Array): void {
  const temporary = `${file}.${randomHex(8)}`
  try {
    const fd = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(fd, bytes)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    linkSync(temporary, file)
  } finally {
    rmSync(temporary, { force: true })
  }
  const directory = openSync(dirname(file), 'r')
  fsyncSync(directory)
  closeSync(directory)
}

function asStateError(error: unknown, file: string): StateFileError {
  if (error instanceof StateFileError) return error
  return new StateFileError('io', file, `cannot use ${file}: ${(error as Error).message}`, { cause: error })
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function toBase58(bytes: Buffer): string {
  let value = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  for (; value > 0n; value /= 58n) text = ALPHABET[Number(value % 58n)] + text
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return '1'.repeat(zeros) + text
}

function fromBase58(text: string): Buffer | undefined {
  let value = 0n
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter)
    if (digit < 0) return undefined
    value = value * 58n + BigInt(digit)
  }
  const hex = value === 0n ? '' : value.toString(16)
  const zeros = /^1*/.exec(text)![0].length
  return Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')])
}
