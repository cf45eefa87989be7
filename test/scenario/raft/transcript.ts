// Runs a transcript: a line that begins with `> ` is a command, `# ` a remark, and what stands between is what the
// command must cause, in order. The commands:
//
//   nodes 1 2 3            the founding members          join 4                 a node with nothing on its disk
//   campaign 1             ask for an election           lead 1                 the same until settled, unreported
//   propose 1 x            propose x at node 1           forward 2 x            propose it from node 2 to the leader
//   change 1 promote 4     a membership change           transfer 1 2           hand leadership from 1 to 2
//   tick 1 300             node 1's clock runs 300 ms    sleep 1 5000           the same while the node is frozen
//   run 1000               all clocks run, all is delivered, and only changes of role are reported
//   deliver [1->2]         deliver what is under way, once; settle: until quiet
//   drop [1->2]            lose it                       copy 1->2              duplicate it
//   cut 1->2 | cut 1       lose all that is sent from now on one way, or to and from a node; heal
//   crash 2, restart 2     the disk survives             compact 1              snapshot at the applied index
//   status [1 …]           role, term, log of nodes      lease 1                is it certainly the leader?
//   version 2 1            node 2 can apply level 1 only, from its next start on (1 by default; proposals `new…` have level 2)
//   refused 2              what node 2 could not take

import { decodeLevel, decodeMembership } from '../../../src/raft/codec.ts'
import type { RaftConfig } from '../../../src/raft/config.ts'
import { ANY_MACHINE, type Machine } from '../../../src/raft/machine.ts'
import type { ConfChange } from '../../../src/raft/membership.ts'
import type { Entry, Message, MsgSnapshot, NodeId, Ready } from '../../../src/raft/messages.ts'
import { bytes, type Cluster, createCluster, text } from '../../unit/raft/cluster.ts'

/** The transcript as it should read: its commands and remarks kept, the effects those that were seen. */
export function replayTranscript(transcript: string): string {
  const lines: string[] = []
  const session = createSession((line) => lines.push(line))
  for (const line of transcript.split('\n')) {
    if (line.startsWith('> ')) {
      lines.push(line)
      session.run(line.slice(2))
    } else if (line === '' || line.startsWith('#')) lines.push(line)
  }
  return `${lines.join('\n').trimEnd()}\n`
}

type Command = (...args: string[]) => void

function createSession(print: (line: string) => void): { run(command: string): void } {
  let cluster: Cluster
  const cuts = new Set<string>()
  const versions = new Map<NodeId, number>()
  const machine = (id: NodeId): Machine => ({
    ...ANY_MACHINE,
    levelMax: versions.get(id) ?? 1,
    levelOf: (data) => (text(data).startsWith('new') ? 2 : 1),
  })
  const settings: Partial<RaftConfig> = { trailingEntries: 0 }
  const roles = new Map<NodeId, string>()
  let quiet = false
  const quietly = (work: () => void): void => {
    quiet = true
    work()
    quiet = false
  }

  const cut = (from: NodeId, to: NodeId): boolean => cuts.has(`${from}->${to}`) || cuts.has(from) || cuts.has(to)
  const noteRole = (id: NodeId): void => {
    const { role, term, leader } = cluster.raft(id).status()
    const now = role === 'follower' ? `follows ${leader ?? 'nobody'} in term ${term}` : `is ${role} of term ${term}`
    if (roles.get(id) !== now && cluster.members.size > 0) print(`  ${id} ${now}`)
    roles.set(id, now)
  }
  const onReady = (id: NodeId, ready: Ready): void => {
    if (roles.has(id)) noteRole(id)
    if (quiet) return
    for (const message of ready.eagerMessages) print(`  ${messageText(message)}`)
    if (ready.snapshot) print(`  ${id} installs the snapshot at ${ready.snapshot.index}/${ready.snapshot.term}`)
    if (ready.entries.length) print(`  ${id} writes ${ready.entries.map(entryText).join(', ')}`)
    if (ready.hardState && ready.mustSync) {
      print(`  ${id} writes term ${ready.hardState.term} vote ${ready.hardState.vote ?? '-'}`)
    }
    for (const message of ready.messages) print(`  ${messageText(message)}`)
    if (ready.committed.length) print(`  ${id} applies ${ready.committed.map(entryText).join(', ')}`)
  }
  const between = (pair?: string) => (message: Message) =>
    pair === undefined || `${message.from}->${message.to}` === pair || message.to === pair || message.from === pair
  const pumped = (id: NodeId, result?: unknown): void => {
    if (result !== undefined)
      print(`  = ${typeof result === 'object' ? Object.values(result as object).join('/') : result}`)
    cluster.pump(id)
    noteRole(id)
  }

  const commands: Record<string, Command> = {
    set: (name, value) => Object.assign(settings, { [name!]: Number(value) }),
    nodes(...ids) {
      cluster = createCluster(ids, { settings, cut, onReady, machine })
      for (const id of ids) noteRole(id)
    },
    join(id) {
      cluster.add(id!)
      noteRole(id!)
    },
    campaign: (id) => pumped(id!, cluster.raft(id!).campaign()),
    propose: (id, data) => pumped(id!, cluster.raft(id!).propose(bytes(data!))),
    forward: (id, data) => pumped(id!, cluster.raft(id!).forward(bytes(data!))),
    change: (id, kind, node) => pumped(id!, cluster.raft(id!).proposeConfChange({ kind, node } as ConfChange)),
    transfer: (id, to) => pumped(id!, cluster.raft(id!).transferLeadership(to!)),
    tick(id, ms) {
      cluster.tick(id!, Number(ms))
      noteRole(id!)
    },
    lead: (id) => quietly(() => cluster.elect(id!)),
    sleep(id, ms) {
      cluster.member(id!).nowMs += Number(ms)
    },
    run: (ms) => quietly(() => cluster.run(Number(ms))),
    deliver: (pair) => void cluster.deliver(between(pair)),
    settle: () => cluster.settle(),
    drop: (pair) => print(`  = ${cluster.drop(between(pair))} lost`),
    copy: (pair) => void cluster.wire.push(...cluster.wire.filter(between(pair))),
    cut(...pairs) {
      for (const pair of pairs) cuts.add(pair)
    },
    heal: () => cuts.clear(),
    version: (id, level) => void versions.set(id!, Number(level)),
    refused(id) {
      const { tooNew } = cluster.raft(id!).status()
      print(`  = ${tooNew ? `${tooNew.kind} ${tooNew.index} of level ${tooNew.level}` : 'nothing'}`)
    },
    crash: (id) => cluster.crash(id!),
    restart(id) {
      cluster.restart(id!)
      noteRole(id!)
    },
    compact(id) {
      const member = cluster.member(id!)
      const data = bytes(JSON.stringify(member.applied))
      member.disk.snapshot = cluster.raft(id!).compact(cluster.raft(id!).status().appliedIndex, data)
      member.disk.entries = member.disk.entries.filter((entry) => entry.index > member.disk.snapshot!.index)
      print(`  = snapshot at ${member.disk.snapshot.index}/${member.disk.snapshot.term}`)
    },
    lease: (id) => print(`  = ${cluster.raft(id!).isLeader(cluster.member(id!).nowMs)}`),
    status(...ids) {
      for (const id of ids.length ? ids : cluster.members.keys()) print(`  ${statusText(cluster, id)}`)
    },
  }
  return {
    run(line) {
      const [name, ...args] = line.split(' ')
      const command = commands[name!]
      if (!command) throw new Error(`no such command: ${line}`)
      command(...args)
    },
  }
}

