// The byte stream under a connection, and the event loop around it, as the facade sees them: interfaces small enough that
// TCP, Unix sockets and TLS are three makers of the same thing. A wire's handler gets bytes that are valid during the call
// only, and writes bytes that the wire copies.

/** One connection's byte stream. */
export interface Wire {
  /** Address of the peer as `ip:port`; of a Unix socket `path:0`. */
  readonly peer: string
  /** Our own address in the same form. */
  readonly local: string
  /** Whether the peer is on this machine. */
  readonly peerIsLoopback: boolean
  /** Whether this is a Unix socket. */
  readonly isUnix: boolean
  /** The descriptor in this process, -1 if the system does not tell. */
  readonly descriptor: number
  /** Bytes that were written and not yet taken by the system. */
  readonly pendingBytes: number
  /** Sends the bytes; they may be changed after the call. */
  write(bytes: Buffer): void
  /** Sends bytes that are given as text of one character a byte: for short ones the quicker way (measured, Node 20). */
  writeLatin1(text: string): void
  /** Stops reading until `resume`: the peer feels it through TCP. */
  pause(): void
  resume(): void
  /** Closes once everything written is sent, or if the peer takes none of it for a while. */
  end(): void
  /** Closes now. */
  destroy(): void
}

/** What the owner of a wire does with it. */
export interface WireHandler {
  /** Input: the first `length` bytes, valid during the call only. */
  onData(bytes: Buffer, length: number): void
  /** Everything written was taken by the system. */
  onDrain(): void
  /** The wire is gone; `reason` is an error's code or 'end'. Called once. */
  onClose(reason: string): void
}

/** The event loop, given as an argument because the facade has no timers of its own. */
export interface Timers {
  /** Calls at the end of this turn of the event loop. */
  endOfTurn(run: () => void): void
  /** Calls as soon as what runs now is done. */
  soon(run: () => void): void
  /** Calls once, so many milliseconds from now; gives back what calls it off. */
  after(ms: number, run: () => void): () => void
}
