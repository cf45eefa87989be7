// Keeps what all clients together hold (input, announced or here, replies, what they watch and listen to) within a limit, `maxmemory-clients`, by
// ending those that hold most. Each connection says what it holds when that may have grown, so that nobody is asked in vain.
//
// Invariants: `sum` is the sum of what was counted of each connection; who is exempt (CLIENT NO-EVICT, replicas, our primary)
// is counted with nothing, so over the limit there is always somebody to end.

import type { Session } from './session.ts'

/** A connection as it is counted. */
export interface Holder {
  readonly session: Session
  readonly chargedBytes: number
  /** What was counted of it last. */
  countedBytes: number
  close(): void
}

/** What the count needs of whoever owns the connections. */
export interface HolderHost {
  /** The limit in bytes, 0 for none. */
  limitBytes(): number
  holders(): Iterable<Holder>
  endOfTurn(run: () => void): void
  /** Whether a command is being run: nobody may be ended in the middle of one. */
  busy(): boolean
  /** Told before a connection is ended. */
  evicting(holder: Holder): void
}

/** What clients hold. */
export class ClientMemory {
  /** Connections ended so far. */
  evicted = 0
  /** Whether there is a limit. */
  private on: boolean
  private sum = 0
  private scheduled = false
  private readonly host: HolderHost

  constructor(host: HolderHost) {
    this.host = host
    this.on = host.limitBytes() !== 0
  }

  /** The limit may be another one than before. */
  limitChanged(): void {
    this.on = this.host.limitBytes() !== 0
    if (this.on) this.enforceSoon()
  }

  /** What the connection holds may have grown. */
  update(holder: Holder): void {
    if (!this.on) return
    this.count(holder)
    if (this.sum <= this.host.limitBytes()) return
    if (this.host.busy()) this.enforceSoon()
    else this.enforce()
  }

  /** The connection is gone. */
  forget(holder: Holder): void {
    this.sum -= holder.countedBytes
    holder.countedBytes = 0
  }

  private count(holder: Holder): void {
    const bytes = isExempt(holder.session) ? 0 : holder.chargedBytes
    this.sum += bytes - holder.countedBytes
    holder.countedBytes = bytes
  }

  private enforceSoon(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.host.endOfTurn(() => {
      this.scheduled = false
      this.enforce()
    })
  }

  /** Counts anew, since replies may be on their way meanwhile, and ends the largest until what is left is within the limit. */
  private enforce(): void {
    const { host } = this
    const limit = host.limitBytes()
    if (limit === 0) return
    const holders = [...host.holders()]
    for (const holder of holders) this.count(holder)
    if (this.sum <= limit) return
    holders.sort((a, b) => b.countedBytes - a.countedBytes)
    for (const holder of holders) {
      if (this.sum <= limit || holder.countedBytes === 0) return
      this.evicted++
      host.evicting(holder)
      holder.close()
    }
  }
}

function isExempt({ noEvict, kind }: Session): boolean {
  return noEvict || kind === 'replica' || kind === 'primary'
}
