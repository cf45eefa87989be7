// One line of CLIENT LIST and CLIENT INFO. Field names, their order and the letters of `flags` are an interface: monitoring
// tools parse them.

import type { Session, Tracking } from '../session.ts'

function trackingFlags({ broken, mode }: Tracking): string {
  return `t${broken ? 'R' : ''}${mode === 'bcast' ? 'B' : ''}`
}

/** The letters of a session's state; `N` if there are none. */
function flagsOf(session: Session): string {
  let flags = ''
  if (session.monitor) flags += 'O'
  else if (session.isReplica) flags += 'S'
  if (session.isPrimary) flags += 'M'
  if (session.subscriptions > 0) flags += 'P'
  if (session.transaction !== undefined) flags += 'x'
  if (session.blocked !== undefined) flags += 'b'
  if (session.tracking !== undefined) flags += trackingFlags(session.tracking)
  if (session.watchBroken) flags += 'd'
  if (session.closing) flags += 'c'
  if (session.outlet.isUnix) flags += 'U'
  if (session.noEvict) flags += 'e'
  return flags === '' ? 'N' : flags
}

/**
 * The line of a session, without a line end. Times are in seconds, memory in bytes. Buffers that all connections share are shown
 * for the one that uses them now: an idle connection has none.
 */
export function clientLine(session: Session, nowMs: number): string {
  const { outlet, transaction } = session
  const ageSeconds = Math.max(0, Math.floor((nowMs - session.createdMs) / 1000))
  const idleSeconds = Math.max(0, Math.floor((nowMs - session.lastCommandMs) / 1000))
  const queuedBytes = transaction?.bytes ?? 0
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', session.id],
    ['addr', outlet.peer],
    ['laddr', outlet.local],
    ['fd', outlet.descriptor],
    ['name', session.name],
    ['age', ageSeconds],
    ['idle', idleSeconds],
    ['flags', flagsOf(session)],
    ['db', session.db],
    ['sub', session.channels?.size ?? 0],
    ['psub', session.patterns?.size ?? 0],
    ['ssub', session.shardChannels?.size ?? 0],
    ['multi', transaction === undefined ? -1 : transaction.queue.length],
    ['qbuf', outlet.queryBytes],
    ['qbuf-free', outlet.queryFreeBytes],
    ['argv-mem', outlet.argumentBytes],
    ['multi-mem', queuedBytes],
    ['rbs', outlet.replyBufferBytes],
    ['rbp', outlet.replyBufferBytes],
    ['obl', 0],
    ['oll', outlet.outputBytes > 0 ? 1 : 0],
    ['omem', outlet.outputBytes],
    ['tot-mem', outlet.chargedBytes + outlet.replyBufferBytes],
    ['events', outlet.outputBytes > 0 ? 'rw' : 'r'],
    ['cmd', session.lastCommand],
    ['user', session.user.text],
    ['redir', session.tracking?.redirect ?? -1],
    ['resp', session.resp],
  ]
  return fields.map(([name, value]) => `${name}=${value}`).join(' ')
}
