// Values too large for the arena's pages: one buffer each, addressed by a small number. A buffer object costs the garbage
// collector less than one in a thousand of the bytes that it holds here, which is why these may be on its books.
//
// A snapshot holds the block that it wants to read later, as it is now. Before bytes change in place that it has not read
// yet, the chunks that they are in are put aside; a block that is released or replaced becomes the hold's own. So a change costs
// what it changes, however large the value is.

import { HugeBlock } from './huge-block.ts'

/** Numbered blocks. An id stays valid until it is released; 0 is never an id. */
export class HugeBlocks {
  /** Bytes of all blocks, and of what is held of former ones. */
  usedBytes = 0
  private readonly blocks: (HugeBlock | undefined)[] = [undefined]
  private readonly freeIds: number[] = []
  private readonly holds = new Map<number, Hold>()

  /** A new block of `length` bytes; the first `given` are undefined, the others zero. */
  alloc(length: number, given = length): number {
    const block = new HugeBlock(length, given)
    const id = this.freeIds.pop() ?? this.blocks.length
    this.blocks[id] = block
    this.usedBytes += block.usedBytes
    return id
  }

  /** The bytes of block `id`, until its length changes. */
  bytes(id: number): Buffer {
    const { buffer, length } = this.block(id)
    return buffer.subarray(0, length)
  }

  /** Length of block `id`. */
  length(id: number): number {
    return this.block(id).length
  }

  /** Bytes of memory of block `id`. */
  memory(id: number): number {
    return this.block(id).usedBytes
  }

  /** Changes the length of block `id`; new bytes are zero. */
  resize(id: number, length: number): void {
    const block = this.block(id)
    const { buffer, touched, usedBytes } = block
    // Bytes that were cut off and come back get zeroed.
    this.holds.get(id)?.saveChunks(block.length, length)
    block.resize(length)
    this.usedBytes += block.usedBytes - usedBytes
    if (block.buffer !== buffer) this.giveToHold(id, touched)
  }

  release(id: number): void {
    const { touched, usedBytes } = this.block(id)
    this.blocks[id] = undefined
    this.freeIds.push(id)
    this.usedBytes -= usedBytes
    this.giveToHold(id, touched)
  }

  /** To be called before bytes [from, to) of block `id` are written to. */
  beforeWrite(id: number, from: number, to: number): void {
    this.block(id).beforeWrite(from, to)
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

  private block(id: number): HugeBlock {
    return this.blocks[id]!
  }

  /** A block does not have its former buffer any more: whoever holds that has it to itself, and what of it was touched. */
  private giveToHold(id: number, touched: number): void {
    this.holds.get(id)?.account(touched)
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

  /** That many bytes more, or fewer, are kept for this hold alone; for HugeBlocks, too. */
  account(bytes: number): void {
    this.ownBytes += bytes
    this.owner.usedBytes += bytes
  }
}

/** Grain of what a hold puts aside and reads. */
const HOLD_CHUNK_BYTES = 64 * 1024
