// The failovers of a group as timelines: a bar whose parts are the phases, and the sentence that explains each.
import { useEffect, useState } from 'preact/hooks'
import type { HistoryReport, LiveGroup } from '../supervisor/status-report.ts'
import { count, span } from './words.ts'

/** The history of a group, asked for anew whenever a failover ended. */
function useHistory({ name, historyEpoch }: LiveGroup): readonly HistoryReport[] {
  const [history, setHistory] = useState<readonly HistoryReport[]>([])
  useEffect(() => {
    let current = true
    fetch(`history?name=${encodeURIComponent(name)}`)
      .then((answer) => (answer.ok ? answer.json() : []))
      .then((reports: HistoryReport[]) => current && setHistory(reports))
      .catch(() => {})
    return () => {
      current = false
    }
  }, [name, historyEpoch])
  return history
}

function Bar({ steps }: Pick<HistoryReport, 'steps'>) {
  const total = steps.reduce((sum, { ms }) => sum + ms, 0)
  const shown = steps.filter(({ ms }) => ms > 0)
  return (
    <div class="bar" role="img" aria-label={shown.map(({ phase, ms }) => `${phase} ${span(ms)}`).join(', ')}>
      {shown.map(({ phase, ms }, i) => (
        <i
          key={`${phase}${i}`}
          class={`phase ${phase}`}
          title={`${phase} ${span(ms)}`}
          style={{ flexGrow: ms / total }}
        />
      ))}
    </div>
  )
}

function lossText({ outcome, lostBytesMax }: HistoryReport): string {
  if (outcome !== 'done') return ''
  if (lostBytesMax === null) return 'How much was lost is not known.'
  return lostBytesMax === 0 ? 'Nothing was lost.' : `At most ${count(lostBytesMax)} bytes were lost.`
}

function Candidates({ candidates }: Pick<HistoryReport, 'candidates'>) {
  if (candidates.length === 0) return null
  return (
    <ul class="candidates">
      {candidates.map(({ address, whyNot, offset }) => (
        <li key={address}>
          <strong>{address}</strong>{' '}
          {whyNot === null ? `was chosen, at offset ${count(offset)}.` : `was not chosen: ${whyNot}.`}
        </li>
      ))}
    </ul>
  )
}

function Failover({ failover, open }: { readonly failover: HistoryReport; readonly open: boolean }) {
  const { epoch, kind, outcome, from, to, reason, ending, startedAtMs, steps, candidates } = failover
  const what =
    outcome === 'done' ? `${from} → ${to} in ${span(failover.tookMs)}` : `${from} stayed primary (${outcome})`
  return (
    <li class={outcome === 'done' ? 'failover' : 'failover failed'}>
      <details open={open}>
        <summary>
          <time dateTime={new Date(startedAtMs).toISOString()}>{new Date(startedAtMs).toLocaleString()}</time>
          <strong>{what}</strong>
          <span class="fact">
            {kind}, epoch {epoch}
          </span>
          <Bar steps={steps} />
        </summary>
        <p>{reason}.</p>
        <dl>
          {steps.map(({ phase, ms, text }, i) => (
            <div key={`${phase}${i}`}>
              <dt>
                <i class={`dot phase ${phase}`} /> {phase} <b>{span(ms)}</b>
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <Candidates candidates={candidates} />
        <p>{outcome === 'done' ? lossText(failover) : `Given up: ${ending}.`}</p>
      </details>
    </li>
  )
}

export function History({ group }: { readonly group: LiveGroup }) {
  const history = useHistory(group)
  if (history.length === 0) return <p class="wait">No failover yet.</p>
  return (
    <ol class="history">
      {history.map((failover, i) => (
        <Failover key={failover.epoch} failover={failover} open={i === 0} />
      ))}
    </ol>
  )
}
