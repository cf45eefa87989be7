// A script as it is sent: its name (the SHA-1 of the source), and what its first line says of it (`#!lua flags=…`).
import { fail } from '../errors.ts'
import { sha1 } from '../lib/sha1.ts'

/** What a script says of itself. */
export interface ScriptFlags {
  /** It does not write. */
  readonly noWrites: boolean
  /** It may run when memory is short. */
  readonly allowOom: boolean
  /** It may run on a replica whose link is down. */
  readonly allowStale: boolean
}

/** A script without a first line that says anything: each command that it calls is looked at by itself. */
export type Flags = ScriptFlags | 'unsaid'

/** What scripts and functions can say, in the order in which it is shown. */
export const FLAG_NAMES: readonly string[] = [
  'no-writes',
  'allow-oom',
  'allow-stale',
  'no-cluster',
  'allow-cross-slot-keys',
]

/** What these flags mean. */
export function flagsOf(names: Iterable<string>): ScriptFlags {
  const flags = new Set(names)
  return { noWrites: flags.has('no-writes'), allowOom: flags.has('allow-oom'), allowStale: flags.has('allow-stale') }
}

/** The SHA-1 of bytes [start, end) in hexadecimal. */
export function digestOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const out = Buffer.alloc(20)
  sha1(bytes, start, end, out)
  return out.toString('hex')
}

/** Reads the first line. What follows is Lua; its lines count from the first one. Fails as EVAL does. */
export function readSource(source: Buffer): { flags: Flags; body: Buffer } {
  if (source[0] !== 35 || source[1] !== 33) return { flags: 'unsaid', body: source }
  const end = source.indexOf(10)
  if (end < 0) fail('shebangInvalid')
  const [engine, ...options] = source.toString('utf8', 0, end).trim().split(/\s+/) as [string, ...string[]]
  if (engine !== '#!lua') fail('shebangEngine', engine)
  const flags = new Set<string>()
  for (const option of options) {
    if (!option.startsWith('flags=')) fail('shebangOption', option)
    for (const flag of option.slice('flags='.length).split(',')) {
      if (flag === '') continue
      if (!FLAG_NAMES.includes(flag)) fail('shebangFlag', flag)
      flags.add(flag)
    }
  }
  return { flags: flagsOf(flags), body: source.subarray(end) }
}
