// One long run of bytes that grows in bounded steps. To move 64 MiB into a larger buffer takes tens of milliseconds, so it is
// not done in one go: before the buffer is full a larger one is begun, and every growth copies a part into it, some sixteen
// times what it grows by, so that the copy is whole before the room is used up. Whoever writes tells where; what changes in the
// part that was copied already is copied once more, by the next call.
//
// Room costs nothing: the system gives memory when it is touched, and only bytes that belong to the block, or did, are on the
// account. Zeros cost nothing to make either.

/** A larger buffer that the bytes are on their way to. */
interface Copy {
  readonly buffer: Buffer
  /** Bytes before this were copied. */
  done: number
  /** Of those, the ones that may have changed since. */
  changedFrom: number
  changedTo: number
}

/** A buffer whose length changes. */
export class HugeBlock {
  buffer: Buffer
  length: number
  /** Bytes of the buffer from here on never belonged to the block; they are zero. */
  touched: number
  private copy: Copy | undefined

  /** Of the `length` bytes the first `given` are undefined, the others zero. */
  constructor(length: number, given: number) {
    this.length = length
    this.buffer = makeBuffer(length < STEPWISE_BYTES_MIN ? length : withRoom(length, length >>> 3))
    this.touched = touchedBytes(this.buffer, length)
    if (isShort(this.buffer)) this.buffer.fill(0, given, length)
  }

  /** Bytes of memory. */
  get usedBytes(): number {
    return this.touched + (this.copy?.done ?? 0)
  }

  /** Changes the length; new bytes are zero. */
  resize(length: number): void {
    if (length > this.length) this.grow(length)
    else this.shrink(length)
  }

  /** To be called before bytes [from, to) are written to. */
  beforeWrite(from: number, to: number): void {
    const { copy } = this
    if (copy === undefined) return
    this.catchUp(copy)
    copy.changedFrom = from
    copy.changedTo = Math.min(to, copy.done)
  }

  private grow(length: number): void {
    if (length >= STEPWISE_BYTES_MIN) this.copySome(length)
    if (length > this.buffer.length) this.copyAll(length)
    this.buffer.fill(0, this.length, Math.min(length, this.touched))
    this.touched = Math.max(this.touched, length)
    this.length = length
  }

  private shrink(length: number): void {
    this.copy = undefined
    this.length = length
    if (length >= this.buffer.length / 2) return
    const other = makeBuffer(length)
    this.buffer.copy(other, 0, 0, length)
    this.moveTo(other)
  }

  /** Does a part of the move into a larger buffer, if it is time for that. */
  private copySome(length: number): void {
    if (this.copy === undefined) {
      const room = this.buffer.length - length
      if (room >= length >>> 4 || this.buffer.length === BUFFER_BYTES_MAX) return
      this.copy = { buffer: makeBuffer(bytesToGrow(length)), done: 0, changedFrom: 0, changedTo: 0 }
    }
    const { copy } = this
    this.catchUp(copy)
    const part = Math.max(COPY_BYTES_MIN, (length - this.length) * COPIED_PER_NEW_BYTE)
    const end = Math.min(this.length, copy.done + part)
    this.buffer.copy(copy.buffer, copy.done, copy.done, end)
    copy.done = end
    if (end === this.length && length <= copy.buffer.length) this.moveTo(copy.buffer)
  }

  /** Moves into a larger buffer now: it grows by so much that this costs little beside it. */
  private copyAll(length: number): void {
    const other = makeBuffer(bytesToGrow(length))
    this.buffer.copy(other, 0, 0, this.length)
    this.moveTo(other)
  }

  /** Copies again what the last writer changed. */
  private catchUp(copy: Copy): void {
    const { changedFrom, changedTo } = copy
    if (changedFrom < changedTo) this.buffer.copy(copy.buffer, changedFrom, changedFrom, changedTo)
    copy.changedFrom = copy.changedTo = 0
  }

  /** The bytes are in another buffer from now on. */
  private moveTo(buffer: Buffer): void {
    this.buffer = buffer
    this.touched = touchedBytes(buffer, this.length)
    this.copy = undefined
  }
}

/** A buffer of `bytes`, undefined if it is short, else zeroed, which the system does as they are touched. */
function makeBuffer(bytes: number): Buffer {
  return bytes < STEPWISE_BYTES_MIN ? Buffer.allocUnsafeSlow(bytes) : Buffer.alloc(bytes)
}

function isShort(buffer: Buffer): boolean {
  return buffer.length < STEPWISE_BYTES_MIN
}

/** What `touched` is in a new buffer that `length` bytes are in. */
function touchedBytes(buffer: Buffer, length: number): number {
  return isShort(buffer) ? buffer.length : length
}

/** Bytes of a buffer for a block that has grown to `length`: with room by a part of the length, so that appending stays linear. */
function bytesToGrow(length: number): number {
  return withRoom(length, Math.max(Math.min(length, STEPWISE_BYTES_MIN), length >>> 2))
}

/** Bytes of a buffer for `length` bytes and some room, as far as a buffer can be so large. */
function withRoom(length: number, room: number): number {
  return Math.max(length, Math.min(length + room, BUFFER_BYTES_MAX))
}

/** The largest buffer that every version of Node can make. */
const BUFFER_BYTES_MAX = 2 ** 32
/** Shorter blocks are moved in one go. */
const STEPWISE_BYTES_MIN = 1 << 20
/** What a growth copies at least. */
const COPY_BYTES_MIN = 256 * 1024
/** A sixteenth of the length is left when a copy is begun, so this many for each byte are enough. */
const COPIED_PER_NEW_BYTE = 16
