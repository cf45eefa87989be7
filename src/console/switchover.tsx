// The form for a switchover: the token of the sentinel, and the name of the group typed, so that it is meant.
import { useState } from 'preact/hooks'

async function post(group: string, typed: string, token: string): Promise<string> {
  const answer = await fetch('failover', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ group, typed }),
  })
  const text = (await answer.text()).trim()
  return answer.ok ? `Asked for: ${text}.` : `Refused: ${text}.`
}

export function Switchover({ group }: { readonly group: string }) {
  const [token, setToken] = useState('')
  const [typed, setTyped] = useState('')
  const [said, setSaid] = useState('')
  const submit = (event: Event): void => {
    event.preventDefault()
    setSaid('Asking …')
    post(group, typed, token)
      .then(setSaid, () => setSaid('The sentinel does not answer.'))
      .finally(() => setTyped(''))
  }
  return (
    <details class="switchover">
      <summary>Hand the primary over</summary>
      <form onSubmit={submit}>
        <label>
          Console token
          <input
            type="password"
            autocomplete="off"
            required
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <label>
          Type <b>{group}</b>
          <input
            autocomplete="off"
            spellcheck={false}
            required
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={typed !== group || token === ''}>
          Switch over
        </button>
        <output>{said}</output>
      </form>
    </details>
  )
}
