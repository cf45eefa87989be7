// The one thing that can be done over HTTP: POST /failover, for the console. Off unless a token is configured. The token, a page of
// this very origin, and the group's name typed once more are all asked for, and wrong tokens are only taken so often.
import type { HttpReply, PostRequest } from '../io/http.ts'
import { sameSecret } from '../io/secrets.ts'
import { countWrongGuesses } from '../io/wrong-guesses.ts'
import type { OperatorRequest, OperatorResult } from '../sentinel/peer-message.ts'

/** Wrong tokens count together, wherever they come from: there is one operator. */
const ANYBODY = ''

export interface SwitchoverOptions {
  /** Undefined: switched off. */
  readonly token: string | undefined
  readonly request: (request: OperatorRequest, answer: (result: OperatorResult) => void) => void
  readonly onRefused: (why: string) => void
  readonly nowMs: () => number
}

const refuse = (status: number, why: string): HttpReply => ({ status, body: `${why}\n` })

/** The handler of POST /failover with a body of JSON: {"group": …, "typed": …}. */
export function createSwitchover(options: SwitchoverOptions): (request: PostRequest) => Promise<HttpReply> {
  const { token, request, onRefused, nowMs } = options
  const wrong = countWrongGuesses(nowMs)

  function check({ header }: PostRequest): HttpReply | undefined {
    if (token === undefined) return refuse(403, 'this sentinel has no console token: the page is for reading')
    if (!isSameOrigin(header('origin'), header('host'))) return refuse(403, 'this came from another page')
    if (wrong.areTooMany(ANYBODY)) return refuse(429, 'too many wrong tokens: try again in a minute')
    if (sameSecret(header('authorization') ?? '', `Bearer ${token}`)) return undefined
    wrong.count(ANYBODY)
    onRefused('A switchover was asked for over HTTP with a wrong token, and refused')
    return refuse(401, 'the token is wrong')
  }

  return async (post) => {
    const refused = check(post)
    if (refused !== undefined) return refused
    const asked = groupOf(post.body)
    if (asked === undefined) return refuse(400, 'name the group, and type it once more')
    const { ok, text } = await new Promise<OperatorResult>((resolve) =>
      request({ kind: 'failover', group: asked }, resolve),
    )
    return ok ? { status: 202, body: 'it goes on\n' } : refuse(409, text)
  }
}

/** Browsers say where a POST comes from; a page of another origin could at most send it blindly. */
function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || host === undefined) return false
  try {
    return new URL(origin).host === host
  } catch {
    return false
  }
}

/** The group that was named and typed alike. */
function groupOf(body: string): string | undefined {
  try {
    const { group, typed } = JSON.parse(body) as { readonly group?: unknown; readonly typed?: unknown }
    return typeof group === 'string' && group !== '' && group === typed ? group : undefined
  } catch {
    return undefined
  }
}
