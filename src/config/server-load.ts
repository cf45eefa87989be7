// From directives to the settings of a server: the file, then standard input, then the command line; the last one of a
// name counts. Reading files is the caller's; what is wrong is a ConfigError that names the line.
import { ConfigError, type Directive, userLine } from './directive.ts'
import { SERVER_OPTIONS } from './server-options.ts'
import { createConfigStore, optionName, type ServerConfig } from './store.ts'
import { didYouMean } from './suggest.ts'
import { parseWords } from './values.ts'

/** Directives of Redis that are no options, and why they are refused. */
const REFUSED: Readonly<Record<string, string>> = {
  'rename-command': 'Renaming commands is not built yet',
  loadmodule: 'Modules of Redis are C code and cannot be loaded',
  sentinel: 'sentinel directive while not in sentinel mode; use `vedette sentinel`',
}

function refusal(name: string): string {
  const known = [...Object.entries(SERVER_OPTIONS).flatMap(([own, row]) => [own, ...(row.aliases ?? [])]), 'include']
  const hint = didYouMean(name, known)
  return REFUSED[name] ?? `Bad directive or wrong number of arguments${hint === '' ? '' : `\n${hint}`}`
}

/**
 * The settings that the directives make. `setBy` tells which directive an option has its value from, for the messages of
 * later checks. Throws ConfigError. `refuseUnbuilt` is false only for reading a file whose values others override.
 */
export function loadServerConfig(
  directives: readonly Directive[],
  refuseUnbuilt = true,
): {
  config: ServerConfig
  setBy: ReadonlyMap<string, Directive>
} {
  const config = createConfigStore(SERVER_OPTIONS)
  const setBy = new Map<string, Directive>()
  for (const directive of directives) {
    if (directive.name === 'user') {
      config.userLines.push(userLine(directive))
      continue
    }
    const name = optionName(SERVER_OPTIONS, directive.name) as keyof typeof SERVER_OPTIONS | undefined
    if (name === undefined) throw new ConfigError(directive, refusal(directive.name))
    const { type } = SERVER_OPTIONS[name]
    const keep = type.repeats === 'merges' || (type.repeats === 'adds in one load' && setBy.has(name))
    // A value that is not built yet may be overridden by a later directive: it is refused at the end, if it still stands.
    const parsed = parseWords<unknown>(type, directive.words, keep ? config.values[name] : undefined)
    if (!parsed.ok) throw new ConfigError(directive, parsed.error)
    config.put(name, parsed.setting)
    setBy.set(name, directive)
  }
  for (const [name, directive] of refuseUnbuilt ? setBy : []) {
    const row = SERVER_OPTIONS[name as 'port']
    const missing = row.unbuilt?.(config.values[name as 'port'])
    if (missing !== undefined) throw new ConfigError(directive, missing)
  }
  return { config, setBy }
}
