// Makes docs/CONFIGURATION.md from the option tables and docs/METRICS.md from those of the metrics, so that the pages say what
// the program does. As a program it takes the tables of the built package (`npm run build && node scripts/docs.mjs`); the
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
Lines that Redis Sentinel writes into its file for itself (\`myid\`, \`current-epoch\`, \`known-replica\`, \`known-sentinel\`, …) are skipped
with a note in the log, and so are options of servers. Our own directives may be written with or without \`sentinel\` before them.

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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await import('../dist/config/server-options.js')
  const sentinel = await import('../dist/config/sentinel-options.js')
  const serverMetrics = await import('../dist/metrics/server-metrics.js')
  const sentinelMetrics = await import('../dist/metrics/sentinel-metrics.js')
  const page = (name) => fileURLToPath(new URL(`../docs/${name}.md`, import.meta.url))
  writeFileSync(page('CONFIGURATION'), configurationPage({ ...server, ...sentinel }))
  writeFileSync(page('METRICS'), metricsPage({ ...serverMetrics, ...sentinelMetrics }))
}
