// Who follows whom: a tree from the primary down, and the sentinels with what they think of it.
import type { LiveGroup, LiveQuorum, ServerReport } from '../supervisor/status-report.ts'
import { count } from './words.ts'

/** The servers that follow this one; those that follow nobody known hang below the primary all the same. */
function followersOf(group: LiveGroup, parent: ServerReport): ServerReport[] {
  const known = new Set(group.servers.map(({ address }) => address))
  return group.servers.filter(({ role, address, follows }) => {
    if (role === 'primary' || address === parent.address) return false
    const strays = follows === null || !known.has(follows) || leadsAround(group, address)
    return strays ? parent.role === 'primary' : follows === parent.address
  })
}

/** Whether following from here on never comes to the primary. */
function leadsAround(group: LiveGroup, from: string): boolean {
  let at = group.servers.find(({ address }) => address === from)
  for (let hops = 0; at !== undefined && hops <= group.servers.length; hops++) {
    if (at.role === 'primary') return false
    const next = at.follows
    at = group.servers.find(({ address }) => address === next)
  }
  return true
}

function Server({ group, server }: { readonly group: LiveGroup; readonly server: ServerReport }) {
  const { address, role, health, link, offset, lagBytes, priority, follows } = server
  const replica = role === 'replica'
  const candidate = group.failover?.candidate === address
  const state = health === 'down' ? 'down' : replica && link === 'down' ? 'unlinked' : 'up'
  const followers = followersOf(group, server)
  return (
    <li>
      <div class={`server ${role} ${state}`} data-server={address} data-role={role}>
        <strong>{address}</strong>
        <span class="role">{candidate ? 'candidate' : role}</span>
        <span class={`state ${state}`}>{state === 'unlinked' ? 'link down' : state}</span>
        <span class="fact">offset {count(offset)}</span>
        {replica && <span class="fact">{lagBytes === 0 ? 'nothing behind' : `${count(lagBytes)} bytes behind`}</span>}
        {replica && priority !== 100 && <span class="fact">priority {priority}</span>}
        {replica && follows !== group.primary && <span class="fact">follows {follows ?? 'nobody'}</span>}
      </div>
      {followers.length > 0 && (
        <ul>
          {followers.map((one) => (
            <Server key={one.address} group={group} server={one} />
          ))}
        </ul>
      )}
    </li>
  )
}

export function Topology({ group }: { readonly group: LiveGroup }) {
  const primary = group.servers.find(({ role }) => role === 'primary')
  if (primary === undefined) return <p class="wait">No server is known yet.</p>
  return (
    <ul class="tree">
      <Server group={group} server={primary} />
    </ul>
  )
}

/** The sentinels: which one leads, which ones are heard, and which ones find the primary down. */
export function Sentinels({ quorum, group }: { readonly quorum: LiveQuorum; readonly group: LiveGroup }) {
  return (
    <ul class="sentinels">
      {quorum.sentinels.map(({ address, peer, health, leader, voter }) => {
        const vote = group.downVotes.includes(address)
        return (
          <li key={peer} class={`sentinel ${health}`}>
            <strong>{address}</strong>
            <span>{[leader ? 'leader' : voter ? 'votes' : 'learns', health].join(', ')}</span>
            <span class={vote ? 'vote down' : 'vote'}>{vote ? 'finds the primary down' : 'finds nothing wrong'}</span>
          </li>
        )
      })}
    </ul>
  )
}
