// `vedette status`: asks a sentinel, and shows what it says once or over and over.
import { setTimeout as sleep } from 'node:timers/promises'
import { wallMs } from '../io/clock.ts'
import { type Command, EXIT } from './command.ts'
import { askQuorumStatus, type QuorumStatus } from './quorum-status.ts'
import {
  addressText,
  connectSentinel,
  reportUnreachable,
  SENTINEL_ADDRESS_OPTIONS,
  type SentinelAddressArgs,
} from './sentinel-address.ts'
import { isHealthy, statusLines } from './status-view.ts'
import { paintFor } from './table.ts'
import { duration } from './values.ts'

interface StatusArgs extends SentinelAddressArgs {
  readonly json: boolean
  readonly watch: boolean
  readonly interval: number
}

async function ask(args: StatusArgs): Promise<QuorumStatus> {
  const client = connectSentinel(args)
  try {
    return await askQuorumStatus(client, addressText(args.sentinel))
  } finally {
    client.close()
  }
}

function show(status: QuorumStatus, args: StatusArgs): void {
  if (args.json) {
    console.log(JSON.stringify({ healthy: isHealthy(status), ...status }))
    return
  }
  const clear = args.watch && process.stdout.isTTY ? '\x1b[H\x1b[2J' : ''
  const lines = statusLines(status, paintFor(process.stdout, process.env), wallMs())
  process.stdout.write(`${clear}${lines.join('\n')}\n`)
}

export const statusCommand: Command<StatusArgs> = {
  command: 'status',
  description: 'Show the quorum and its servers, as any one of the sentinels knows them',
  options: {
    ...SENTINEL_ADDRESS_OPTIONS,
    json: { describe: 'One line of JSON in place of tables', type: 'boolean', default: false },
    watch: { describe: 'Ask again and again until Ctrl-C', type: 'boolean', default: false },
    interval: {
      describe: 'Pause between two answers with --watch',
      type: 'string',
      default: '1s',
      requiresArg: true,
      coerce: duration('interval', 50),
    },
  },
  examples: [
    ['vedette status', 'Ask the sentinel on 127.0.0.1:26379'],
    ['vedette status --sentinel 10.0.0.7:26379 --json', 'For programs; the exit code tells healthy (0) from not (4)'],
    ['vedette status --watch --interval 250ms', 'Watch a failover'],
  ],
  async handler(args) {
    let readerGone = false
    process.stdout.on('error', () => {
      readerGone = true
    })
    for (;;) {
      let code: number
      try {
        const status = await ask(args)
        show(status, args)
        code = isHealthy(status) ? EXIT.ok : EXIT.unhealthy
      } catch (error) {
        code = reportUnreachable(args, error)
      }
      if (!args.watch || readerGone) return code
      await sleep(args.interval)
    }
  },
}
