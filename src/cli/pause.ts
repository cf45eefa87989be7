// `vedette pause <group> --for 10m` and `vedette resume <group>`: no failover begins by itself for a time.
import { wallMs } from '../io/clock.ts'
import { PAUSE_MAX_MS } from '../lib/limits.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { askAbout } from './groups.ts'
import { SENTINEL_ADDRESS_OPTIONS, type SentinelAddressArgs, withSentinel } from './sentinel-address.ts'
import { span } from './table.ts'
import { duration } from './values.ts'

interface ResumeArgs extends SentinelAddressArgs {
  readonly name: string
}

interface PauseArgs extends ResumeArgs {
  readonly for: number
}

const NAME = { describe: 'Name of the group, as in `sentinel monitor <name> …`' }

/** Reads a duration that a pause may have. */
function pauseTime(given: unknown): number {
  const ms = duration('for', 1)(given)
  if (ms > PAUSE_MAX_MS) throw new UsageError(`--for must be ${span(PAUSE_MAX_MS)} or less, not '${String(given)}'`)
  return ms
}

export const pauseCommand: Command<PauseArgs> = {
  command: 'pause <name>',
  description: 'Let no failover of a group begin by itself for a time, as for maintenance',
  positionals: { name: NAME },
  options: {
    ...SENTINEL_ADDRESS_OPTIONS,
    for: {
      describe: 'How long; it ends by itself',
      type: 'string',
      default: '10m',
      requiresArg: true,
      coerce: pauseTime,
    },
  },
  examples: [
    ['vedette pause mymaster --for 30m', 'While its machines are worked on; `vedette failover` still works'],
    ['vedette resume mymaster', 'Ends it early'],
  ],
  handler: (args) =>
    withSentinel(args, async (client) => {
      const answer = await askAbout(client, ['VEDETTE-PAUSE'], args.name, String(args.for))
      if (typeof answer === 'number') return answer
      const until = new Date(wallMs() + args.for).toISOString().slice(0, 19)
      console.log(`${args.name}: no failover begins by itself for ${span(args.for)}, until ${until}Z`)
      return EXIT.ok
    }),
}

export const resumeCommand: Command<ResumeArgs> = {
  command: 'resume <name>',
  description: 'End a pause, and let the next failover follow at once upon the last',
  positionals: { name: NAME },
  options: SENTINEL_ADDRESS_OPTIONS,
  examples: [['vedette resume mymaster', 'Failovers of mymaster begin by themselves again']],
  handler: (args) =>
    withSentinel(args, async (client) => {
      const answer = await askAbout(client, ['VEDETTE-RESUME'], args.name)
      if (typeof answer === 'number') return answer
      console.log(`${args.name}: failovers begin by themselves again`)
      return EXIT.ok
    }),
}
