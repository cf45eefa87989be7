// Where Redis's suite comes from: the source package of the distribution, fetched with apt through a configuration of our own
// (its package lists and the source stay in the cache, the system's apt is left as it is). Nothing of it enters the repository.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const VERSION = '7.0.15'

/** The folder outside of the repository in which everything is kept. */
export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vedette', 'reference')

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', ...options })
  if (done.error) throw new Error(`${command}: ${done.error.message}`)
  return done
}

/** The machine's package sources, asked for source packages. */
function sourcePackages() {
  const lines = []
  const paragraphs = []
  const folder = '/etc/apt/sources.list.d'
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
  for (const file of ['/etc/apt/sources.list', ...files].filter((name) => existsSync(name))) {
    const text = readFileSync(file, 'utf8')
    if (file.endsWith('.list'))
      lines.push(...(text.match(/^deb\s.*$/gm)?.map((line) => line.replace(/^deb/, 'deb-src')) ?? []))
    if (file.endsWith('.sources')) paragraphs.push(text.trim().replace(/^Types:.*$/gm, 'Types: deb-src'))
  }
  return { lines: `${lines.join('\n')}\n`, paragraphs: `${paragraphs.join('\n\n')}\n` }
}

/** The environment in which apt uses lists and sources of its own. */
function privateApt() {
  const apt = join(CACHE, 'apt')
  const parts = join(apt, 'parts')
  for (const dir of ['lists/partial', 'cache/archives/partial', 'parts']) mkdirSync(join(apt, dir), { recursive: true })
  const { lines, paragraphs } = sourcePackages()
  writeFileSync(join(apt, 'sources.list'), lines)
  writeFileSync(join(parts, 'source.sources'), paragraphs)
  const settings = {
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': parts,
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Sandbox::User': 'root',
  }
  const text = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
  writeFileSync(join(apt, 'apt.conf'), text.join(''))
  return { ...process.env, APT_CONFIG: join(apt, 'apt.conf'), LC_ALL: 'C' }
}

/** The folder of Redis's source; fetches it if it is not in the cache. */
export function fetchSource() {
  const source = join(CACHE, `redis-${VERSION}`)
  if (existsSync(join(source, 'tests', 'test_helper.tcl'))) return source
  mkdirSync(CACHE, { recursive: true })
  const env = privateApt()
  // A source of another vendor may have no source packages: what counts is whether Redis is found.
  run('apt-get', ['update', '-q'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const known = run('apt-cache', ['showsrc', 'redis'], { env }).stdout
  const versions = [...known.matchAll(/^Version: (.*)$/gm)].map(([, version]) => version)
  const version = versions.filter((one) => one.includes(`:${VERSION}-`)).at(-1)
  if (version === undefined)
    throw new Error(`apt knows no source package of Redis ${VERSION}, only: ${versions.join(', ')}`)
  rmSync(source, { recursive: true, force: true })
  const got = run('apt-get', ['source', '-q', `redis=${version}`], {
    env,
    cwd: CACHE,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (got.status !== 0 || !existsSync(join(source, 'tests')))
    throw new Error('apt-get source redis failed; is dpkg-dev installed?')
  return source
}
