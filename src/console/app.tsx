// The page: the quorum at the top, the groups beside (with a search for hundreds of them), and the chosen group in full.
import { useEffect, useState } from 'preact/hooks'
import type { LiveGroup, LiveQuorum } from '../supervisor/status-report.ts'
import { History } from './history.tsx'
import { follow, NOTHING, type Picture } from './live.ts'
import { Switchover } from './switchover.tsx'
import { Sentinels, Topology } from './topology.tsx'
import { HEALTH_TEXT, healthOf, outlookText } from './words.ts'

/** So many rows are shown; the search finds the others. */
const ROWS_MAX = 100
const LINK_TEXT = { stream: 'live', asking: 'asking once a second', lost: 'no answer' } as const
const ILL_FIRST = { down: 0, failover: 1, risk: 2, ok: 3 } as const

/** The group that the address names (`#mymaster`). */
function useChosen(): string {
  const read = (): string => decodeURIComponent(location.hash.slice(1))
  const [chosen, setChosen] = useState(read)
  useEffect(() => addEventListener('hashchange', () => setChosen(read())), [])
  return chosen
}

function Header({ picture }: { readonly picture: Picture }) {
  const { quorum, link } = picture
  const leader = quorum?.sentinels.find((one) => one.leader)
  const voters = quorum?.sentinels.filter(({ voter }) => voter) ?? []
  const up = voters.filter(({ health }) => health === 'up').length
  return (
    <header>
      <h1>Vedette</h1>
      {quorum !== undefined && (
        <p>
          {up} of {voters.length} sentinels up, {leader === undefined ? 'no leader' : `${leader.address} leads`}, term{' '}
          {quorum.term}. This is {quorum.self}.
        </p>
      )}
      <p class={`link ${link}`} role="status">
        {LINK_TEXT[link]}
      </p>
      {quorum?.obstacle != null && <p class="alarm">{quorum.obstacle}.</p>}
    </header>
  )
}

function Groups({ groups, chosen }: { readonly groups: readonly LiveGroup[]; readonly chosen: string | undefined }) {
  const [search, setSearch] = useState('')
  if (groups.length < 2) return null
  const wanted = search.trim().toLowerCase()
  const found = groups
    .filter(({ name, servers }) =>
      [name, ...servers.map(({ address }) => address)].some((text) => text.toLowerCase().includes(wanted)),
    )
    .sort((a, b) => ILL_FIRST[healthOf(a)] - ILL_FIRST[healthOf(b)] || a.name.localeCompare(b.name))
  return (
    <nav aria-label="Groups">
      <input
        type="search"
        placeholder={`Search ${groups.length} groups`}
        aria-label="Search groups by name or address"
        value={search}
        onInput={({ currentTarget }) => setSearch(currentTarget.value)}
      />
      <ul>
        {found.slice(0, ROWS_MAX).map((group) => (
          <li key={group.name}>
            <a href={`#${encodeURIComponent(group.name)}`} aria-current={group.name === chosen ? 'page' : undefined}>
              <i class={`dot ${healthOf(group)}`} />
              <span>{group.name}</span>
              <small>{HEALTH_TEXT[healthOf(group)]}</small>
            </a>
          </li>
        ))}
      </ul>
      {found.length > ROWS_MAX && <p class="wait">and {found.length - ROWS_MAX} more: search for them</p>}
      {found.length === 0 && <p class="wait">none is called that</p>}
    </nav>
  )
}

function Group({ group, quorum }: { readonly group: LiveGroup; readonly quorum: LiveQuorum }) {
  const { name, primary, epoch, failover, deadEnd, pausedUntilMs } = group
  const health = healthOf(group)
  return (
    <main data-group={name} data-primary={primary}>
      <h2>
        {name} <span class={`health ${health}`}>{HEALTH_TEXT[health]}</span>
      </h2>
      <p aria-live="polite">
        The primary is <strong class="primary">{primary}</strong>
        {epoch > 0 && ` since epoch ${epoch}`}; {group.downVotes.length} of the {group.quorum} sentinels that must agree
        find it down. Write mode {group.writeMode}
        {group.lease === 'held' && ', its lease holds'}.
      </p>
      {failover !== null && (
        <p class="alarm" role="alert">
          Failover of epoch {failover.epoch} is at “{failover.step}”: {failover.reason}.
        </p>
      )}
      {group.lease === 'out' && <p class="alarm">The primary holds no lease now: it takes no writes.</p>}
      {deadEnd !== null && <p class="alarm">No failover: {deadEnd}.</p>}
      {pausedUntilMs !== null && (
        <p class="notice">No failover begins by itself until {new Date(pausedUntilMs).toLocaleTimeString()}.</p>
      )}
      <p class={group.outlook.winner === null || group.outlook.obstacles.length > 0 ? 'outlook bad' : 'outlook'}>
        {outlookText(group.outlook)}
      </p>
      <h3>Servers</h3>
      <Topology group={group} />
      <h3>Sentinels</h3>
      <Sentinels quorum={quorum} group={group} />
      {quorum.writable && <Switchover key={name} group={name} />}
      <h3>Failovers</h3>
      <History key={name} group={group} />
    </main>
  )
}

export function App() {
  const [picture, setPicture] = useState<Picture>(NOTHING)
  useEffect(() => follow(setPicture), [])
  const asked = useChosen()
  const groups = [...picture.groups.values()]
  const chosen = picture.groups.get(asked) ?? (asked === '' ? groups[0] : undefined)
  return (
    <>
      <Header picture={picture} />
      <div class="page">
        <Groups groups={groups} chosen={chosen?.name} />
        {picture.quorum !== undefined && chosen !== undefined ? (
          <Group group={chosen} quorum={picture.quorum} />
        ) : (
          <main>
            <p class="wait">{groups.length > 0 ? `There is no group ${asked}.` : 'Waiting for the sentinel …'}</p>
          </main>
        )}
      </div>
    </>
  )
}
