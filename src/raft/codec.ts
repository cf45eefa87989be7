// Bytes of everything that Raft sends or stores: messages, entries, snapshots, memberships, hard state. The first byte
// is the version of the format, the second says what follows. Decoding garbage gives undefined: it never throws, and
// allocates no more than the input holds. encode(decode(bytes)) is bytes again, as every value has one encoding.
import { unreachable } from '../lib/assert.ts'
import { ID_LENGTH_MAX, MEMBERS_MAX } from '../lib/limits.ts'
import { membershipOf } from './membership.ts'
import type { Entry, EntryKind, HardState, Membership, Message, NodeId, Snapshot } from './messages.ts'
import { createReader, createWriter, type Reader, type Writer } from './wire.ts'

const VERSION = 1
/** Messages are of a version of their own: unlike the rest they are never stored. */
const MESSAGE_VERSION = 2

const KINDS = { hardState: 1, entry: 2, snapshot: 3, membership: 4, message: 5, level: 6 } as const
const ENTRY_KINDS: readonly EntryKind[] = ['normal', 'noop', 'config', 'level']
/** The order is the wire format: append only. */
const MESSAGE_TYPES: readonly Message['type'][] = [
  'pre-vote',
  'pre-vote-reply',
  'vote',
  'vote-reply',
  'append',
  'append-reply',
  'heartbeat',
  'heartbeat-reply',
  'snapshot',
  'timeout-now',
  'propose',
  'snapshot-reply',
]

const versionOf = (kind: number): number => (kind === KINDS.message ? MESSAGE_VERSION : VERSION)

function encode(kind: number, write: (writer: Writer) => void): Uint8Array {
  const writer = createWriter()
  writer.byte(versionOf(kind))
  writer.byte(kind)
  write(writer)
  return writer.finish()
}

function decode<T>(bytes: Uint8Array, kind: number, read: (reader: Reader) => T): T | undefined {
  const reader = createReader(bytes)
  if (reader.byte() !== versionOf(kind) || reader.byte() !== kind) return undefined
  const value = read(reader)
  return reader.done() ? value : undefined
}

/** A flag is 0 or 1 and nothing else. */
function readFlag(reader: Reader): boolean {
  const value = reader.byte()
  if (value > 1) reader.fail()
  return value === 1
}

const writeFlag = (writer: Writer, value: boolean): void => writer.byte(value ? 1 : 0)

/** An identity that must not be empty. */
function readId(reader: Reader): string {
  const id = reader.id(ID_LENGTH_MAX)
  if (id === '') reader.fail()
  return id
}

function writeEntry(writer: Writer, entry: Entry): void {
  writer.uint(entry.index)
  writer.uint(entry.term)
  writer.byte(ENTRY_KINDS.indexOf(entry.kind))
  writer.bytes(entry.data)
}

function readEntry(reader: Reader): Entry {
  const index = reader.uint()
  const term = reader.uint()
  const kind = ENTRY_KINDS[reader.byte()]
  const data = reader.bytes()
  if (kind === undefined || index === 0 || term === 0) reader.fail()
  if (kind === 'config' && decodeMembership(data) === undefined) reader.fail()
  if (kind === 'level' && decodeLevel(data) === undefined) reader.fail()
  return { index, term, kind: kind ?? 'normal', data }
}

function writeIds(writer: Writer, ids: readonly NodeId[]): void {
  writer.uint(ids.length)
  for (const id of ids) writer.id(id)
}

function readIds(reader: Reader): NodeId[] {
  const count = reader.uint()
  if (count > MEMBERS_MAX) reader.fail()
  const ids: NodeId[] = []
  for (let i = 0; i < count && reader.ok(); i++) ids.push(readId(reader))
  return ids
}

function writeMembership(writer: Writer, members: Membership): void {
  writeIds(writer, members.voters)
  writeIds(writer, members.learners)
}

const sameIds = (a: readonly NodeId[], b: readonly NodeId[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i])

function readMembership(reader: Reader): Membership {
  const voters = readIds(reader)
  const learners = readIds(reader)
  const canonical = membershipOf(voters, learners)
  if (!sameIds(canonical.voters, voters) || !sameIds(canonical.learners, learners)) reader.fail()
  return { voters, learners }
}

function writeSnapshot(writer: Writer, snapshot: Snapshot): void {
  writer.uint(snapshot.index)
  writer.uint(snapshot.term)
  writeMembership(writer, snapshot.membership)
  writer.uint(snapshot.level)
  writer.bytes(snapshot.data)
}

function readSnapshot(reader: Reader): Snapshot {
  const [index, term, membership] = [reader.uint(), reader.uint(), readMembership(reader)]
  return { index, term, membership, level: reader.uint(), data: reader.bytes() }
}

/** The clock and the promise that go with each word of a leader and each answer. */
function writeWord(writer: Writer, { sentMs, promiseMs }: { sentMs: number; promiseMs: number }): void {
  writer.double(sentMs)
  writer.double(promiseMs)
}

const readWord = (reader: Reader) => ({ sentMs: reader.double(), promiseMs: reader.double() })

