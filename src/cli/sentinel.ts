// `vedette sentinel`: reads its words as redis-sentinel does, starts the sentinel and runs until it ends.
import { createLogger, logSink } from '../io/log.ts'
import { VERSION } from '../io/package.ts'
import { keepYoungSpaceSmall } from '../io/v8.ts'
import type { RawCommand } from './command.ts'
import { loadSentinel } from './load.ts'
import { runProcess } from './process.ts'

export const sentinelCommand: RawCommand = {
  command: 'sentinel',
  description: 'Run a sentinel: watches servers, and with the other sentinels keeps one of them writable',
  usage: 'vedette sentinel [sentinel.conf] [--directive value …] [-]',
  examples: [
    ['vedette sentinel sentinel.conf', 'A file of Redis Sentinel, or one with only port, dir and sentinel monitor'],
    [
      'vedette sentinel --port 26379 --dir /var/lib/s1 --sentinel monitor mymaster 127.0.0.1 6379 2',
      'Without a file; three of these on three ports find each other and form the quorum',
    ],
    [
      'vedette sentinel sentinel.conf --sentinel down-after-milliseconds mymaster 1000',
      'The command line counts more than the file',
    ],
  ],
  notes:
    'The file is read and never written; what the sentinel must remember is in dir, which no two sentinels may share. Across\n' +
    'machines give all sentinels the same swarm key (VEDETTE_SWARM_KEY or swarm-key-file): without one they talk on\n' +
    'the loopback interface only. All directives: docs/CONFIGURATION.md.\n' +
    'A simulated failure (SENTINEL SIMULATE-FAILURE) ends it with exit code 99.',
  async handler(words) {
    keepYoungSpaceSmall()
    const options = loadSentinel(words, process.env)
    // As redis-sentinel: what has a relative path (logfile, pidfile, scripts) is there.
    process.chdir(options.dir)
    const log = createLogger({ role: () => 'X', level: () => options.loglevel, write: logSink(options.logfile) })
    log.notice(
      `Vedette ${VERSION} sentinel is starting, pid ${process.pid}, Node ${process.version}, state in ${options.dir}`,
    )
    for (const note of options.notes) log.notice(`Configuration: ${note}`)
    return runProcess(log, options.pidfile, 10_000, async () => {
      const { startSentinel } = await import('../supervisor/main.ts')
      return startSentinel(options, log)
    })
  },
}
