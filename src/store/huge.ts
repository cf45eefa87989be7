// Values too large for the arena's pages: one buffer each, addressed by a small number. A buffer object costs the garbage
// collector less than one in a thousand of the bytes that it holds here, which is why these may be on its books.

/** Numbered buffers. An id stays valid until it is released; 0 is never an id. */
export class HugeBlocks {
  /** Bytes of all buffers. */
  usedBytes = 0
  private readonly blocks: Buffer[] = [EMPTY]
  private readonly lengths: number[] = [0]
  private readonly freeIds: number[] = []

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

  /** Changes the length of block `id`; new bytes are undefined. Growth doubles, so appending stays linear. */
  resize(id: number, length: number): void {
    const old = this.blocks[id]
    if (length > old.length || length < old.length / 2) {
      const larger = Buffer.allocUnsafeSlow(
        length > old.length ? Math.max(length, Math.min(old.length * 2, length + HEADROOM_BYTES_MAX)) : length,
      )
      old.copy(larger, 0, 0, Math.min(this.lengths[id], length))
      this.blocks[id] = larger
      this.usedBytes += larger.length - old.length
    }
    this.lengths[id] = length
  }

  release(id: number): void {
    this.usedBytes -= this.blocks[id].length
    this.blocks[id] = EMPTY
    this.lengths[id] = 0
    this.freeIds.push(id)
  }
}

const EMPTY = Buffer.alloc(0)
const HEADROOM_BYTES_MAX = 1 << 20