function writeBody(writer: Writer, message: Message): void {
  switch (message.type) {
    case 'pre-vote':
      writer.uint(message.lastIndex)
      writer.uint(message.lastTerm)
      return writer.double(message.sentMs)
    case 'vote':
      writer.uint(message.lastIndex)
      writer.uint(message.lastTerm)
      return writeFlag(writer, message.force)
    case 'pre-vote-reply':
      writeFlag(writer, message.granted)
      return writer.double(message.sentMs)
    case 'vote-reply':
      return writeFlag(writer, message.granted)
    case 'append':
      writer.uint(message.prevIndex)
      writer.uint(message.prevTerm)
      writer.uint(message.commit)
      writeWord(writer, message)
      writer.uint(message.entries.length)
      for (const entry of message.entries) writeEntry(writer, entry)
      return
    case 'append-reply':
      writeFlag(writer, message.ok)
      writer.uint(message.index)
      writer.uint(message.hintIndex)
      writer.uint(message.hintTerm)
      return writeWord(writer, message)
    case 'heartbeat':
      writer.uint(message.commit)
      return writeWord(writer, message)
    case 'heartbeat-reply':
      writer.uint(message.levelMax)
      return writeWord(writer, message)
    case 'snapshot':
      writeWord(writer, message)
      writer.uint(message.offset)
      writer.uint(message.total)
      return writeSnapshot(writer, message.snapshot)
    case 'snapshot-reply':
      writer.uint(message.index)
      writer.uint(message.offset)
      return writeWord(writer, message)
    case 'timeout-now':
      return
    case 'propose':
      return writer.bytes(message.data)
    default:
      unreachable(message)
  }
}

function readEntries(reader: Reader): Entry[] {
  const count = reader.uint()
  const entries: Entry[] = []
  for (let i = 0; i < count && reader.ok(); i++) entries.push(readEntry(reader))
  return entries
}

function readBody(reader: Reader, type: Message['type'], to: Omit<Message, 'type'>): Message {
  switch (type) {
    case 'pre-vote':
      return { type, ...to, lastIndex: reader.uint(), lastTerm: reader.uint(), sentMs: reader.double() }
    case 'vote':
      return { type, ...to, lastIndex: reader.uint(), lastTerm: reader.uint(), force: readFlag(reader) }
    case 'pre-vote-reply':
      return { type, ...to, granted: readFlag(reader), sentMs: reader.double() }
    case 'vote-reply':
      return { type, ...to, granted: readFlag(reader) }
    case 'append': {
      const [prevIndex, prevTerm, commit] = [reader.uint(), reader.uint(), reader.uint()]
      const word = readWord(reader)
      return { type, ...to, prevIndex, prevTerm, commit, ...word, entries: readEntries(reader) }
    }
    case 'append-reply': {
      const ok = readFlag(reader)
      const [index, hintIndex, hintTerm] = [reader.uint(), reader.uint(), reader.uint()]
      return { type, ...to, ok, index, hintIndex, hintTerm, ...readWord(reader) }
    }
    case 'heartbeat':
      return { type, ...to, commit: reader.uint(), ...readWord(reader) }
    case 'heartbeat-reply':
      return { type, ...to, levelMax: reader.uint(), ...readWord(reader) }
    case 'snapshot':
      return {
        type,
        ...to,
        ...readWord(reader),
        offset: reader.uint(),
        total: reader.uint(),
        snapshot: readSnapshot(reader),
      }
    case 'snapshot-reply':
      return { type, ...to, index: reader.uint(), offset: reader.uint(), ...readWord(reader) }
    case 'timeout-now':
      return { type, ...to }
    case 'propose':
      return { type, ...to, data: reader.bytes() }
    default:
      return unreachable(type)
  }
}

function readMessage(reader: Reader): Message | undefined {
  const type = MESSAGE_TYPES[reader.byte()]
  if (type === undefined) return undefined
  const to = { group: readId(reader), from: readId(reader), to: readId(reader), term: reader.uint() }
  return readBody(reader, type, to)
}

/** Bytes of a message; all stay near maxAppendBytes or snapshotPartBytes. */
export const encodeMessage = (message: Message): Uint8Array =>
  encode(KINDS.message, (writer) => {
    writer.byte(MESSAGE_TYPES.indexOf(message.type))
    writer.id(message.group)
    writer.id(message.from)
    writer.id(message.to)
    writer.uint(message.term)
    writeBody(writer, message)
  })

/** The message, or undefined for bytes that are none. */
export const decodeMessage = (bytes: Uint8Array): Message | undefined => decode(bytes, KINDS.message, readMessage)

export const encodeEntry = (entry: Entry): Uint8Array => encode(KINDS.entry, (writer) => writeEntry(writer, entry))
export const decodeEntry = (bytes: Uint8Array): Entry | undefined => decode(bytes, KINDS.entry, readEntry)

export const encodeSnapshot = (snapshot: Snapshot): Uint8Array =>
  encode(KINDS.snapshot, (writer) => writeSnapshot(writer, snapshot))
export const decodeSnapshot = (bytes: Uint8Array): Snapshot | undefined => decode(bytes, KINDS.snapshot, readSnapshot)

/** The data of a config entry. */
export const encodeMembership = (members: Membership): Uint8Array =>
  encode(KINDS.membership, (writer) => writeMembership(writer, members))
export const decodeMembership = (bytes: Uint8Array): Membership | undefined =>
  decode(bytes, KINDS.membership, readMembership)

export const encodeHardState = (state: HardState): Uint8Array =>
  encode(KINDS.hardState, (writer) => {
    writer.uint(state.term)
    writer.id(state.vote ?? '')
    writer.uint(state.commit)
    writer.double(state.promiseMs)
  })
export const decodeHardState = (bytes: Uint8Array): HardState | undefined =>
  decode(bytes, KINDS.hardState, (reader) => {
    const term = reader.uint()
    const vote = reader.id(ID_LENGTH_MAX)
    return { term, vote: vote === '' ? undefined : vote, commit: reader.uint(), promiseMs: reader.double() }
  })

/** The data of a level entry. */
export const encodeLevel = (level: number): Uint8Array => encode(KINDS.level, (writer) => writer.uint(level))
/** The level, at least 1. */
export const decodeLevel = (bytes: Uint8Array): number | undefined =>
  decode(bytes, KINDS.level, (reader) => reader.uint()) || undefined
