// Makes docs/CONFIGURATION.md from the option tables, docs/METRICS.md from those of the metrics, docs/COMMANDS.md from the rows of
// commands, docs/ERRORS.md from the table of errors and docs/EVENTS.md from that of events, so that the pages say what the program does. As a program it takes the tables of the built package (`npm run build && node scripts/docs.mjs`); the
// tests that pages and tables are equal give it those of src/.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const cell = (text) => text.replace(/\|/g, '\\|')
const code = (text) => (text === '' ? '`""`' : `\`${cell(text)}\``)

function table(heads, rows) {
  return [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function optionCells(name, row) {
  const aliases = row.aliases === undefined ? '' : `<br>${row.aliases.map(code).join(', ')}`
  return [code(name) + aliases, cell(row.type.domain), code(row.default)]
}

const changes = (row) => (!row.mutable || row.needsRestart ? 'no' : row.protected ? 'protected' : 'yes')

function effective(options) {
  const rows = Object.entries(options)
    .filter(([, row]) => row.inert === undefined && row.hidden === undefined)
    .map(([name, row]) => [...optionCells(name, row), changes(row), cell(row.help)])
  return table(['option', 'values', 'default', 'CONFIG SET', 'what it does'], rows)
}

function inert(options) {
  const rows = Object.entries(options)
    .filter(([, row]) => row.inert !== undefined)
    .map(([name, row]) => [...optionCells(name, row), cell(row.inert)])
  return table(['option', 'values', 'default', 'without effect because'], rows)
}

function sentinelProcess(options) {
  const rows = Object.entries(options).map(([name, row]) => {
    const [, domain, text] = optionCells(name, row)
    return [code(row.form === 'sentinel' ? `sentinel ${name}` : name), domain, text, cell(row.help)]
  })
  return table(['directive', 'values', 'default', 'what it does'], rows)
}

function sentinelGroups(options) {
  const rows = Object.entries(options).map(([name, row]) => {
    const [, domain, text] = optionCells(name, row)
    return [code(`sentinel ${name} <group> …`), domain, text, cell(row.help)]
  })
  return table(['directive', 'values', 'default', 'what it does'], rows)
}

/** The whole page, from the three tables. */
export function configurationPage({ SERVER_OPTIONS, SENTINEL_OPTIONS, GROUP_OPTIONS }) {
  return `# Configuration

<!-- Made by scripts/docs.mjs from src/config; edit the tables there. -->

Server and sentinel read configuration as Redis 7.0 does: a file (\`vedette server redis.conf\`), standard input (\`-\`), then
the command line (\`--directive value …\`); the last one counts. In files: one directive a line, \`#\` comments, words in "double
quotes" (\`\\n \\r \\t \\b \\a \\xHH\` are escapes) or 'single quotes', \`include <file or pattern>\`. Bytes take units: \`1k\` is 1000, \`1kb\`
is 1024, so \`m\`, \`mb\`, \`g\`, \`gb\`. An unknown directive or a bad value ends the start with exit code 2, the line and, where
one is near, the name that was probably meant. A value that asks for something that is not built yet is refused too,
rather than ignored.

## Server

Names, defaults and ranges are those of Redis 7.0.15, except \`repl-diskless-sync-delay\` (0 here, 5 there, because a snapshot costs
no second process) and what is marked as Vedette's own. \`protected\` means: CONFIG SET may change it only if
\`enable-protected-configs\` allows it.

${effective(SERVER_OPTIONS)}

### Accepted without effect

So that a redis.conf made for Redis loads, these are read, checked, kept and shown by CONFIG GET. They change nothing here.

${inert(SERVER_OPTIONS)}

## Sentinel

A file with \`port\`, \`dir\` and one \`sentinel monitor <name> <host> <port> <quorum>\` is enough; on the command line it is
\`--sentinel monitor <name> <host> <port> <quorum>\`. The file is read and never written: what a sentinel must remember is in \`dir\`.
Lines that Redis Sentinel writes into its file for itself (\`myid\`, \`current-epoch\`, \`known-sentinel\`, …) are skipped
with a note in the log, and so are options of servers. \`known-replica\` lines are hints: where a primary is down before it could be asked
for its replicas, those are looked at. Our own directives may be written with or without \`sentinel\` before them.

### The process

${sentinelProcess(SENTINEL_OPTIONS)}

### Each monitored group

${sentinelGroups(GROUP_OPTIONS)}
`
}

function metrics(rows) {
  const cells = Object.values(rows).map(({ name, kind, labels, help }) => [
    code(name),
    kind,
    labels.map(code).join(' '),
    cell(help),
  ])
  return table(['metric', 'type', 'labels', 'what it says'], cells)
}

/** The page of metrics, from the two tables. */
export function metricsPage({ SERVER_METRICS, SENTINEL_METRICS }) {
  return `# Metrics

<!-- Made by scripts/docs.mjs from src/metrics; edit the tables there. -->

Both processes answer \`GET /metrics\` on their HTTP port (\`http-port\`; a sentinel opens one by default, a server when it is asked to)
in the text format of Prometheus. Beside what stands here there is what prom-client says of every Node process: \`process_…\`
(processor time, resident memory, open files) and \`nodejs_…\` (event loop, garbage collection, heap).

## Sentinel

\`group\` is the name under \`sentinel monitor\`, \`server\` is host:port. Each sentinel tells what it knows; ask all of them and
compare.

${metrics(SENTINEL_METRICS)}

## Server

${metrics(SERVER_METRICS)}
`
}

/** An argument as one writes it: `[EX seconds | PX milliseconds]`. */
function syntax(argument) {
  const { name, type, token, optional, multiple, multipleToken } = argument
  const inner =
    type === 'oneof'
      ? argument.arguments.map(syntax).join(' | ')
      : type === 'block'
        ? argument.arguments.map(syntax).join(' ')
        : type === 'pure-token'
          ? ''
          : name
  const one = [token === '' ? '""' : token, inner].filter(Boolean).join(' ')
  const repeated = multipleToken ? `${one} [${one} …]` : multiple ? `${one} [${inner} …]` : one
  if (optional) return `[${repeated}]`
  return type === 'oneof' && token === undefined ? `<${repeated}>` : repeated
}

function commandRow({ fullName, spec }) {
  const words = spec.usage ?? (spec.arguments ?? []).map(syntax).join(' ')
  const name = `${fullName.replace('|', ' ').toUpperCase()}${words === '' ? '' : ` ${words}`}`
  return [code(name), cell(spec.summary), cell(spec.complexity ?? ''), spec.since]
}

/** Commands by group; a container stands for itself only where it does something. */
function commandTables(table) {
  const groups = new Map()
  for (const command of table.all()) {
    if (command.run === undefined || command.spec.name === 'help') continue
    const { group } = (command.parent ?? command).spec
    if (!groups.has(group)) groups.set(group, [])
    groups.get(group).push(command)
  }
  const inOrder = [...groups].sort(([a], [b]) => a.localeCompare(b))
  return inOrder
    .map(([group, commands]) => {
      const rows = commands.sort((a, b) => a.fullName.localeCompare(b.fullName)).map(commandRow)
      return `### ${group}\n\n${commandTable(rows)}`
    })
    .join('\n\n')
}

const commandTable = (rows) => table(['command', 'what it does', 'complexity', 'since'], rows)

/** The page of commands, from the tables of both processes. */
export function commandsPage({ server, sentinel }) {
  return `# Commands

<!-- Made by scripts/docs.mjs from the rows in src/commands, src/facade and src/supervisor/commands; edit them there. -->

Names, arguments and replies are those of Redis 7.0.15. \`COMMAND DOCS\` answers the same, and every container has \`HELP\`. A command that
is not here is answered as unknown; an option of a command that is not built yet is refused, never ignored. CLUSTER answers that cluster
mode is off.

## Server

${commandTables(server)}

## Sentinel

${commandTables(sentinel)}
`
}

/** What the first word of an error means, and what to do. Each code of the table has to be here. */
const ERROR_CODES = {
  BUSYGROUP: 'the consumer group is there already; go on',
  BUSYKEY: 'the key is there already; RESTORE with REPLACE overwrites it',
  DENIED: 'protected mode: without a password only clients on the same machine are served',
  ERR: 'the request cannot be done as it was sent; sending it again does not help',
  EXECABORT: 'the transaction was not run, none of it; mend the command that was refused and send all of it again',
  INPROG: 'something of the kind is going on already; wait for it',
  INVALIDOBJ: 'the value is no sound HyperLogLog',
  IOERR: 'another server could not be reached, or broke off (MIGRATE)',
  LOADING: 'the server reads its data into memory; try again, or ask another one',
  MASTERDOWN: 'a replica without its primary, told not to answer with old data; try again, or ask another one',
  BUSY: 'A script runs long; only few commands are answered until it ends',
  NOSCRIPT: 'No script of that SHA-1 is known: send its source',
  NOTBUSY: 'No script runs that could be ended',
  UNKILLABLE: 'The script has written, so it cannot be ended',
  MISCONF: 'snapshots fail, and the configuration says to refuse writes then; look at the log and the disk',
  NOAUTH: 'a password is needed: AUTH',
  NOPERM: 'The user may not do this: see ACL LOG.',
  NOFAILOVER: 'from SENTINEL CKQUORUM: a failover that is needed cannot be done, and why',
  NOGOODSLAVE: 'no replica can take over now; `vedette status` says why',
  NOGROUP: 'there is no such consumer group, or no such key',
  NOLEASEKEY: 'to a sentinel: its word about the lease of this server is signed with another key than the server knows',
  NOMASTERLINK: 'a replica without its primary',
  NOPROTO: 'HELLO asked for a version of the protocol that is not spoken',
  NOQUORUM: 'from SENTINEL CKQUORUM: too few sentinels see each other to decide anything, and why',
  NOREPLICAS: 'too few replicas are in sync for a write (min-replicas-to-write); try again',
  OOM: 'the memory limit is reached; delete something, or raise maxmemory',
  READONLY:
    'this server is no primary, or not any more: ask the sentinels who is, and send the command there. Clients do that by themselves if told to ([CLIENTS.md](CLIENTS.md))',
  TESTFAILED: 'from PFSELFTEST: a bug of Vedette; report it',
  UNBLOCKED:
    'another client ended the waiting (CLIENT UNBLOCK), the stream that was waited for is gone, or this server has become a replica',
  WRONGPASS: 'user or password are wrong',
  WRONGTYPE: 'the key holds another type than the command is for',
}

/** The page of errors, from the table. Throws for a code that it has no words for. */
export function errorsPage({ ERRORS }) {
  const byCode = new Map()
  for (const text of Object.values(ERRORS)) {
    const [first] = text.split(' ')
    const name = /^[A-Z]+$/.test(first) ? first : 'ERR'
    if (!byCode.has(name)) byCode.set(name, [])
    byCode.get(name).push(text)
  }
  const idle = Object.keys(ERROR_CODES).filter((name) => !byCode.has(name))
  if (idle.length > 0) throw new Error(`scripts/docs.mjs: no error is ${idle}`)
  const sections = [...byCode]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, texts]) => {
      const meaning = ERROR_CODES[name]
      if (meaning === undefined) throw new Error(`scripts/docs.mjs: what does ${name} mean?`)
      const list = [...new Set(texts)].map((text) => `- ${code(text.replaceAll('%s', '…'))}`).join('\n')
      return `## ${name}\n\n${meaning[0].toUpperCase()}${meaning.slice(1)}.\n\n${list}`
    })
  return `# Errors

<!-- Made by scripts/docs.mjs from src/errors.ts; edit the table there, and what codes mean in the script. -->

An error reply begins with a code, by which programs tell errors apart; the text after it is for people. Texts and codes are those of Redis 7.0.15
where Redis has the error. \`…\` stands for what depends on the request.

${sections.join('\n\n')}
`
}

