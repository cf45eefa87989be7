// The settings of a running process: what CONFIG GET shows and CONFIG SET changes. `values` is one live object, so who
// holds it always reads what is in force. Invariant: a `set` takes effect as a whole or not at all.
import type { UserLine } from '../acl/start.ts'
import { errorText } from '../errors.ts'
import { globMatch } from '../lib/glob.ts'
import type { OptionRow, OptionTable, OptionValues } from './option.ts'
import { SERVER_OPTIONS, type ServerOptions } from './server-options.ts'
import { type Parsed, parseWords, refuse, type Setting } from './values.ts'

/** Told after a change; may refuse it by returning the reason, a string (the change is then undone). */
export type ChangeHook<T> = (value: T, previous: T) => unknown

/** The settings of a process. `Values` is the record of its options (ServerOptions unless told otherwise). */
export interface ConfigStore<Values = ServerOptions> {
  /** The `user` lines of the files. */
  readonly userLines: UserLine[]
  /** What is in force. The same object for ever; its fields change. */
  readonly values: Readonly<Values>
  /** Names and texts of all options that match a pattern, in the order of the table; aliases under their own name. */
  get(patterns: readonly string[]): [name: string, text: string][]
  /**
   * CONFIG SET: all pairs or none. Returns the error reply without the leading `-`, or undefined. `mayProtected` is whether
   * this client may change protected options (see `enable-protected-configs`).
   */
  set(pairs: readonly (readonly [name: string, value: string])[], mayProtected?: boolean): string | undefined
  /** The values that `set` would set; or the error reply, if it would refuse. */
  preview(pairs: readonly (readonly [name: string, value: string])[], mayProtected?: boolean): string | Partial<Values>
  /** Calls the hook whenever `set` changes the option. */
  onChange<Name extends keyof Values>(name: Name, hook: ChangeHook<Values[Name]>): void
  /**
   * Sets an option from words, whether mutable or not: for loading, and for commands that change one (REPLICAOF). Calls no
   * hook. Returns the reason for a refusal, or undefined.
   */
  assign(name: keyof Values & string, words: readonly string[]): string | undefined
  /** Sets an option to what was read already; no checks, no hooks. For loading. */
  put(name: keyof Values & string, setting: Setting<unknown>): void
  /** The text of an option. */
  text(name: keyof Values & string): string
  /** Whether the option differs from its default. */
  isChanged(name: keyof Values & string): boolean
}

/** The name in the table for a name or alias in any case, or undefined. */
export function optionName(table: OptionTable, given: string): string | undefined {
  const name = given.toLowerCase()
  if (Object.hasOwn(table, name)) return name
  for (const [own, row] of Object.entries(table)) if (row.aliases?.includes(name)) return own
  return undefined
}

/** Reads words for a row, and refuses values that are not built yet. */
export function parseSetting(row: OptionRow, words: readonly string[], current?: unknown): Parsed<unknown> {
  const parsed = parseWords(row.type, words, current)
  if (!parsed.ok) return parsed
  const missing = row.unbuilt?.(parsed.setting.value)
  return missing === undefined ? parsed : refuse(missing)
}

function defaultSetting(name: string, row: OptionRow): Setting<unknown> {
  const parsed = parseWords(row.type, row.type.words === 'many' ? row.default.split(' ') : [row.default])
  if (!parsed.ok) throw new TypeError(`default of ${name}: ${parsed.error}`)
  return parsed.setting
}

