// LZF compression in the stream format of liblzf, which RDB files and DUMP payloads use for longer strings. The
// compressor takes the same decisions as the one Redis carries (65,536 hash slots, two positions re-hashed after a
// match), so that a DUMP payload is byte for byte the same.
//
// The stream is a sequence of
//   000lllll, then lllll + 1 literal bytes
//   lllooooo oooooooo, a copy of lll + 2 bytes (1 ≤ lll ≤ 6) that begin ooooo oooooooo + 1 bytes back
//   111ooooo llllllll oooooooo, a copy of llllllll + 9 bytes
//
// Invariant: neither direction reads or writes outside the ranges it is given, whatever the input says.

const HASH_SLOTS = 1 << 16
const LITERALS_MAX = 1 << 5
const DISTANCE_MAX = 1 << 13
const MATCH_MAX = (1 << 8) + (1 << 3)

/** Thrown by lzfDecompress for a stream that is cut short, points before its start or has another length than told. */
export class LzfError extends Error {
  override readonly name = 'LzfError'
}

// A slot holds `generation + position`; whatever is below the current generation was left by an earlier call, so that
// the table needs no clearing for every short string.
const slots = new Uint32Array(HASH_SLOTS)
let generation = 1

function beginGeneration(length: number): number {
  if (generation + length > 0xffffffff) {
    slots.fill(0)
    generation = 1
  }
  const base = generation
  generation += length
  return base
}

/** The slot of three bytes packed into 24 bits. */
function slotOf(three: number): number {
  return ((three >>> 8) - Math.imul(three, 5)) & (HASH_SLOTS - 1)
}

/**
 * How many bytes agree from `a` and `b` on; the first three are known to. `rest` are left from `b` on. A match may reach
 * the last two bytes only if it is exactly as long as the 16 comparisons that liblzf makes without looking at the limit.
 */
function matchLength(bytes: Uint8Array, a: number, b: number, rest: number): number {
  const limit = Math.min(rest - 2, MATCH_MAX)
  const max = limit > 16 ? Math.max(limit, 19) : limit
  let length = 3
  while (length < max && bytes[a + length] === bytes[b + length]) length++
  return length
}

/**
 * Compresses from[start, end) into into[at, limit). Returns the compressed length, or 0 when it does not fit: give
 * `limit` as what a compression must save to be worth it.
 */
export function lzfCompress(
  from: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
  limit: number,
): number {
  if (end - start < 4 || limit - at < 4) return 0
  const base = beginGeneration(end - start)
  const last = end - 2
  let position = start
  let out = at + 1 // one byte is kept free for the count of the literals that follow
  let literals = 0
  while (position < last) {
    const three = (from[position]! << 16) | (from[position + 1]! << 8) | from[position + 2]!
    const slot = slotOf(three)
    const earlier = slots[slot]! - base + start
    slots[slot] = position - start + base
    const distance = position - earlier - 1
    const matches =
      earlier > start &&
      distance < DISTANCE_MAX &&
      from[earlier] === from[position] &&
      from[earlier + 1] === from[position + 1] &&
      from[earlier + 2] === from[position + 2]
    if (!matches) {
      if (out >= limit) return 0
      into[out++] = from[position++]!
      if (++literals === LITERALS_MAX) {
        into[out - literals - 1] = literals - 1
        literals = 0
        out++
      }
      continue
    }
    if (out + 4 >= limit && out - (literals === 0 ? 1 : 0) + 4 >= limit) return 0
    if (literals === 0) out--
    else into[out - literals - 1] = literals - 1
    const copied = matchLength(from, earlier, position, end - position) - 2
    if (copied < 7) into[out++] = (copied << 5) | (distance >>> 8)
    else {
      into[out++] = (7 << 5) | (distance >>> 8)
      into[out++] = copied - 7
    }
    into[out++] = distance & 0xff
    literals = 0
    out++
    position += copied + 2
    if (position >= last) break
    for (let again = position - 2; again < position; again++) {
      const three = (from[again]! << 16) | (from[again + 1]! << 8) | from[again + 2]!
      slots[slotOf(three)] = again - start + base
    }
  }
  if (out + 3 > limit) return 0
  while (position < end) {
    into[out++] = from[position++]!
    if (++literals === LITERALS_MAX) {
      into[out - literals - 1] = literals - 1
      literals = 0
      out++
    }
  }
  if (literals === 0) out--
  else into[out - literals - 1] = literals - 1
  return out - at
}

/**
 * Decompresses from[start, end) into into[at, limit), which it must fill exactly.
 * @throws LzfError if it does not, or if the stream is damaged.
 */
export function lzfDecompress(
  from: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
  limit: number,
): void {
  let position = start
  let out = at
  while (position < end) {
    const control = from[position++]!
    if (control < LITERALS_MAX) {
      const count = control + 1
      if (position + count > end) throw new LzfError('compressed string is cut short')
      if (out + count > limit) throw new LzfError('compressed string is longer than it says')
      for (let i = 0; i < count; i++) into[out++] = from[position++]!
      continue
    }
    let count = (control >>> 5) + 2
    if (count === 9) {
      if (position >= end) throw new LzfError('compressed string is cut short')
      count += from[position++]!
    }
    if (position >= end) throw new LzfError('compressed string is cut short')
    let earlier = out - (((control & 0x1f) << 8) | from[position++]!) - 1
    if (earlier < at) throw new LzfError('compressed string points before its start')
    if (out + count > limit) throw new LzfError('compressed string is longer than it says')
    for (let i = 0; i < count; i++) into[out++] = into[earlier++]!
  }
  if (out !== limit) throw new LzfError('compressed string is shorter than it says')
}