/** Events of Redis Sentinel that are never told, and why. */
const NO_EVENTS = {
  '-failover-abort-not-elected': 'the leader is elected before anything fails',
  '+slave-reconf-sent-be': 'after a time-out replicas are corrected one by one (+fix-slave-config)',
  '+sentinel-address-update': 'a sentinel is one, whatever groups it watches: +sentinel-address-switch tells all',
  '+sentinel-invalid-addr': 'a sentinel is known by its key, not by its address',
  '-cmd-link-reconnection, -pubsub-link-reconnection': 'Redis only logs them; here the reason is in the log',
}

/** The page of events, from the table. */
export function eventsPage({ EVENTS }) {
  const rows = Object.entries(EVENTS).map(([name, { level, payload, when }]) => [
    code(name),
    code(payload),
    level,
    cell(when),
  ])
  return `# Events

<!-- Made by scripts/docs.mjs from src/sentinel/events.ts; edit the table there. -->

A sentinel publishes what happens to its subscribers (\`PSUBSCRIBE *\` on its port): the channel is the event, the message its payload. Names and
payloads are those of Redis Sentinel 7.0.15. \`@\` stands for the instance that it is about: \`master <group> <ip> <port>\`, or
\`slave|sentinel <id> <ip> <port> @ <group> <ip> <port>\` with the primary behind the second \`@\`. Every event is in the log at its level. Those
of level debug are in the log only; those of level warning that are about a group also run its \`notification-script\`, with event and payload as
arguments, and +switch-master its \`client-reconfig-script\`.

${table(['event', 'payload', 'level', 'when'], rows)}

## Events of Redis Sentinel that are never told

${table(
  ['event', 'why'],
  Object.entries(NO_EVENTS).map(([name, why]) => [name, why]),
)}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await import('../dist/config/server-options.js')
  const sentinel = await import('../dist/config/sentinel-options.js')
  const serverMetrics = await import('../dist/metrics/server-metrics.js')
  const sentinelMetrics = await import('../dist/metrics/sentinel-metrics.js')
  const page = (name) => fileURLToPath(new URL(`../docs/${name}.md`, import.meta.url))
  writeFileSync(page('CONFIGURATION'), configurationPage({ ...server, ...sentinel }))
  writeFileSync(page('METRICS'), metricsPage({ ...serverMetrics, ...sentinelMetrics }))
  const { allCommands } = await import('../dist/commands/table.js')
  const { SENTINEL_TABLE } = await import('../dist/supervisor/commands/table.js')
  writeFileSync(page('COMMANDS'), commandsPage({ server: allCommands(), sentinel: SENTINEL_TABLE }))
  writeFileSync(page('ERRORS'), errorsPage(await import('../dist/errors.js')))
  writeFileSync(page('EVENTS'), eventsPage(await import('../dist/sentinel/events.js')))
}
