// SENTINEL CONFIG and SENTINEL DEBUG: what concerns this sentinel alone, and holds until it ends. Texts and shapes are those of Redis
// Sentinel 7.0.15.
import { errorText } from '../../errors.ts'
import { globMatch } from '../../lib/glob.ts'
import { type Timing, timingFields, timingOf } from '../../sentinel/timing.ts'
import { writeFields } from './fields.ts'
import type { Call, SentinelCommand } from './spec.ts'

function config({ words, reply, host }: Call): void {
  const [, , verb, option = '', value = ''] = words
  if (verb!.toLowerCase() === 'set' && words.length === 5) {
    const error = host.configure(option, value)
    return error === undefined ? reply.ok() : reply.error(error)
  }
  if (verb!.toLowerCase() !== 'get' || words.length !== 4) return reply.error(errorText('sentinelConfig'))
  const pattern = Buffer.from(option)
  writeFields(
    reply,
    [...host.config()].filter(([name]) => globMatch(pattern, Buffer.from(name), true)),
  )
}

/** Raft's, and fixed. */
const ELECTION_TIMEOUT = 'election-timeout'
const MS_MAX = 0x7fffffff

function debug({ words, reply, host }: Call): void {
  const { sentinel } = host
  if (words.length === 2) {
    const election = host.config().get('election-timeout-milliseconds') ?? ''
    const times = timingFields(sentinel.core.state.timing).map(([name, ms]) => [name, String(ms)] as const)
    const fields = [...times, [ELECTION_TIMEOUT, election] as const]
    return writeFields(
      reply,
      fields.map(([name, ms]) => [name.toUpperCase(), ms]),
    )
  }
  const changes: { -readonly [Field in keyof Timing]?: number } = {}
  for (let i = 2; i < words.length; i += 2) {
    const [name, text] = [words[i]!, words[i + 1]]
    if (name.toLowerCase() === ELECTION_TIMEOUT) return reply.error(errorText('sentinelDebugFixed'))
    const field = timingOf(name)
    if (field === undefined || text === undefined) return reply.error(errorText('sentinelDebugOption', name))
    const ms = /^\d{1,10}$/.test(text) ? Number(text) : 0
    if (ms < 1 || ms > MS_MAX) return reply.error(errorText('sentinelDebugValue', text, name))
    changes[field] = ms
  }
  sentinel.retime(changes)
  reply.ok()
}

export const TUNING: readonly SentinelCommand[] = [
  {
    name: 'config',
    arity: -3,
    flags: ['admin'],
    since: '6.2.0',
    group: 'sentinel',
    usage: '(GET <pattern> | SET <option> <value>)',
    summary: 'Shows or changes options of this sentinel; a change holds until it ends',
    run: config,
  },
  {
    name: 'debug',
    arity: -2,
    flags: ['admin'],
    since: '7.0.0',
    group: 'sentinel',
    usage: '[<time> <milliseconds> ...]',
    summary: 'Shows or changes the times by which this sentinel works; a change holds until it ends',
    run: debug,
  },
]
