// A sentinel without links, quorum or process, and the clients in front of it.
import { isIP } from 'node:net'
import type { ClientRegistry } from '../../src/facade/registry.ts'
import { seededRandom } from '../../src/lib/prng.ts'
import { createCore } from '../../src/sentinel/core.ts'
import { createFront, type FrontOptions, type PortHost } from '../../src/supervisor/port.ts'
import type { Sentinel } from '../../src/supervisor/sentinel.ts'

export const RUN_ID = 'a'.repeat(40)

/** A sentinel that watches one group and has no links: the port must not need more. */
export function sentinelStub(request: Sentinel['request']): Sentinel {
  const at = (p: number) => ({ host: '127.0.0.1', port: p })
  const self = { peer: 'me', runId: RUN_ID, gossip: at(3), resp: at(2) }
  const groups = [{ name: 'mymaster', primary: at(1), quorum: 2, settings: {} }]
  const core = createCore({ self, groups, random: seededRandom(1), wallOffsetMs: 0 }, 0)
  core.step(0, { type: 'tick' })
  return {
    core,
    links: { pending: () => 0, infoText: () => undefined } as unknown as Sentinel['links'],
    consensus: undefined,
    startedMs: 0,
    request,
    takeHello: () => {},
  } as unknown as Sentinel
}

/** What a port asks of a process that has no facts to tell. */
export function portHost(sentinel: Sentinel): PortHost {
  return {
    sentinel,
    log: { debug() {}, verbose() {}, notice() {}, warning() {} },
    facts: () => ({
      pid: 1,
      port: 2,
      runId: RUN_ID,
      uptimeSeconds: 3,
      executable: 'vedette',
      os: 'Linux',
      archBits: 64,
      cpu: { userSeconds: 0, systemSeconds: 0 },
      residentBytes: 1,
      maxClients: 5,
    }),
    denyScripts: false,
    status: () => '{}',
    config: () => new Map([['loglevel', 'notice']]),
    configure: () => undefined,
    shownHost: ({ host }) => host,
    directory: '/',
    failures: new Set(),
    scripts: { jobs: [], running: 0, run() {}, stop() {} },
    shutdown: () => {},
    resolve: async (host) => (isIP(host) ? host : undefined),
  }
}

/** Users as the options of a sentinel give them. */
export const usersOf = (requirepass = ''): FrontOptions['users'] => ({
  requirepass,
  userLines: [],
  'requirepass-file': '',
  'aclfile-reload': false,
  aclfile: '',
  'acllog-max-len': 128,
  'acl-pubsub-default': 'resetchannels',
})

/** The clients of a sentinel, over wires in memory. */
export function createTestFront(given: Partial<FrontOptions> = {}): { clients: ClientRegistry; bugs: string[] } {
  const bugs: string[] = []
  const { clients } = createFront({
    maxClients: 100,
    protectedMode: () => false,
    users: usersOf(),
    host: portHost(sentinelStub(() => {})),
    onError: (message) => void bugs.push(message),
    ...given,
  })
  return { clients, bugs }
}
