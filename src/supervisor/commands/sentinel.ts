// The SENTINEL command. Reading commands answer from this sentinel's own view; those that change something go through the
// leader and answer when a majority holds the change. Texts and shapes are those of Redis Sentinel 7.0.15.
import { accessSync, constants } from 'node:fs'
import { resolve } from 'node:path'
import { errorText } from '../../errors.ts'
import { help } from '../../facade/commands/help.ts'
import { monotonicMs } from '../../io/clock.ts'
import { globMatch } from '../../lib/glob.ts'
import { PAUSE_MAX_MS } from '../../lib/limits.ts'
import { addressKey, sameAddress } from '../../sentinel/address.ts'
import { primaryToName } from '../../sentinel/certainty.ts'
import { lastingDeadEnd } from '../../sentinel/dead-end.ts'
import { isDown } from '../../sentinel/detector.ts'
import { asName } from '../../sentinel/fields.ts'
import { heldBack } from '../../sentinel/maintenance.ts'
import { obstacleOf } from '../../sentinel/obstacle.ts'
import type { OperatorRequest } from '../../sentinel/peer-message.ts'
import { parseChanges, RENAME_COMMAND } from '../../sentinel/settings.ts'
import { type GroupState, topoOf } from '../../sentinel/state.ts'
import { historyOf } from '../history.ts'
import { outlookReport, quorumState } from '../outlook.ts'
import { masterFields, peerFields, replicaFields, replicasOf, writeFields } from './fields.ts'
import { sentinelsOf } from './info.ts'
import { type Call, later, type SentinelCommand } from './spec.ts'
import { TUNING } from './tuning.ts'

const coreOf = (call: Call) => call.host.sentinel.core.state

/** The group that the third word names, or an error. */
function groupOf(call: Call): GroupState | undefined {
  const group = coreOf(call).groups.get(call.words[2]!)
  if (group === undefined) call.reply.error(errorText('noSuchMaster'))
  return group
}

function masters(call: Call): void {
  const core = coreOf(call)
  call.reply.array(core.groups.size)
  for (const group of core.groups.values()) writeFields(call.reply, masterFields(core, group, call.host, monotonicMs()))
}

function master(call: Call): void {
  const group = groupOf(call)
  if (group === undefined) return
  writeFields(call.reply, masterFields(coreOf(call), group, call.host, monotonicMs()))
}

function replicas(call: Call): void {
  const group = groupOf(call)
  if (group === undefined) return
  const servers = replicasOf(group).filter(({ info }) => info?.announced !== false)
  call.reply.array(servers.length)
  for (const server of servers)
    writeFields(call.reply, replicaFields(coreOf(call), group, server, call.host, monotonicMs()))
}

function sentinels(call: Call): void {
  const group = groupOf(call)
  if (group === undefined) return
  const peers = sentinelsOf(coreOf(call), group.name)
  call.reply.array(peers.length)
  for (const peer of peers) writeFields(call.reply, peerFields(coreOf(call), group, peer, monotonicMs()))
}

function address(call: Call): void {
  const primary = primaryToName(coreOf(call), call.words[2]!, monotonicMs())
  if (primary === undefined) return call.reply.nullArray()
  call.reply.array(2)
  call.reply.bulkText(call.host.shownHost({ group: call.words[2]!, ...primary }))
  call.reply.bulkText(String(primary.port))
}

/** Answers OK, or the error, when the request was decided. */
function ask(call: Call, request: OperatorRequest): void {
  later(call, (done) =>
    call.host.sentinel.request(request, ({ ok, text }) => done((reply) => (ok ? reply.ok() : reply.error(text)))),
  )
}

/** In `sync` mode: to promote though acknowledged writes may be lost. */
const ALLOW_LOSS = 'ALLOW-DATA-LOSS'

function failover(call: Call): void {
  const [, , group, option] = call.words as [string, string, string, string?]
  const lossAllowed = option?.toUpperCase() === ALLOW_LOSS
  if (call.words.length > (lossAllowed ? 4 : 3)) return call.reply.error(errorText('arity', 'sentinel|failover'))
  if (groupOf(call) !== undefined) ask(call, { kind: 'failover', group, ...(lossAllowed && { lossAllowed }) })
}

