// A selector: commands together with the keys and channels that they may be given. A user has one of its own and any number
// of others; a request has to fit one of them as a whole. Names and patterns are latin1 text, one character a byte.

import type { Bits } from './catalog.ts'

export const READ = 1
export const WRITE = 2

/** Keys that may be read, written, or both (READ | WRITE). */
export interface KeyPattern {
  readonly text: string
  readonly bytes: Buffer
  access: number
}

export interface ChannelPattern {
  readonly text: string
  readonly bytes: Buffer
}

export class Selector {
  bits: Bits
  /** Set by `+@all`: commands that come later are allowed too. It says how the rules are described. */
  future = false
  /** No command was ever taken away since `+@all`. */
  allCommands = false
  allKeys = false
  allChannels: boolean
  keys: KeyPattern[] = []
  channels: ChannelPattern[] = []
  /** First arguments by the number of the command that is allowed with them alone. */
  firstArguments = new Map<number, readonly string[]>()

  constructor(words: number, allChannels: boolean) {
    this.bits = new Uint32Array(words)
    this.allChannels = allChannels
  }

  /** Whether nothing is to be checked. */
  get isFree(): boolean {
    return this.allCommands && this.allKeys && this.allChannels
  }

  copy(): Selector {
    const copy = new Selector(0, this.allChannels)
    copy.bits = this.bits.slice()
    copy.future = this.future
    copy.allCommands = this.allCommands
    copy.allKeys = this.allKeys
    copy.keys = this.keys.map((pattern) => ({ ...pattern }))
    copy.channels = [...this.channels]
    copy.firstArguments = new Map(this.firstArguments)
    return copy
  }
}
