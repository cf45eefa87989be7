// Reads configuration for the two processes: the file, standard input, includes and the command line, in that order; and
// what only the system can tell: whether `dir` is there and writable, and the swarm key.
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgv } from '../config/argv.ts'
import { ConfigError, type Directive, parseDirectives } from '../config/directive.ts'
import { type ConfigText, expandIncludes } from '../config/includes.ts'
import { loadSentinelOptions } from '../config/sentinel-load.ts'
import type { SentinelOptions } from '../config/sentinel-options.ts'
import { loadServerConfig } from '../config/server-load.ts'
import type { ServerConfig } from '../config/store.ts'
import { parseSwarmKey } from '../io/gossip/swarm-key.ts'
import { VERSION } from '../io/package.ts'
import { globMatch } from '../lib/glob.ts'
import { UsageError } from './command.ts'

const CONFIG_BYTES_MAX = 16 << 20

/** What the system says about a failed call, in words. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'No such file or directory',
    EACCES: 'Permission denied',
    EROFS: 'Read-only file system',
    EISDIR: 'Is a directory',
    ENOTDIR: 'Not a directory',
  }
  return known[code ?? ''] ?? message
}

function readText(path: string): string {
  const bytes = readFileSync(path)
  if (bytes.length > CONFIG_BYTES_MAX) throw new UsageError(`${path}: more than ${CONFIG_BYTES_MAX} bytes`)
  return bytes.toString()
}

/** The files that a pattern names, in order. Only the last part of the path may have `*`, `?` or `[…]`. */
function globPaths(pattern: string): string[] {
  const directory = dirname(pattern)
  const glob = Buffer.from(basename(pattern))
  if (/[*?[]/.test(directory)) throw new Error(`Patterns are for file names, not for directories: ${directory}`)
  const names = readdirSync(directory).filter((name) => globMatch(glob, Buffer.from(name)))
  return names.sort().map((name) => join(directory, name))
}

/** The files of an `include`; a pattern may match none, a name must be there. */
function readInclude(pattern: string): ConfigText[] {
  const paths = /[*?[]/.test(pattern) ? globPaths(pattern) : [pattern]
  return paths.map((path) => {
    try {
      return { source: path, text: readText(path) }
    } catch (error) {
      throw new Error(`Can't open config file '${path}': ${reasonOf(error)}`)
    }
  })
}

/** All directives of a command line, its file and standard input. Throws UsageError or ConfigError. */
export function readDirectives(words: readonly string[]): { directives: Directive[]; file: string | undefined } {
  const line = parseArgv(words)
  const texts: ConfigText[] = []
  if (line.file !== undefined) {
    try {
      texts.push({ source: line.file, text: readText(line.file) })
    } catch (error) {
      throw new UsageError(`Fatal error, can't open config file '${line.file}': ${reasonOf(error)}`)
    }
  }
  if (line.stdin) texts.push({ source: 'stdin', text: readFileSync(0).toString() })
  const written = texts.flatMap(({ source, text }) => parseDirectives(source, text))
  const directives = expandIncludes([...written, ...line.directives], readInclude)
  return { directives, file: line.file === undefined ? undefined : resolve(line.file) }
}

/** The absolute path of a data directory that can be used. Throws ConfigError at the directive that names it. */
function usableDir(dir: string, setBy: Directive | undefined): string {
  const path = resolve(dir)
  const at = setBy ?? { source: 'command line', line: 1, text: `dir ${dir}` }
  try {
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new ConfigError(at, `${reasonOf(error)}: the data directory must exist and be writable`)
  }
  return path
}

/** The settings of `vedette server <words>`, and the file they came from. Throws UsageError or ConfigError. */
export function loadServer(words: readonly string[]): { config: ServerConfig; file: string | undefined } {
  const { directives, file } = readDirectives(words)
  const { config, setBy } = loadServerConfig(directives)
  const refusal = config.assign('dir', [usableDir(config.values.dir, setBy.get('dir'))])
  if (refusal !== undefined) throw new UsageError(refusal)
  return { config, file }
}

/** The options of `vedette sentinel <words>`. Throws UsageError or ConfigError. */
export function loadSentinel(words: readonly string[], environment: NodeJS.ProcessEnv): SentinelOptions {
  const { directives } = readDirectives(words)
  const { options, setBy } = loadSentinelOptions(directives)
  // With a file or options it may start empty: SENTINEL MONITOR tells it later what to watch.
  if (options.groups.length === 0 && words.length === 0)
    throw new UsageError('Nothing to watch: give `sentinel monitor <name> <host> <port> <quorum>`')
  options.dir = usableDir(options.dir, setBy.get('dir'))
  options.swarmKey = readSwarmKey(options['swarm-key-file'], environment.VEDETTE_SWARM_KEY)
  options.consoleToken = readToken(options['console-token-file'], environment.VEDETTE_CONSOLE_TOKEN)
  return options
}

/** A secret that stands in a file or in the environment; undefined when there is none. */
function readSecret(
  option: string,
  file: string,
  variable: string,
  fromEnvironment: string | undefined,
  parse: (text: string) => string,
): string | undefined {
  const where = file === '' ? variable : `${option} ${file}`
  try {
    const text = file === '' ? fromEnvironment : readText(file)
    return text === undefined || (file === '' && text === '') ? undefined : parse(text)
  } catch (error) {
    throw new UsageError(`${where}: ${reasonOf(error)}`)
  }
}

/** The swarm key's 64 hex digits: plain, or in the form of libp2p's swarm.key files. */
const readSwarmKey = (file: string, fromEnvironment: string | undefined): string | undefined =>
  readSecret('swarm-key-file', file, 'VEDETTE_SWARM_KEY', fromEnvironment, parseSwarmKey)

const readToken = (file: string, fromEnvironment: string | undefined): string | undefined =>
  readSecret('console-token-file', file, 'VEDETTE_CONSOLE_TOKEN', fromEnvironment, parseToken)

/** A token that can be guessed is none. */
function parseToken(text: string): string {
  const token = text.trim()
  if (/^[!-~]{16,256}$/.test(token)) return token
  throw new Error('the token must be 16 to 256 visible characters without blanks')
}

/** The report of a configuration that cannot be accepted, as redis-server prints it. */
export function configReport(error: ConfigError): string {
  return `\n*** FATAL CONFIG FILE ERROR (Vedette ${VERSION}) ***\n${error.message}\n`
}