function monitor(call: Call): void {
  const [, , name, host, portWord, quorumWord] = call.words as [string, string, string, string, string, string]
  const isNumber = (word: string): boolean => /^(0|-?[1-9]\d{0,17})$/.test(word)
  if (!isNumber(quorumWord)) return call.reply.error(errorText('sentinelQuorumNumber'))
  if (!isNumber(portWord)) return call.reply.error(errorText('sentinelPortNumber'))
  const [port, quorum] = [Number(portWord), Number(quorumWord)]
  if (quorum < 1) return call.reply.error(errorText('sentinelQuorum'))
  if (port < 1 || port > 65535) return call.reply.error(errorText('sentinelPort'))
  if (asName(name) === undefined) return call.reply.error(errorText('sentinelName'))
  later(call, (done) => {
    void call.host.resolve(host).then((ip) => {
      if (ip === undefined) return done((reply) => reply.error(errorText('sentinelHost')))
      const hostname = ip === host ? undefined : host
      const request: OperatorRequest = { kind: 'monitor', group: name, primary: { host: ip, port }, quorum, hostname }
      call.host.sentinel.request(request, ({ ok, text }) => done((reply) => (ok ? reply.ok() : reply.error(text))))
    })
  })
}

/** Each of several sentinels may be told: the first makes it so, the others find it so. */
function remove(call: Call): void {
  const { groups, topology } = coreOf(call)
  if (!groups.has(call.words[2]!) && topology.removed.has(call.words[2]!)) return call.reply.ok()
  if (groupOf(call) !== undefined) ask(call, { kind: 'remove', group: call.words[2]! })
}

/** The options that name a script, and the error when it cannot be run here. */
const SCRIPTS = new Map([
  ['notification-script', 'sentinelNotificationScript'],
  ['client-reconfig-script', 'sentinelReconfigScript'],
] as const)

/** As redis-sentinel: an empty path takes the script away. */
function isExecutable(path: string, directory: string): boolean {
  try {
    accessSync(resolve(directory, path), constants.X_OK)
    return true
  } catch {
    return path === ''
  }
}

/** The options and values of SENTINEL SET; the error if they are none. */
function readPairs({ words, host }: Call): [string, string][] | string {
  const pairs: [string, string][] = []
  for (let i = 3; i < words.length; ) {
    const option = words[i]!
    const count = option.toLowerCase() === RENAME_COMMAND ? 2 : 1
    const values = words.slice(i + 1, i + 1 + count)
    if (values.length < count) return errorText('sentinelSetOption', option)
    const unusable = SCRIPTS.get(option.toLowerCase() as 'notification-script')
    if (unusable !== undefined && host.denyScripts) return errorText('sentinelScripts')
    if (unusable !== undefined && !isExecutable(values[0]!, host.directory)) return errorText(unusable)
    pairs.push([option, values.join(' ')])
    i += 1 + count
  }
  return pairs
}

function set(call: Call): void {
  if (groupOf(call) === undefined) return
  const pairs = readPairs(call)
  if (typeof pairs === 'string') return call.reply.error(pairs)
  const changes = parseChanges(pairs)
  if (typeof changes === 'string') return call.reply.error(changes)
  ask(call, { kind: 'set', group: call.words[2]!, pairs })
}

function reset(call: Call): void {
  const pattern = Buffer.from(call.words[2]!)
  const groups = [...coreOf(call).groups.keys()].filter((name) => globMatch(pattern, Buffer.from(name)))
  if (groups.length === 0) return call.reply.int(0)
  later(call, (done) =>
    call.host.sentinel.request({ kind: 'reset', groups }, ({ ok, text }) =>
      done((reply) => (ok ? reply.int(groups.length) : reply.error(text))),
    ),
  )
}

function checkQuorum(call: Call): void {
  const group = groupOf(call)
  if (group === undefined) return
  const core = coreOf(call)
  const topo = topoOf(core, group.name)!
  const { usable: live, majority } = quorumState(core)
  const problems = [
    ...(live < topo.quorum ? ['Not enough available Sentinels to reach the specified quorum for this master'] : []),
    ...(live < majority ? ['Not enough available Sentinels to reach the majority and authorize a failover'] : []),
    ...(core.formed === undefined ? ['The Sentinels have not formed a group yet'] : []),
    ...(core.formed !== undefined && live >= majority && core.raft.leader === undefined
      ? ['The Sentinels have no leader at the moment']
      : []),
  ]
  const obstacle = obstacleOf(core, monotonicMs())
  if (obstacle !== undefined) problems.push(obstacle)
  if (problems.length > 0) return call.reply.error(errorText('sentinelNoQuorum', live, problems.join('. ')))
  const deadEnd = lastingDeadEnd(group)
  if (deadEnd !== undefined) return call.reply.error(errorText('sentinelDeadEnd', String(live), group.name, deadEnd))
  const held = heldBack(core, topo, monotonicMs())
  const but = held === undefined ? '' : `, but ${held}`
  call.reply.simple(`OK ${live} usable Sentinels. Quorum and failover authorization can be reached${but}`)
}

