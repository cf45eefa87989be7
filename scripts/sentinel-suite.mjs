import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseSentinelOutput, prepareSentinelFolder, runSentinelSuite } from './reference/sentinel.mjs'
import { CACHE, fetchSource } from './reference/source.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    file: { type: 'string', multiple: true, default: [] },
    servers: { type: 'string', default: 'redis' },
    sentinels: { type: 'string', default: 'vedette' },
    keep: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const source = fetchSource()
const vedette = (kind) => [process.execPath, process.env.MAIN ?? join(root, 'dist/cli/main.js'), kind]
const folder = join(CACHE, `sentinel-${process.pid}`)
prepareSentinelFolder(source, folder, {
  servers: options.servers === 'redis' ? ['/usr/bin/redis-server'] : vedette('server'),
  sentinels: options.sentinels === 'redis' ? ['/usr/bin/redis-sentinel'] : vedette('sentinel'),
  leftOut: [
    'Sentinel commands sanity check',
    'Sentinels (re)connection following master ACL change',
    'Sentinel Set with other error situations',
    '(post-init) Set up ACL configuration',
    'SENTINEL CONFIG SET handles on-the-fly credentials reconfiguration',
    '(post-cleanup) Tear down ACL configuration',
  ],
})
const text = await runSentinelSuite(folder, {
  files: options.file,
  timeoutMs: 1200000,
  onOutput: options.verbose ? (b) => process.stdout.write(b) : undefined,
})
const cases = parseSentinelOutput(text)
for (const c of cases) console.log(c.file, c.state, c.name, c.why)
console.log(folder, cases.filter((c) => c.state === 'ok').length, cases.length)
