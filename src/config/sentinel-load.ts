// From directives to the options of a sentinel. As in Redis, `sentinel monitor` may stand after the options of its group.
import { ConfigError, type Directive, userLine } from './directive.ts'
import type { OptionRow } from './option.ts'
import { GROUP_OPTIONS, type MonitoredGroup, SENTINEL_OPTIONS, type SentinelOptions } from './sentinel-options.ts'
import { SERVER_OPTIONS } from './server-options.ts'
import { createConfigStore, optionName } from './store.ts'
import { didYouMean } from './suggest.ts'
import { integerOf, parseWords, type Setting } from './values.ts'

/** Lines that Redis Sentinel writes into its file as its memory. Vedette keeps state in its directory and skips them. */
const STATE_OF_REDIS = new Set([
  'myid',
  'current-epoch',
  'config-epoch',
  'leader-epoch',
  'known-replica',
  'known-slave',
  'known-sentinel',
])
/** Of these, what helps when the primary is down before it can be asked for its replicas. */
const REPLICA_OF_REDIS = new Set(['known-replica', 'known-slave'])
const UNRECOGNIZED = 'Unrecognized sentinel configuration statement.'
const GROUP_NAME = /^[A-Za-z0-9._-]{1,255}$/

type OptionName = keyof typeof SENTINEL_OPTIONS
type GroupOptionName = keyof typeof GROUP_OPTIONS

/** A directive without its leading `sentinel`, if it has one. */
interface Statement {
  readonly directive: Directive
  readonly prefixed: boolean
  readonly name: string
  readonly words: readonly string[]
}

function statementOf(directive: Directive): Statement {
  if (directive.name !== 'sentinel') return { directive, prefixed: false, name: directive.name, words: directive.words }
  const [name = '', ...words] = directive.words
  return { directive, prefixed: true, name: name.toLowerCase(), words }
}

function parse<T>(directive: Directive, row: OptionRow<T>, words: readonly string[], current?: T): Setting<T> {
  const parsed = parseWords(row.type, words, current)
  if (!parsed.ok) throw new ConfigError(directive, parsed.error)
  return parsed.setting
}

function groupDefaults(): Record<GroupOptionName, unknown> {
  return { ...createConfigStore(GROUP_OPTIONS).values }
}

/** Reads `monitor <name> <host> <port> <quorum>`. */
function readMonitor({ directive, words }: Statement): MonitoredGroup {
  if (words.length !== 4)
    throw new ConfigError(directive, `${UNRECOGNIZED}\nIt is: sentinel monitor <name> <host> <port> <quorum>`)
  const [name, host, portWord, quorumWord] = words as [string, string, string, string]
  if (!GROUP_NAME.test(name)) throw new ConfigError(directive, 'Invalid name of a group: use letters, digits and .-_')
  const quorum = integerOf(quorumWord)
  if (quorum === undefined || quorum < 1n) throw new ConfigError(directive, 'Quorum must be 1 or greater.')
  if (quorum > 128n) throw new ConfigError(directive, 'Quorum must be 128 or less.')
  const port = integerOf(portWord)
  if (host === '' || port === undefined || port < 1n || port > 65535n)
    throw new ConfigError(directive, 'Invalid IP address or port.')
  return {
    ...groupDefaults(),
    name,
    host,
    port: Number(port),
    quorum: Number(quorum),
    remembered: [],
  } as MonitoredGroup
}

function unknownStatement({ directive, prefixed, name }: Statement): ConfigError {
  const plain = Object.entries(SENTINEL_OPTIONS).filter(([, row]) => row.form !== 'sentinel')
  const inside = Object.entries(SENTINEL_OPTIONS).filter(([, row]) => row.form !== 'plain')
  const known = prefixed
    ? ['monitor', ...inside.map(([own]) => own), ...Object.keys(GROUP_OPTIONS)]
    : ['sentinel', 'include', ...plain.map(([own]) => own)]
  const hint =
    didYouMean(name, known) ||
    (prefixed
      ? ''
      : didYouMean(
          `sentinel ${name}`,
          Object.keys(GROUP_OPTIONS).map((own) => `sentinel ${own}`),
        ))
  const reason = prefixed ? UNRECOGNIZED : 'Bad directive or wrong number of arguments'
  return new ConfigError(directive, hint === '' ? reason : `${reason}\n${hint}`)
}