/** What Redis Sentinels ask each other. We answer what we see, and vote for nobody: the leader is Raft's. */
function isDownByAddress(call: Call): void {
  const [, , host, portWord, epochWord] = call.words as [string, string, string, string, string]
  if (!/^-?\d{1,18}$/.test(portWord) || !/^-?\d{1,18}$/.test(epochWord))
    return call.reply.error(errorText('notInteger'))
  const wanted = { host, port: Number(portWord) }
  const servers = [...coreOf(call).groups.values()].filter(({ primary }) => sameAddress(primary, wanted))
  const down = servers.some(({ servers: all, primary }) => isDown(all.get(addressKey(primary))!.judgement.verdict))
  call.reply.array(3)
  call.reply.int(down ? 1 : 0)
  call.reply.bulkText('*')
  call.reply.int(0)
}

function infoCache(call: Call): void {
  const core = coreOf(call)
  const names = call.words.slice(2)
  const groups = [...core.groups.values()].filter(({ name }) => names.includes(name))
  call.reply.array(groups.length * 2)
  for (const group of groups) {
    const servers = [...group.servers.values()]
    call.reply.bulkText(group.name)
    call.reply.array(servers.length)
    for (const { ref } of servers) {
      const cached = call.host.sentinel.links.infoText(ref)
      call.reply.array(2)
      call.reply.int(cached === undefined ? 0 : Math.round(monotonicMs() - cached.atMs))
      if (cached === undefined) call.reply.null()
      else call.reply.bulkText(cached.text)
    }
  }
}

function pendingScripts(call: Call): void {
  const { jobs } = call.host.scripts
  const nowMs = monotonicMs()
  call.reply.array(jobs.length)
  for (const { path, args, tries, startedMs, nextMs, pid } of jobs) {
    const waitMs = startedMs === undefined ? Math.max(0, nextMs - nowMs) : 0
    call.reply.map(5)
    call.reply.bulkText('argv')
    call.reply.array(args.length + 1)
    for (const word of [path, ...args]) call.reply.bulkText(word)
    for (const [field, value] of [
      ['flags', startedMs === undefined ? 'scheduled' : 'running'],
      ['pid', String(pid)],
      [
        startedMs === undefined ? 'run-delay' : 'run-time',
        String(Math.round(startedMs === undefined ? waitMs : nowMs - startedMs)),
      ],
      ['retry-num', String(tries)],
    ] as const) {
      call.reply.bulkText(field)
      call.reply.bulkText(value)
    }
  }
}

/** The failovers of the group that is named, or of all groups, as JSON. */
function history(call: Call): void {
  if (call.words.length > 3) return call.reply.error(errorText('syntax'))
  if (call.words.length === 3 && groupOf(call) === undefined) return
  call.reply.bulkText(JSON.stringify(historyOf(coreOf(call), call.words[2])))
}

function outlook(call: Call): void {
  const group = groupOf(call)
  if (group === undefined) return
  call.reply.bulkText(JSON.stringify(outlookReport(coreOf(call), group.name, monotonicMs())))
}

function pause(call: Call): void {
  if (groupOf(call) === undefined) return
  const [, , group, word] = call.words as [string, string, string, string]
  const forMs = /^[0-9]{1,12}$/.test(word) ? Number(word) : 0
  if (forMs < 1 || forMs > PAUSE_MAX_MS) return call.reply.error(errorText('sentinelPause', PAUSE_MAX_MS))
  ask(call, { kind: 'pause', group, forMs })
}

function resume(call: Call): void {
  if (groupOf(call) !== undefined) ask(call, { kind: 'resume', group: call.words[2]! })
}

const FAILURES = ['crash-after-election', 'crash-after-promotion']

function simulateFailure(call: Call): void {
  const words = call.words.slice(2).map((word) => word.toLowerCase())
  if (words.includes('help')) {
    call.reply.array(FAILURES.length)
    for (const failure of FAILURES) call.reply.bulkText(failure)
    return
  }
  if (words.some((word) => !FAILURES.includes(word))) return call.reply.error(errorText('sentinelFailure'))
  call.host.failures.clear()
  for (const word of words) call.host.failures.add(word)
  call.reply.ok()
}

const row = { flags: ['admin'], since: '2.8.4', group: 'sentinel' } as const
const name = '<master-name>'