const NEEDS_RESTART = 'changing it at run time is not built yet; restart the server with the new value'
const isPattern = (text: string): boolean => /[*?[]/.test(text)
const setFailed = (name: string, why: string): string => errorText('configSet', name, why)

/** Settings for a table, all at their defaults. */
export function createConfigStore<Table extends OptionTable>(table: Table): ConfigStore<OptionValues<Table>>
export function createConfigStore(table: OptionTable): ConfigStore<Record<string, unknown>> {
  const defaults = Object.entries(table).map(([name, row]) => [name, defaultSetting(name, row)] as const)
  const texts = new Map(defaults.map(([name, { text }]) => [name, text]))
  // Not filled one by one: of so many names V8 then makes a hash table, and a look-up of an option, several in a command, is a
  // call into the runtime (measured, Node 20).
  const values: Record<string, unknown> = Object.fromEntries(defaults.map(([name, { value }]) => [name, value]))
  const hooks = new Map<string, ChangeHook<unknown>[]>()

  const put = (name: string, setting: Setting<unknown>): void => {
    values[name] = setting.value
    texts.set(name, setting.text)
  }
  const settingOf = (name: string): Setting<unknown> => ({ value: values[name], text: texts.get(name)! })

  /** Reads every pair before anything changes; the error reply, or the new settings in order. */
  const readPairs = (
    pairs: readonly (readonly [string, string])[],
    mayProtected: boolean,
  ): string | Map<string, { given: string; setting: Setting<unknown> }> => {
    const changes = new Map<string, { given: string; setting: Setting<unknown> }>()
    for (const [given] of pairs) if (optionName(table, given) === undefined) return errorText('configUnknown', given)
    // As in Redis an alias is not a duplicate of its option; the later one counts.
    const seen = new Set<string>()
    for (const [given, text] of pairs) {
      const name = optionName(table, given)!
      const row = table[name]!
      if (!row.mutable) return setFailed(given, "can't set immutable config")
      if (row.protected && !mayProtected) return setFailed(given, "can't set protected config")
      if (seen.has(given.toLowerCase())) return setFailed(given, 'duplicate parameter')
      seen.add(given.toLowerCase())
      const parsed = parseSetting(row, [text], row.type.repeats === 'merges' ? values[name] : undefined)
      if (!parsed.ok) return setFailed(given, parsed.error)
      if (row.needsRestart && parsed.setting.text !== texts.get(name)) return setFailed(given, NEEDS_RESTART)
      changes.set(name, { given, setting: parsed.setting })
    }
    return changes
  }

  /** Calls the hooks of an option; the reason of the first that refuses. */
  const announce = (name: string, previous: unknown): string | undefined => {
    for (const hook of hooks.get(name) ?? []) {
      const refusal = hook(values[name], previous)
      if (typeof refusal === 'string') return refusal
    }
    return undefined
  }

  const set = (pairs: readonly (readonly [string, string])[], mayProtected = false): string | undefined => {
    const changes = readPairs(pairs, mayProtected)
    if (typeof changes === 'string') return changes
    const before = new Map([...changes.keys()].map((name) => [name, settingOf(name)]))
    for (const [name, { setting }] of changes) put(name, setting)
    const announced: string[] = []
    for (const [name, { given, setting }] of changes) {
      const previous = before.get(name)!
      if (setting.text === previous.text) continue
      announced.push(name)
      const refusal = announce(name, previous.value)
      if (refusal === undefined) continue
      for (const [other, old] of before) put(other, old)
      for (const other of announced) announce(other, changes.get(other)!.setting.value)
      return setFailed(given, refusal)
    }
    return undefined
  }

  const get = (patterns: readonly string[]): [string, string][] => {
    const found = new Map<string, string>()
    for (const pattern of patterns) {
      if (!isPattern(pattern)) {
        const name = optionName(table, pattern)
        if (name !== undefined) found.set(pattern, texts.get(name)!)
        continue
      }
      const glob = Buffer.from(pattern)
      for (const [name, row] of Object.entries(table).filter(([, one]) => one.hidden === undefined))
        for (const shown of [name, ...(row.aliases ?? [])])
          if (globMatch(glob, Buffer.from(shown), true)) found.set(shown, texts.get(name)!)
    }
    return [...found]
  }

  return {
    userLines: [],
    values,
    get,
    set,
    preview(pairs, mayProtected = false) {
      const changes = readPairs(pairs, mayProtected)
      if (typeof changes === 'string') return changes
      return Object.fromEntries([...changes].map(([name, { setting }]) => [name, setting.value]))
    },
    onChange: (name, hook) => {
      hooks.set(name, [...(hooks.get(name) ?? []), hook as ChangeHook<unknown>])
    },
    assign: (name, words) => {
      const parsed = parseSetting(table[name]!, words)
      if (!parsed.ok) return parsed.error
      put(name, parsed.setting)
      return undefined
    },
    put,
    text: (name) => texts.get(name)!,
    isChanged: (name) => texts.get(name) !== defaultSetting(name, table[name]!).text,
  }
}

/** The settings of a server. */
export type ServerConfig = ConfigStore<ServerOptions>

/** A server's settings at their defaults, but for those given (as words of a file): for tests and embedding. */
export function serverConfig(given: Readonly<Partial<Record<keyof ServerOptions, string>>> = {}): ServerConfig {
  const store = createConfigStore(SERVER_OPTIONS)
  for (const [name, text] of Object.entries(given)) {
    const error = store.assign(name as keyof ServerOptions, [text])
    if (error !== undefined) throw new TypeError(`${name}: ${error}`)
  }
  return store
}
