// `vedette server`: reads its words as redis-server does, starts the server and runs until it ends.
import { createLogger, logSink } from '../io/log.ts'
import { VERSION } from '../io/package.ts'
import { EXIT, type RawCommand } from './command.ts'
import { loadServer } from './load.ts'
import { runProcess } from './process.ts'

export const serverCommand: RawCommand = {
  command: 'server',
  description: 'Run a server: a primary, or a replica with --replicaof',
  usage: 'vedette server [redis.conf] [--directive value …] [-]',
  examples: [
    ['vedette server', 'Port 6379, data in the current directory'],
    ['vedette server --port 7000 --save "" --requirepass secret', 'Directives of redis.conf as options'],
    ['vedette server --port 7001 --replicaof 127.0.0.1 7000', 'A replica; a directive may have several values'],
    ['vedette server /etc/redis/redis.conf --daemonize no', 'A file of Redis; the command line counts more'],
    ['echo "maxmemory 128mb" | vedette server -', 'Directives from standard input'],
  ],
  notes:
    'The directives, their defaults and limits are those of Redis 7.0: see docs/CONFIGURATION.md. SIGTERM and SIGINT stop\n' +
    'the server in good order: it saves if it has save points.',
  async handler(words) {
    const { config, file } = loadServer(words)
    const { values } = config
    // As redis-server: what has a relative path (logfile, pidfile, unixsocket) is there.
    process.chdir(values.dir)
    const log = createLogger({
      role: () => (values.replicaof === undefined ? 'M' : 'S'),
      level: () => values.loglevel,
      write: logSink(values.logfile),
    })
    log.notice(`Vedette ${VERSION} server is starting, Node ${process.version}, data in ${values.dir}`)
    const code = await runProcess(log, values.pidfile, undefined, async () => {
      const { startServer } = await import('../server/main.ts')
      return startServer(config, log, file)
    })
    return code === 0 ? EXIT.ok : EXIT.failed
  },
}
