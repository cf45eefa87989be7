// How many sentinels there may be and how long what they tell each other may be: the one table that Raft, sentinel, transport and
// disk take these limits from. Invariant: the limits fit into each other (asserted below), so that what one part lets in
// no other part drops. Whoever refuses something because of a limit says so, with the number.
import { assert } from './assert.ts'

/** Members of one group, voters and learners together, this sentinel included. */
export const MEMBERS_MAX = 64
/** Sentinels that may found a group together; leaves room for one that takes the place of another. */
export const FOUNDERS_MAX = 63
/** Other sentinels that one talks to: those that it knows, those that it tries, and those that it knew once. */
export const PEERS_MAX = 127
/** Sentinels that are tried at a time because somebody published their hello. */
export const HINTS_MAX = 32
/** Sentinels that were forgotten and may come back. */
export const FORMER_MAX = 16
/** Those that have proven who they are: members, and those that want to be. */
export const KNOWN_MAX = PEERS_MAX - HINTS_MAX - FORMER_MAX
/** Connections that the transport keeps: now and then a pair has two for a moment. */
export const CONNECTIONS_MAX = 192
/** Topics that a peer may subscribe to: one inbox for each sentinel, and the one for all. */
export const TOPICS_MAX = PEERS_MAX + 2
/** Characters of an identity: of a peer, or of a group. */
export const ID_LENGTH_MAX = 128

/** The longest pause of automatic failovers, ms: one that was forgotten must not last. */
export const PAUSE_MAX_MS = 24 * 60 * 60 * 1000

/** Longest message between two sentinels; the transport cuts it into pieces. */
export const MESSAGE_BYTES_MAX = 4 << 20
/** Longest piece: well under gossipsub's limits, and short enough not to hold up heartbeats for long. */
export const PIECE_BYTES_MAX = 256 << 10
export const PIECES_MAX = 16
/** Pieces of unfinished messages that one sentinel keeps, of all peers together. */
export const UNFINISHED_BYTES_MAX = 32 << 20
/** Largest RPC of gossipsub, which holds one piece or several short messages. */
export const RPC_BYTES_MAX = 1 << 20
/** Longest entry of the Raft log, and the most entry data in one message (one entry always fits). */
export const ENTRY_BYTES_MAX = 256 << 10
/** A longer snapshot travels in parts of this length. */
export const SNAPSHOT_PART_BYTES = 192 << 10
/** Longest snapshot that a follower puts together: what a part announces is believed up to here. */
export const SNAPSHOT_BYTES_MAX = 64 << 20

assert(FOUNDERS_MAX < MEMBERS_MAX, 'limits: after its founding a group must have room for one more')
assert(MEMBERS_MAX <= KNOWN_MAX, 'limits: every member must be known to every other, and one that takes a place')
assert(PEERS_MAX < CONNECTIONS_MAX, 'limits: every peer needs a connection, and a second one for a moment')
assert(PIECE_BYTES_MAX * PIECES_MAX === MESSAGE_BYTES_MAX, 'limits: the pieces of the longest message must be allowed')
assert(UNFINISHED_BYTES_MAX >= 2 * MESSAGE_BYTES_MAX, 'limits: two long messages may come at a time')
assert(PIECE_BYTES_MAX < RPC_BYTES_MAX, 'limits: a piece must fit into an RPC')
assert(2 * ENTRY_BYTES_MAX < MESSAGE_BYTES_MAX, 'limits: an append of one long entry must fit into a message')
assert(SNAPSHOT_PART_BYTES + 2 * MEMBERS_MAX * ID_LENGTH_MAX < PIECE_BYTES_MAX, 'limits: a part is one piece')
assert(SNAPSHOT_BYTES_MAX >= MESSAGE_BYTES_MAX, 'limits: what travels in parts may be longer than what travels whole')
