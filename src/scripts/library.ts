// A library of functions as it is sent: the first line says in which language it is and what it is called (`#!lua name=…`).
import { fail } from '../errors.ts'
import { splitLine } from '../lib/words.ts'

/** A function as a library registers it. */
export interface Registered {
  readonly name: string
  readonly description: Buffer | undefined
  /** In the order of `FLAG_NAMES`. */
  readonly flags: readonly string[]
  /** Where its code is in the machine. */
  readonly ref: number
}

const NAME_OPTION = 'name='

/** Whether a library or a function can be called that. */
export const isName = (text: string): boolean => /^[A-Za-z0-9_]+$/.test(text)

/** Reads the first line. What follows is Lua; its lines count from the first one. Fails as FUNCTION LOAD does. */
export function readLibrary(code: Buffer): { name: string; body: Buffer } {
  if (code[0] !== 35 || code[1] !== 33) fail('libraryMissing')
  const end = code.indexOf(10)
  const words = end < 0 ? undefined : splitLine(code.subarray(0, end))?.map((word) => word.toString())
  if (words === undefined || words.length === 0) fail('libraryInvalid')
  const [engine, ...options] = words as [string, ...string[]]
  let name: string | undefined
  for (const option of options) {
    if (!option.toLowerCase().startsWith(NAME_OPTION)) fail('libraryOption', option)
    if (name !== undefined) fail('libraryNames')
    name = option.slice(NAME_OPTION.length)
  }
  if (name === undefined) fail('libraryNameless')
  if (!isName(name)) fail('libraryName')
  if (engine.slice(2).toLowerCase() !== 'lua') fail('libraryEngine', engine.slice(2))
  return { name, body: code.subarray(end) }
}
