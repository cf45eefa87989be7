// `vedette up`: a whole group on this machine, to try it out: real processes, looked after until Ctrl-C.
import { setTimeout as sleep } from 'node:timers/promises'
import { wallMs } from '../io/clock.ts'
import { type Command, EXIT } from './command.ts'
import { type Paint, paintFor } from './table.ts'
import { type Cluster, createCluster } from './up/cluster.ts'
import { type DataDir, openDataDir, readNote, writeNote } from './up/data-dir.ts'
import { GROUP_NAME, HOST, type Ports, type UpArgs, wantedPorts } from './up/plan.ts'
import { reservePorts } from './up/ports.ts'
import { lineScreen, type Screen, terminalScreen } from './up/screen.ts'
import { changes, type Moment, momentLines, primaryPort } from './up/view.ts'
import { duration, integer, text } from './values.ts'

const LOOK_MS = 250
/** A second Ctrl-C counts as impatience only after this; a terminal may deliver the first one twice (npm start). */
const IMPATIENT_MS = 1000

/** How to connect, for people who see this for the first time. */
export function connectText(ports: Ports, primary: number): string[] {
  const sentinels = ports.sentinels.map(({ resp }) => `{ host: '${HOST}', port: ${resp} }`).join(', ')
  const [first] = ports.sentinels
  return [
    `redis-cli -p ${primary} set hello world`,
    `redis-cli -p ${first?.resp} sentinel get-master-addr-by-name ${GROUP_NAME}`,
    `new Redis({ name: '${GROUP_NAME}', sentinels: [${sentinels}] })   // ioredis: follows the primary`,
    `console: http://${HOST}:${first?.http}/    metrics: http://${HOST}:${first?.http}/metrics    hand over: vedette failover ${GROUP_NAME} --sentinel ${HOST}:${first?.resp}`,
  ]
}

function createScreen(): Screen {
  process.stdout.on('error', () => {})
  const write = (line: string): void => void process.stdout.write(line)
  return process.stdout.isTTY && process.env.TERM !== 'dumb' ? terminalScreen(write, process.stdout) : lineScreen(write)
}

/** Looks at the processes until told to stop, and shows what it sees. */
async function watch(
  cluster: Cluster,
  screen: Screen,
  paint: Paint,
  note: (primary: number) => void,
  ended: () => boolean,
) {
  let before: Moment | undefined
  let noted: number | undefined
  while (!ended()) {
    const now = await cluster.look()
    if (ended()) return
    for (const line of changes(before, now)) screen.say(line)
    screen.draw(momentLines(now, paint, wallMs()))
    const primary = primaryPort(now)
    if (primary !== undefined && primary !== noted) {
      noted = primary
      note(primary)
    }
    before = now
    await sleep(LOOK_MS)
  }
}

/** Kills the primary at intervals. */
function startChaos(cluster: Cluster, everyMs: number, say: Screen['say']): NodeJS.Timeout {
  return setInterval(() => {
    const name = cluster.killPrimary()
    say(name === undefined ? 'chaos: no primary to kill at the moment' : `chaos: killed the primary, ${name}`)
  }, everyMs)
}

/** Resolves with why, when `up` is told to end. A second signal after a while kills everything at once. */
function untilSignal(cluster: () => Cluster | undefined): Promise<string> {
  return new Promise((resolve) => {
    let firstMs = 0
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (firstMs === 0) firstMs = wallMs()
        else if (wallMs() - firstMs > IMPATIENT_MS) {
          cluster()?.abort()
          process.exit(EXIT.failed)
        }
        resolve(signal)
      })
    }
  })
}

async function up(args: UpArgs): Promise<number> {
  const ports = await reservePorts(wantedPorts(args))
  const dir: DataDir = openDataDir(args['data-dir'])
  const firstPrimary = readNote(dir, ports)
  const screen = createScreen()
  const paint = paintFor(process.stdout, process.env)
  const cluster = createCluster({ args, ports, ...dir, firstPrimary, say: screen.say })
  process.on('uncaughtException', (error) => {
    cluster.abort()
    screen.close()
    process.stderr.write(`vedette up: uncaught error, everything was ended: ${error.stack ?? error.message}\n`)
    process.exit(EXIT.failed)
  })
  let ending = false
  const signal = untilSignal(() => cluster).then((why) => {
    ending = true
    return why
  })
  let chaos: NodeJS.Timeout | undefined
  try {
    screen.say(`starting ${ports.servers.length} servers and ${ports.sentinels.length} sentinels in ${dir.root}`)
    await Promise.race([cluster.start(), signal])
    if (!ending) {
      screen.say('running; to connect:')
      for (const line of connectText(ports, firstPrimary)) screen.say(`  ${line}`)
      screen.say('Ctrl-C ends everything')
      if (args.chaos !== undefined) chaos = startChaos(cluster, args.chaos, screen.say)
      await Promise.race([
        watch(
          cluster,
          screen,
          paint,
          (primary) => writeNote(dir, ports, primary),
          () => ending,
        ),
        signal,
      ])
    }
    const why = await signal
    screen.draw([])
    screen.say(`${why}: ending ${ports.servers.length + ports.sentinels.length} processes`)
    return EXIT.ok
  } finally {
    ending = true
    clearInterval(chaos)
    await cluster.stop()
    screen.draw([])
    screen.say(dir.temporary ? 'ended; nothing is left behind' : `ended; the data is in ${dir.root}`)
    screen.close()
  }
}

export const upCommand: Command<UpArgs> = {
  command: 'up',
  description: 'Run a primary, its replicas and a quorum of sentinels on this machine, and show what they do',
  options: {
    port: {
      describe: 'Port of the first server; the others follow. 0: free ports for everything',
      type: 'string',
      default: '6379',
      requiresArg: true,
      coerce: integer('port', 0, 65535),
    },
    replicas: {
      describe: 'Replicas',
      type: 'string',
      default: '2',
      requiresArg: true,
      coerce: integer('replicas', 0, 15),
    },
    'sentinel-port': {
      describe: 'Port of the first sentinel; the others follow. HTTP is 1000 above, gossip 2000 above',
      type: 'string',
      defaultDescription: '26379, or free ones with --port 0',
      requiresArg: true,
      coerce: integer('sentinel-port', 0, 65535),
    },
    sentinels: {
      describe: 'Sentinels',
      type: 'string',
      default: '3',
      requiresArg: true,
      coerce: integer('sentinels', 1, 9),
    },
    'data-dir': {
      describe: 'Directory to keep data, state and logs in',
      type: 'string',
      defaultDescription: 'a temporary one, removed at the end',
      requiresArg: true,
      coerce: text('data-dir'),
    },
    'down-after': {
      describe: 'Silence after which a server counts as down (a crash is noticed at once)',
      type: 'string',
      default: '1s',
      requiresArg: true,
      coerce: duration('down-after', 100),
    },
    chaos: {
      describe: 'Kill the primary (SIGKILL) at this interval and restart it as a replica',
      type: 'string',
      requiresArg: true,
      coerce: duration('chaos', 1000),
    },
  },
  examples: [
    ['vedette up', 'A primary on 6379, two replicas, three sentinels on 26379–26381'],
    ['vedette up --chaos 15s', 'Watch a failover every 15 seconds'],
    ['vedette up --port 0', 'On free ports, when the usual ones are taken'],
    ['vedette up --replicas 4 --sentinels 5 --data-dir ./data', 'A larger group, whose data is kept'],
  ],
  notes: 'Every port must be free before anything is started. Output that is not a terminal gets one line per change.',
  handler: up,
}
