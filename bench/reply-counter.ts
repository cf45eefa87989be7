// Counts the replies in a stream of RESP2 without keeping any of them: of a bulk string it looks at the length only.

const [LF, DASH, STAR, DOLLAR] = [10, 45, 42, 36]

/** The replies of one connection. An error reply is none that a benchmark goes on after: it throws. */
export class ReplyCounter {
  /** Elements that the reply under way lacks, itself included. */
  private missing = 1
  /** Bytes of a bulk string, with its line end, that are to come. */
  private toSkip = 0
  /** First byte of the line under way, 0 at its beginning. */
  private kind = 0
  private number = 0
  private negative = false

  /** How many replies end in bytes [0, end). */
  count(bytes: Buffer, end: number): number {
    let whole = 0
    for (let p = 0; p < end; ) {
      if (this.toSkip > 0) {
        const step = Math.min(this.toSkip, end - p)
        p += step
        this.toSkip -= step
        if (this.toSkip === 0) whole += this.element(0)
        continue
      }
      const c = bytes[p++]!
      if (this.kind === 0) {
        if (c === DASH)
          throw new Error(`an error was the reply: ${bytes.toString('latin1', p - 1, Math.min(end, p + 200))}`)
        this.kind = c
        this.number = 0
        this.negative = false
      } else if (c === LF) {
        whole += this.line()
      } else if (c === DASH) {
        this.negative = true
      } else if (c >= 48 && c <= 57) {
        this.number = this.number * 10 + c - 48
      }
    }
    return whole
  }

  /** A line is whole: 1 if a reply is by that. */
  private line(): number {
    const { kind } = this
    this.kind = 0
    if (kind === STAR) return this.element(this.negative ? 0 : this.number)
    if (kind !== DOLLAR || this.negative) return this.element(0)
    this.toSkip = this.number + 2
    return 0
  }

  /** An element is there, of which `more` are a part: 1 if that was the last one of the reply. */
  private element(more: number): number {
    this.missing += more - 1
    if (this.missing > 0) return 0
    this.missing = 1
    return 1
  }
}
