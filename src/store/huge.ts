// Values too large for the arena's pages: one buffer each, addressed by a small number. A buffer object costs the garbage
// collector less than one in a thousand of the bytes that it holds here, which is why these may be on its books.
//
// A snapshot holds the block that it wants to read later, as it is now. Before bytes change in place that it has not read
// yet, the chunks that they are in are put aside; a block that is released or replaced becomes the hold's own. So a change costs
// what it changes, however large the value is.

/** Numbered buffers. An id stays valid until it is released; 0 is never an id. */
export class HugeBlocks {
  /** Bytes of all buffers, and of what is held of former ones. */
  usedBytes = 0
  private readonly blocks: Buffer[] = [EMPTY]
  private readonly lengths: number[] = [0]
  private readonly freeIds: number[] = []
  private readonly holds = new Map<number, Hold>()

  /** A new block of `length` bytes with undefined contents. */
  alloc(length: number): number {
    const block = Buffer.allocUnsafeSlow(length)
    const id = this.freeIds.pop() ?? this.blocks.length
    this.blocks[id] = block
    this.lengths[id] = length
    this.usedBytes += length
    return id
  }

  /** The bytes of block `id`. */
  bytes(id: number): Buffer {
    return this.blocks[id].subarray(0, this.lengths[id])
  }

  /** Length of block `id`. */
  length(id: number): number {
    return this.lengths[id]
  }

  /** Bytes of memory of block `id`, spare ones included. */
  capacity(id: number): number {
    return this.blocks[id].length
  }

  /** Changes the length of block `id`; new bytes are undefined. Growth is by a part of the length, so appending stays linear. */
  resize(id: number, length: number): void {
    const old = this.blocks[id]
    if (length > old.length || length < old.length / 2) {
      const other = Buffer.allocUnsafeSlow(
        length > old.length ? Math.max(length, Math.min(old.length * 2, length + headroomBytes(length))) : length,
      )
      old.copy(other, 0, 0, Math.min(this.lengths[id], length))
      this.blocks[id] = other
      this.usedBytes += other.length
      this.forget(id, old)
    }
    this.lengths[id] = length
  }

  release(id: number): void {
    const block = this.blocks[id]
    this.blocks[id] = EMPTY
    this.lengths[id] = 0
    this.freeIds.push(id)
    this.forget(id, block)
  }

  /** To be called before bytes [from, to) of block `id` are written to. */
  beforeWrite(id: number, from: number, to: number): void {
    if (this.holds.size === 0) return
    this.holds.get(id)?.saveChunks(from, to)
  }

  /** Keeps the contents of block `id` as they are now, to be read later. One hold a block. */
  hold(id: number): Hold {
    const hold = new Hold(this, id, this.bytes(id))
    this.holds.set(id, hold)
    return hold
  }

  /** Ends what `hold` began; for Hold. */
  unhold(id: number, hold: Hold): void {
    if (this.holds.get(id) === hold) this.holds.delete(id)
  }

  /** A block does not have this buffer any more. */
  private forget(id: number, buffer: Buffer): void {
    const hold = this.holds.get(id)
    if (hold === undefined) {
      this.usedBytes -= buffer.length
      return
    }
    hold.takeOver(buffer.length)
    this.holds.delete(id)
  }
}

/** The contents of a block at one moment. */
export class Hold {
  readonly length: number
  private readonly owner: HugeBlocks
  private readonly id: number
  private readonly bytes: Buffer
  /** Chunks as they were before they changed. */
  private readonly saved = new Map<number, Buffer>()
  /** Bytes before this were read, and are not needed any more. */
  private position = 0
  /** Bytes that are on the account for this hold alone. */
  private ownBytes = 0

  constructor(owner: HugeBlocks, id: number, bytes: Buffer) {
    this.owner = owner
    this.id = id
    this.bytes = bytes
    this.length = bytes.length
  }

  /** The next bytes, at most a chunk of them; empty at the end. They are valid until anything changes. */
  next(): Buffer {
    const chunk = Math.floor(this.position / HOLD_CHUNK_BYTES)
    const start = this.position
    const end = Math.min(this.length, start + HOLD_CHUNK_BYTES)
    this.position = end
    const saved = this.saved.get(chunk)
    if (saved === undefined) return this.bytes.subarray(start, end)
    this.saved.delete(chunk)
    this.account(-saved.length)
    return saved
  }

  /** Gives up what is held. */
  release(): void {
    this.saved.clear()
    this.account(-this.ownBytes)
    this.owner.unhold(this.id, this)
  }

  /** Puts the chunks aside that bytes [from, to) lie in; for HugeBlocks. */
  saveChunks(from: number, to: number): void {
    const end = Math.min(to, this.length)
    // What was read is not needed any more; it ends between two chunks, or with everything.
    const first = Math.max(Math.floor(from / HOLD_CHUNK_BYTES), Math.ceil(this.position / HOLD_CHUNK_BYTES))
    for (let chunk = first; chunk * HOLD_CHUNK_BYTES < end; chunk++) {
      if (this.saved.has(chunk)) continue
      const start = chunk * HOLD_CHUNK_BYTES
      const copy = Buffer.from(this.bytes.subarray(start, Math.min(this.length, start + HOLD_CHUNK_BYTES)))
      this.saved.set(chunk, copy)
      this.account(copy.length)
    }
  }

  /** The buffer, of that many bytes, is this hold's own from now on; for HugeBlocks. */
  takeOver(bytes: number): void {
    this.ownBytes += bytes
  }

  private account(bytes: number): void {
    this.ownBytes += bytes
    this.owner.usedBytes += bytes
  }
}

const EMPTY = Buffer.alloc(0)

/**
 * What a block that has grown has room for beside its bytes: an eighth, since moving a long one takes milliseconds. (Memory that
 * was never touched is only on the account; the system has not given it yet.)
 */
function headroomBytes(length: number): number {
  return Math.max(HEADROOM_BYTES_MIN, length >>> 3)
}

const HEADROOM_BYTES_MIN = 1 << 20
/** Grain of what a hold puts aside and reads. */
const HOLD_CHUNK_BYTES = 64 * 1024