function statusText(cluster: Cluster, id: NodeId): string {
  const { raft, applied } = cluster.member(id)
  if (!raft) return `${id}: down`
  const { role, term, commitIndex, lastIndex, membership } = raft.status()
  const learners = membership.learners.length ? ` + ${membership.learners.join(' ')}` : ''
  return `${id}: ${role} term ${term} commit ${commitIndex}/${lastIndex} members ${membership.voters.join(' ')}${learners} applied [${applied.join(' ')}]`
}

function entryText(entry: Entry): string {
  const place = `${entry.index}/${entry.term}`
  if (entry.kind === 'noop') return `${place} noop`
  if (entry.kind === 'normal') return `${place} ${text(entry.data)}`
  if (entry.kind === 'level') return `${place} level ${decodeLevel(entry.data)}`
  const { voters, learners } = decodeMembership(entry.data)!
  return `${place} members ${voters.join(' ')}${learners.length ? ` + ${learners.join(' ')}` : ''}`
}

function messageText(message: Message): string {
  return `${message.from}->${message.to} t${message.term} ${message.type}${detailText(message)}`
}

/** Which part of a snapshot it is, when it is not the whole. */
function partText({ snapshot, offset, total }: MsgSnapshot): string {
  return snapshot.data.length === total ? '' : ` bytes ${offset}..${offset + snapshot.data.length} of ${total}`
}

function detailText(message: Message): string {
  switch (message.type) {
    case 'pre-vote':
      return ` last ${message.lastIndex}/${message.lastTerm}`
    case 'vote':
      return ` last ${message.lastIndex}/${message.lastTerm}${message.force ? ' force' : ''}`
    case 'pre-vote-reply':
    case 'vote-reply':
      return message.granted ? ' yes' : ' no'
    case 'append': {
      const entries = message.entries.map(entryText).join(', ')
      return ` after ${message.prevIndex}/${message.prevTerm} [${entries}] commit ${message.commit}`
    }
    case 'append-reply':
      return message.ok ? ` ok ${message.index}` : ` no ${message.index}, try ${message.hintIndex}/${message.hintTerm}`
    case 'heartbeat':
      return ` commit ${message.commit}`
    case 'snapshot':
      return ` ${message.snapshot.index}/${message.snapshot.term}${partText(message)}`
    case 'snapshot-reply':
      return ` ${message.index} has ${message.offset}`
    case 'propose':
      return ` ${text(message.data)}`
    default:
      return ''
  }
}
