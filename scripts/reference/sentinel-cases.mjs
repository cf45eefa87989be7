// The cases of Redis's Sentinel suite that are not run, each with the reason; and what came of the others.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ACL = 'users (ACL) are another piece of work'
const SHARED = 'told to one sentinel, a setting is in force on all'

export const LEFT_OUT = {
  'Sentinel commands sanity check': `it counts the commands: 72, those of ACL among them and those of Vedette not; ${ACL}`,
  'Sentinels (re)connection following master ACL change': `a sentinel that nobody told of a new password is to lose the primary; here, ${SHARED}`,
  'Sentinel Set with other error situations':
    'it makes the rewriting of the configuration file fail, which is read and never rewritten',
  '(post-init) Set up ACL configuration': ACL,
  'SENTINEL CONFIG SET handles on-the-fly credentials reconfiguration': ACL,
  '(post-cleanup) Tear down ACL configuration': ACL,
}

/** Where the figures of the last whole runs are kept: servers → { passed, failed, leftOut, date }. */
export const RESULTS = fileURLToPath(new URL('sentinel-results.json', import.meta.url))

const MAKES = { redis: 'redis-server 7.0.15', vedette: 'Vedette' }

/** The part of docs/REFERENCE-SUITE.md about the Sentinel suite. */
export function sentinelSection() {
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'))
  const rows = Object.entries(results).map(
    ([make, { passed, failed, leftOut, date }]) => `| ${MAKES[make]} | ${passed} | ${failed} | ${leftOut} | ${date} |`,
  )
  const reasons = Object.entries(LEFT_OUT).map(([name, why]) => `| ${name} | ${why} |`)
  return `## The Sentinel suite

\`npm run test:sentinel\` runs \`./runtest-sentinel\` of the same source with Vedette's sentinels, over real redis-server instances or
(\`-- --servers vedette\`) over Vedette's; \`-- --update\` keeps the figures. With redis-sentinel and redis-server themselves 152 cases pass. The suite goes to its next
file at a case that fails, so those that cannot apply are left out one by one.

| servers | passed | failed | left out | date |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

| case that is left out | why |
| --- | --- |
${reasons.join('\n')}
`
}
