// How anything goes through a value made of nodes, once, a bit at a time: a snapshot that writes it, a release that gives it
// back, a copy. A structure has one such walk, a generator, and these are the terms in which it speaks.
//
// A walk yields whenever it has done some work, the number of bytes that it looked at; whoever runs it stops there as long as it
// likes, while the live value changes (see nodes.ts). So a walk keeps the handles on its way down, and between two yields reads
// nothing of nodes that it has told to be done.

import type { NodeBytes, Nodes } from './nodes.ts'

/** Takes the elements of a value, in the order and form in which RDB files have them. Ranges are valid during the call. */
export interface ElementOut {
  /** A number of elements. */
  length(n: number): void
  string(bytes: Uint8Array, start: number, end: number): void
  /** A string of `length` bytes that follow in parts. */
  begin(length: number): void
  part(bytes: Uint8Array, start: number, end: number): void
  /** A double of 8 bytes. */
  double(x: number): void
}

/** Is told of every node, when all that is below it was told. */
export type Done = (h: number) => void

/** One walk: yields the bytes that it looked at since the last time. */
export type Walk = Generator<number, void>

/** A walk yields after this many bytes, so that its steps are short. */
export const WALK_STEP_BYTES = 32 * 1024

/** Writes the string of a node (Nodes.allocString) in parts. */
export function* writeStringNode(nodes: Nodes, h: number, out: ElementOut): Walk {
  const range: NodeBytes = { bytes: NO_BYTES, start: 0, end: 0 }
  const length = nodes.stringLength(h)
  if (length <= WALK_STEP_BYTES) {
    nodes.string(h, range)
    out.string(range.bytes, range.start, range.end)
    return
  }
  out.begin(length)
  for (let at = 0; at < length; at += WALK_STEP_BYTES) {
    // Anew each time: the block may have got another address, though not other contents.
    nodes.string(h, range)
    const size = Math.min(WALK_STEP_BYTES, length - at)
    out.part(range.bytes, range.start + at, range.start + at + size)
    yield size
  }
}

const NO_BYTES = Buffer.alloc(0)
