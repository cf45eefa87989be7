// The network between simulated servers: wires that deliver what was written in order, in pieces, late, and that break with what is
// under way, seen by one end before the other. Time is that of the timers, which the run fakes.
import type { Wire, WireHandler } from '../../src/facade/wire.ts'
import type { Dial, Dialler } from '../../src/io/tcp.ts'
import type { Random } from '../../src/lib/prng.ts'

/** Whoever can be connected to. */
export interface Endpoint {
  readonly name: string
  /** Takes a connection; undefined: nobody listens. */
  accept(wire: Wire): WireHandler | undefined
}

export interface ReplicationNetwork {
  join(endpoint: Endpoint): void
  /** How the endpoint of this name connects to others. */
  diallerOf(name: string): Dialler
  /** Breaks the connections between the two; none comes about for so long. */
  cut(a: string, b: string, forMs: number): void
  /** Breaks every connection of an endpoint that is no more. */
  drop(name: string): void
}

const DELAY_MS_MAX = 15
const NOTICE_MS_MAX = 300

export function createReplicationNetwork(random: Random): ReplicationNetwork {
  const endpoints = new Map<string, Endpoint>()
  const blockedUntilMs = new Map<string, number>()
  const pairs = new Set<Pair>()
  const linkOf = (a: string, b: string): string => [a, b].sort().join(' ')
  const isBlocked = (a: string, b: string): boolean => (blockedUntilMs.get(linkOf(a, b)) ?? 0) > performance.now()

  const connect = (from: string, to: string, accept: (wire: Wire) => WireHandler): SimulatedWire | undefined => {
    const [near, far] = [new SimulatedWire(random), new SimulatedWire(random)]
    near.other = far
    far.other = near
    const handler = endpoints.get(to)?.accept(far)
    if (handler === undefined) return undefined
    far.handler = handler
    near.handler = accept(near)
    pairs.add({ link: linkOf(from, to), ends: [from, to], near, far })
    return near
  }

  const breakPairs = (which: (pair: Pair) => boolean): void => {
    for (const pair of pairs) {
      if (!which(pair)) continue
      pairs.delete(pair)
      pair.near.lose(random.below(NOTICE_MS_MAX))
      pair.far.lose(random.below(NOTICE_MS_MAX))
    }
  }

  return {
    join: (endpoint) => void endpoints.set(endpoint.name, endpoint),
    diallerOf: (from) => (to, _port, accept, onFailed) => {
      let wire: SimulatedWire | undefined
      const timer = setTimeout(() => {
        if (!isBlocked(from, to)) wire = connect(from, to, accept)
        if (wire === undefined) onFailed('ECONNREFUSED')
      }, random.below(DELAY_MS_MAX))
      const dial: Dial = {
        destroy() {
          clearTimeout(timer)
          wire?.destroy()
        },
      }
      return dial
    },
    cut(a, b, forMs) {
      blockedUntilMs.set(linkOf(a, b), performance.now() + forMs)
      breakPairs(({ link }) => link === linkOf(a, b))
    },
    drop: (name) => breakPairs(({ ends }) => ends.includes(name)),
  }
}

interface Pair {
  readonly link: string
  readonly ends: readonly string[]
  readonly near: SimulatedWire
  readonly far: SimulatedWire
}

class SimulatedWire implements Wire {
  readonly peer = '10.0.0.1:1'
  readonly local = '10.0.0.2:1'
  readonly peerIsLoopback = true
  readonly isUnix = false
  readonly descriptor = -1
  pendingBytes = 0
  other!: SimulatedWire
  handler: WireHandler | undefined
  private readonly random: Random
  private open = true
  private lost = false
  private paused = false
  private readonly held: Buffer[] = []
  private arrivesMs = 0

  constructor(random: Random) {
    this.random = random
  }

  write(bytes: Buffer): void {
    if (!this.open) return
    for (let at = 0; at < bytes.length; ) {
      const piece = Buffer.from(bytes.subarray(at, at + 1 + this.random.below(this.random.below(4) === 0 ? 40 : 4000)))
      at += piece.length
      this.pendingBytes += piece.length
      this.later(() => {
        this.pendingBytes -= piece.length
        this.other.arrived(piece)
      })
    }
  }

  writeLatin1(text: string): void {
    this.write(Buffer.from(text, 'latin1'))
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    for (const bytes of this.held.splice(0)) this.arrived(bytes)
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    if (!this.open) return
    this.later(() => this.other.closed('end'))
    setImmediate(() => this.closed('end'))
    this.open = false
  }

  /** The connection is broken: nothing more comes or goes, and this end notices it later. */
  lose(noticedMs: number): void {
    this.lost = true
    setTimeout(() => this.closed('ECONNRESET'), noticedMs)
  }

  /** Behind everything that was sent before. */
  private later(run: () => void): void {
    const nowMs = performance.now()
    this.arrivesMs = Math.max(this.arrivesMs, nowMs + this.random.below(DELAY_MS_MAX))
    setTimeout(() => {
      if (!this.lost && !this.other.lost) run()
    }, this.arrivesMs - nowMs)
  }

  private arrived(bytes: Buffer): void {
    if (this.paused) return void this.held.push(bytes)
    this.handler?.onData(bytes, bytes.length)
    // They were valid during the call only.
    bytes.fill(0xee)
  }

  private closed(reason: string): void {
    const { handler } = this
    this.handler = undefined
    this.open = false
    handler?.onClose(reason)
  }
}
