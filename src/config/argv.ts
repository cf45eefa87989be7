// Reads a command line as redis-server does: `[file] [--directive value …] [-]`. A word that begins with `--` opens a
// directive, unless the directive before it still lacks a value (a value may begin with dashes too).
import { type Directive, quoteAlways, splitWords } from './directive.ts'

/** What a command line says. */
export interface CommandLine {
  /** The configuration file, if the first word is one. */
  readonly file: string | undefined
  /** Whether `-` asks for more configuration from standard input. */
  readonly stdin: boolean
  readonly directives: readonly Directive[]
}

/** Directives that may stand without a value, and the words that this means. */
const WITHOUT_VALUE: Readonly<Record<string, readonly string[]>> = { '--save': [''] }

/** Reads the words after `vedette server`. Never fails: what is wrong is found when the directives are applied. */
export function parseArgv(argv: readonly string[]): CommandLine {
  const file = argv[0] !== undefined && !argv[0].startsWith('-') ? argv[0] : undefined
  const words = file === undefined ? argv : argv.slice(1)
  const found: { text: string; name: string; words: string[] }[] = []
  let stdin = false
  let needsValue = false
  for (const [index, word] of words.entries()) {
    const isFirstOrLast = index === 0 || index === words.length - 1
    if (word === '-' && isFirstOrLast && !needsValue) {
      stdin = true
    } else if (word.startsWith('--') && !needsValue) {
      // `--port 6380` may also come as a single word, blank included.
      const [name = '', ...rest] = splitWords(word.slice(2)) ?? [word.slice(2)]
      const defaults = WITHOUT_VALUE[word.toLowerCase()]
      const next = words[index + 1]
      const bare = rest.length === 0 && defaults !== undefined && (next === undefined || next.startsWith('--'))
      found.push({ text: `${word.slice(2)}${bare ? ' ""' : ''}`, name, words: bare ? [...defaults] : rest })
      needsValue = rest.length === 0 && !bare
    } else {
      const open = found.at(-1)
      if (open === undefined) found.push({ text: word, name: word, words: [] })
      else {
        open.words.push(word)
        open.text += ` ${quoteAlways(word)}`
      }
      needsValue = false
    }
  }
  const directives = found.map(({ text, name, words: values }, index) => ({
    source: 'command line',
    line: index + 1,
    text,
    name: name.toLowerCase(),
    words: values,
  }))
  return { file, stdin, directives }
}