export const SENTINEL_COMMAND: SentinelCommand = {
  name: 'sentinel',
  arity: -2,
  ...row,
  summary: 'Questions and orders about the monitored groups',
  subcommands: [
    {
      name: 'ckquorum',
      arity: 3,
      ...row,
      usage: name,
      summary: 'Checks that enough sentinels live to agree on a failover and to authorize it',
      run: checkQuorum,
    },
    ...TUNING,
    { name: 'get-master-addr-by-name', arity: 3, ...row, usage: name, summary: 'Address of the primary', run: address },
    {
      name: 'failover',
      arity: -3,
      ...row,
      usage: `${name} [${ALLOW_LOSS}]`,
      summary: 'Moves the primary to the best replica; a healthy primary loses no write',
      run: failover,
    },
    {
      name: 'flushconfig',
      arity: 2,
      ...row,
      summary: 'Accepted; the state is always on disk',
      run: ({ reply }) => reply.ok(),
    },
    {
      name: 'info-cache',
      arity: -3,
      ...row,
      usage: '<master-name> ...',
      summary: 'The last INFO of each server',
      run: infoCache,
    },
    {
      name: 'is-master-down-by-addr',
      arity: 6,
      ...row,
      usage: '<ip> <port> <epoch> <runid>',
      summary: 'Says whether this sentinel finds the primary down',
      run: isDownByAddress,
    },
    { name: 'master', arity: 3, ...row, usage: name, summary: 'State of a primary', run: master },
    { name: 'masters', arity: 2, ...row, summary: 'State of every monitored primary', run: masters },
    {
      name: 'monitor',
      arity: 6,
      ...row,
      usage: '<name> <ip> <port> <quorum>',
      summary: 'Begins to monitor a primary, on every sentinel of the group',
      run: monitor,
    },
    {
      name: 'myid',
      arity: 2,
      ...row,
      summary: 'ID of this sentinel',
      run: (call) => call.reply.bulkText(coreOf(call).self.runId),
    },
    {
      name: 'pending-scripts',
      arity: 2,
      ...row,
      summary: 'Scripts that wait or run',
      run: pendingScripts,
    },
    {
      name: 'remove',
      arity: 3,
      ...row,
      usage: name,
      summary: 'Ends the monitoring of a primary, on every sentinel of the group',
      run: remove,
    },
    { name: 'replicas', arity: 3, ...row, usage: name, summary: 'State of the replicas of a primary', run: replicas },
    { name: 'slaves', arity: 3, ...row, usage: name, summary: 'Same as REPLICAS', run: replicas },
    {
      name: 'reset',
      arity: 3,
      ...row,
      usage: '<pattern>',
      summary: 'Forgets the replicas and the history of matching groups; what lives is found again',
      run: reset,
    },
    {
      name: 'sentinels',
      arity: 3,
      ...row,
      usage: name,
      summary: 'State of the other sentinels of a primary',
      run: sentinels,
    },
    {
      name: 'set',
      arity: -5,
      ...row,
      usage: '<master-name> <option> <value> ...',
      summary: 'Changes settings of a group, on every sentinel of the group',
      run: set,
    },
    {
      name: 'simulate-failure',
      arity: -3,
      ...row,
      usage: '[CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]',
      summary: 'Makes this sentinel crash in the next failover that it leads',
      run: simulateFailure,
    },
    {
      name: 'vedette-history',
      arity: -2,
      ...row,
      usage: '[<master-name>]',
      summary: 'Failovers, newest first, with phases, candidates and reasons, as JSON',
      run: history,
    },
    {
      name: 'vedette-outlook',
      arity: 3,
      ...row,
      usage: name,
      summary: 'Who would become primary if the present one died now, and why not the others, as JSON',
      run: outlook,
    },
    {
      name: 'vedette-pause',
      arity: 4,
      ...row,
      usage: '<master-name> <milliseconds>',
      summary: 'Lets no failover begin by itself for a time, on every sentinel of the group',
      run: pause,
    },
    {
      name: 'vedette-resume',
      arity: 3,
      ...row,
      usage: name,
      summary: 'Ends a pause, and acknowledges the last failover: the next one need not wait',
      run: resume,
    },
    {
      name: 'vedette-status',
      arity: 2,
      ...row,
      summary: 'Everything this sentinel knows, as JSON',
      run: (call) => call.reply.bulkText(call.host.status()),
    },
    { name: 'help', arity: 2, ...row, summary: 'Shows this help', run: help },
  ],
}
