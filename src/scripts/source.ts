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

const KNOWN_FLAGS = new Set(['no-writes', 'allow-oom', 'allow-stale', 'no-cluster', 'allow-cross-slot-keys'])

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
      if (!KNOWN_FLAGS.has(flag)) fail('shebangFlag', flag)
      flags.add(flag)
    }
  }
  return {
    flags: {
      noWrites: flags.has('no-writes'),
      allowOom: flags.has('allow-oom'),
      allowStale: flags.has('allow-stale'),
    },
    body: source.subarray(end),
  }
}