/** Applies one statement that is no `monitor`. */
function apply(options: SentinelOptions, setBy: Map<string, Directive>, statement: Statement): void {
  const { directive, prefixed, name, words } = statement
  if (prefixed && Object.hasOwn(GROUP_OPTIONS, name)) return applyToGroup(options, statement)
  if (Object.hasOwn(SENTINEL_OPTIONS, name)) {
    const row: OptionRow & { form: string } = SENTINEL_OPTIONS[name as OptionName]
    if (row.form === 'either' || (row.form === 'sentinel') === prefixed) {
      Object.assign(options, { [name]: parse(directive, row, words).value })
      setBy.set(name, directive)
      return
    }
  }
  if (prefixed && REPLICA_OF_REDIS.has(name) && rememberReplica(options, words)) return
  if (prefixed && STATE_OF_REDIS.has(name)) {
    options.notes.push(`sentinel ${name}: state of Redis Sentinel, not used; Vedette finds it out and keeps it in dir`)
    return
  }
  if (!prefixed && name === 'user') {
    options.userLines.push(userLine(directive))
    return
  }
  const serverOption = prefixed ? undefined : optionName(SERVER_OPTIONS, name)
  if (serverOption === undefined) throw unknownStatement(statement)
  parse(directive, SERVER_OPTIONS[serverOption as keyof typeof SERVER_OPTIONS] as OptionRow, words)
  options.notes.push(`${name}: an option of servers, without effect on a sentinel`)
}

/** `known-replica <name> <host> <port>`: a hint; false when it is none. */
function rememberReplica({ groups }: SentinelOptions, [name, host = '', portWord = '']: readonly string[]): boolean {
  const group = groups.find((one) => one.name === name)
  const port = Number(integerOf(portWord) ?? 0n)
  if (group === undefined || host === '' || port < 1 || port > 65535) return false
  group.remembered.push({ host, port })
  return true
}

function applyToGroup(options: SentinelOptions, { directive, name, words }: Statement): void {
  const row = GROUP_OPTIONS[name as GroupOptionName] as OptionRow
  const [, ...values] = words
  if (values.length !== (row.type.words === 'one' ? 1 : 2))
    throw new ConfigError(
      directive,
      `${UNRECOGNIZED}\nIt is: sentinel ${name} <name of the group> <${row.type.words === 'one' ? 'value' : row.type.domain}>`,
    )
  const group = options.groups.find((one) => one.name === words[0])
  if (group === undefined) {
    const hint = didYouMean(
      words[0]!,
      options.groups.map((one) => one.name),
    )
    throw new ConfigError(directive, `No such master with specified name.${hint === '' ? '' : `\n${hint}`}`)
  }
  Object.assign(group, {
    [name]: parse(directive, row, values, group[name as GroupOptionName]).value,
  })
}

/**
 * The options that the directives make. `setBy` tells which directive an option of the process has its value from. The
 * swarm key itself is the caller's to read. Throws ConfigError.
 */
export function loadSentinelOptions(directives: readonly Directive[]): {
  options: SentinelOptions
  setBy: ReadonlyMap<string, Directive>
} {
  const options: SentinelOptions = {
    ...createConfigStore(SENTINEL_OPTIONS).values,
    groups: [],
    userLines: [],
    swarmKey: undefined,
    consoleToken: undefined,
    notes: [],
  }
  const setBy = new Map<string, Directive>()
  const statements = directives.map(statementOf)
  const isMonitor = (one: Statement): boolean => one.prefixed && one.name === 'monitor'
  for (const statement of statements.filter(isMonitor)) {
    const group = readMonitor(statement)
    if (options.groups.some((one) => one.name === group.name))
      throw new ConfigError(statement.directive, 'Duplicate master name.')
    options.groups.push(group)
  }
  for (const statement of statements) if (!isMonitor(statement)) apply(options, setBy, statement)
  checkTogether(options, setBy)
  return { options, setBy }
}

/** Checks that take the final values, whoever set them. */
function checkTogether(options: SentinelOptions, setBy: ReadonlyMap<string, Directive>): void {
  for (const [name, directive] of setBy) {
    const row: OptionRow = SENTINEL_OPTIONS[name as OptionName]
    const missing = row.unbuilt?.(options[name as OptionName])
    if (missing !== undefined) throw new ConfigError(directive, missing)
  }
  const heartbeat = options['heartbeat-interval-milliseconds']
  const election = options['election-timeout-milliseconds']
  const culprit = setBy.get('election-timeout-milliseconds') ?? setBy.get('heartbeat-interval-milliseconds')
  if (culprit !== undefined && election < 2 * heartbeat)
    throw new ConfigError(
      culprit,
      `election-timeout-milliseconds (${election}) must be at least twice heartbeat-interval-milliseconds (${heartbeat})`,
    )
  for (const group of options.groups) {
    const expected = options.expect
    if (expected !== undefined && expected < group.quorum)
      throw new ConfigError(
        setBy.get('expect')!,
        `expect must not be below the quorum of ${group.name} (${group.quorum})`,
      )
  }
}
