// Puts the directives of included files where the `include` stands. Bounded: a file that includes itself is refused.
import { ConfigError, type Directive, parseDirectives } from './directive.ts'

/** A configuration's text and where it came from. */
export interface ConfigText {
  readonly source: string
  readonly text: string
}

/** Reads the files that an `include` names (a pattern may name several). Throws an Error with the reason. */
export type ReadInclude = (path: string) => readonly ConfigText[]

const INCLUDE_DEPTH_MAX = 16

/** Replaces each `include` by the directives of the files it names. Throws ConfigError. */
export function expandIncludes(directives: readonly Directive[], read: ReadInclude, depth = 0): Directive[] {
  return directives.flatMap((directive) => {
    if (directive.name !== 'include') return [directive]
    if (directive.words.length !== 1) throw new ConfigError(directive, 'wrong number of arguments')
    if (depth === INCLUDE_DEPTH_MAX) throw new ConfigError(directive, `includes nest more than ${depth} deep`)
    let texts: readonly ConfigText[]
    try {
      texts = read(directive.words[0]!)
    } catch (error) {
      throw new ConfigError(directive, error instanceof Error ? error.message : String(error))
    }
    return texts.flatMap(({ source, text }) => expandIncludes(parseDirectives(source, text), read, depth + 1))
  })
}
