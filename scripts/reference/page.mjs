// The list of expected passes and the page that is made from it. The list is an object: file → { cases, passes }; `cases` is how
// many pass on redis-server itself.
import { COMMANDS, OPEN, OPEN_CASES, RUN, SKIPPED, UNSTEADY } from './files.mjs'

/** Counts a name as often as it appears: some cases are run several times under one name. */
function counted(names) {
  const counts = new Map()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** What differs from the expected passes: `lost` passed before and did not now; `gained` the other way round. */
export function compare(expected, passed) {
  const before = counted(expected)
  const now = counted(passed)
  const missing = (from, other) =>
    [...from].filter(([name, count]) => (other.get(name) ?? 0) < count).map(([name]) => name)
  return { lost: missing(before, now), gained: missing(now, before) }
}

/** What passed in one of two runs: each name as often as in the run that has it more often. */
export const eitherOf = (one, other) => withPasses({ cases: 0, passes: one }, other).passes

/** The list of a file with what passed now added to it: nothing is ever taken away. */
export function withPasses(entry, passed) {
  const before = counted(entry?.passes ?? [])
  const names = [...(entry?.passes ?? [])]
  for (const [name, count] of counted(passed)) {
    for (let times = before.get(name) ?? 0; times < count; times++) names.push(name)
  }
  return { cases: Math.max(entry?.cases ?? 0, names.length), passes: names.sort() }
}

/** The rows of a table of cases with the reason for each. */
const reasons = (cases) =>
  Object.entries(cases).flatMap(([file, names]) =>
    Object.entries(names).map(([name, why]) => `| ${file} | ${name} | ${why} |`),
  )

function row(file, { cases, passes } = { cases: 0, passes: [] }) {
  return `| ${file} | ${cases} | ${passes.length} | ${cases - passes.length} |`
}

const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`

/** docs/REFERENCE-SUITE.md; `sentinels` is the part about the Sentinel suite. */
export function referencePage(expected, sentinels) {
  const sumOf = (files) => (of) =>
    files.reduce((total, file) => total + of(expected[file] ?? { cases: 0, passes: [] }), 0)
  const sum = sumOf(RUN)
  const inCommands = sumOf(COMMANDS)
  const cases = sum((entry) => entry.cases)
  const passes = sum((entry) => entry.passes.length)
  const open = Object.entries(OPEN).map(([file, why]) => `| ${file} | ${why} |`)
  const waiting = reasons(OPEN_CASES)
  return `# Redis's own test suite against Vedette

<!-- Made by \`npm run test:reference -- --update\` from scripts/reference/expected.json. -->

\`npm run test:reference\` fetches the source of Redis 7.0.15 from the distribution (\`apt-get source redis\`; it needs Debian or Ubuntu with
\`redis-tools\`, \`dpkg-dev\` and \`tcl\`), puts Vedette in the place of \`src/redis-server\` and runs Redis's Tcl suite. The run fails if a case that
passed before does not pass any more: the list in \`scripts/reference/expected.json\` only grows. \`-- --server /usr/bin/redis-server\` runs the same with
Redis itself, which is how many cases there are; \`-- --file unit/type/string\` runs one file, \`-- --update\` adds what passes now.

**${passes} of ${cases} cases pass** in the files that are run, ${percent(passes, cases)}; in those about data types and commands, which CI runs
(\`-- --commands\`), ${inCommands((entry) => entry.passes.length)} of ${inCommands((entry) => entry.cases)}, ${percent(
    inCommands((entry) => entry.passes.length),
    inCommands((entry) => entry.cases),
  )}. ${waiting.length} wait for another piece of work and are named below, with those
that are left out because they are about how Redis is made: they do not count as cases.

| file | cases | passed | not passed |
| --- | --- | --- | --- |
${RUN.map((file) => row(file, expected[file])).join('\n')}
| **all** | **${cases}** | **${passes}** | **${cases - passes}** |

## Cases that are left out

| file | case | why |
| --- | --- | --- |
${reasons(SKIPPED).join('\n')}

## Cases that wait for another piece of work

They are not run (\`-- --open\` runs them) and count as not passed.

| file | case | what it waits for |
| --- | --- | --- |
${waiting.join('\n')}

## Cases that are unsteady

They pass on a machine of their own, and may fail on a busy one. A run says so, and does not fail.

| file | case | why |
| --- | --- | --- |
${reasons(UNSTEADY).join('\n')}

## Files that are not run yet

| file | why |
| --- | --- |
${open.join('\n')}

The suite's TLS mode (\`-- --tls --file …\`, which needs Debian's \`tcl-tls\`) is not judged: on 28 November 2026 \`unit/tls\` passed in 8 of 8 cases,
and \`unit/type/string\` in 76 of 76.

${sentinels}`
}
