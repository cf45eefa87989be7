// CLIENT TRACKING and what belongs to it: how a session wants to hear of changes to the keys that it has read. Here is what a
// session says and is told about it; who has the keys sends the messages (KeyTracking).

import { fail } from '../../errors.ts'
import type { Args } from '../../protocol/args.ts'
import type { Call, KeyTracking } from '../call.ts'
import { namedBytes, type Tracking } from '../session.ts'
import { labelArgument } from './labels.ts'

/** The options behind CLIENT TRACKING ON|OFF. */
interface Options {
  redirect: number
  bcast: boolean
  optin: boolean
  optout: boolean
  noLoop: boolean
  readonly prefixes: string[]
}

function redirectTarget({ args, session, host }: Call, i: number, redirect: number): number {
  if (redirect !== 0) fail('trackingRedirectTwice')
  const id = args.int64(i) ?? fail('notInteger')
  if (host.clients.byId(Number(id)) === undefined) fail('trackingRedirect')
  return Number(id) === session.id ? 0 : Number(id)
}

function optionsOf(call: Call): Options {
  const { args } = call
  const options: Options = { redirect: 0, bcast: false, optin: false, optout: false, noLoop: false, prefixes: [] }
  for (let i = 3; i < args.count; i++) {
    const more = i + 1 < args.count
    if (args.is(i, 'redirect') && more) options.redirect = redirectTarget(call, ++i, options.redirect)
    else if (args.is(i, 'bcast')) options.bcast = true
    else if (args.is(i, 'optin')) options.optin = true
    else if (args.is(i, 'optout')) options.optout = true
    else if (args.is(i, 'noloop')) options.noLoop = true
    else if (args.is(i, 'prefix') && more) options.prefixes.push(labelArgument(args, ++i))
    else fail('syntax')
  }
  return options
}

function modeOf({ bcast, optin, optout }: Options): Tracking['mode'] {
  if (bcast) return 'bcast'
  if (optin) return 'optin'
  return optout ? 'optout' : 'all'
}

/** Two of the prefixes of which one begins with the other: in order of their bytes, such two stand side by side somewhere. */
function overlapping(prefixes: readonly string[]): readonly [string, string] | undefined {
  const sorted = [...prefixes].sort()
  const at = sorted.findIndex((prefix, i) => i > 0 && prefix.startsWith(sorted[i - 1]!))
  return at < 0 ? undefined : [sorted[at - 1]!, sorted[at]!]
}

/** Refuses prefixes that overlap with each other, or with those that the session has already. */
function checkPrefixes(prefixes: readonly string[], former: readonly string[], max: number): void {
  if (prefixes.length + former.length > max) fail('trackingPrefixesMax', max)
  const pair = overlapping([...former, ...prefixes])
  if (pair === undefined) return
  const known = former.find((prefix) => pair.includes(prefix))
  if (known !== undefined) fail('trackingPrefixKnown', pair[0] === known ? pair[1] : pair[0], known)
  const first = prefixes.find((prefix) => pair.includes(prefix))
  if (first === pair[0]) fail('trackingPrefixes', pair[0], pair[1])
  fail('trackingPrefixes', pair[1], pair[0])
}

/** Refuses what does not go together, or does not go with what is on already. */
function check(options: Options, former: Tracking | undefined, prefixesMax: number): void {
  const { bcast, optin, optout, prefixes } = options
  if (!bcast && prefixes.length > 0) fail('trackingPrefixWithoutBcast')
  if (former !== undefined && (former.mode === 'bcast') !== bcast) fail('trackingSwitchBcast')
  if (bcast && (optin || optout)) fail('trackingOptWithBcast')
  if (optin && optout) fail('trackingBothOpts')
  const crosses = (optin && former?.mode === 'optout') || (optout && former?.mode === 'optin')
  if (crosses) fail('trackingSwitchOpt')
  if (bcast) checkPrefixes(prefixes, former?.prefixes ?? [], prefixesMax)
}

/** CLIENT TRACKING. */
export function tracking(call: Call): void {
  const { args, session, reply, host } = call
  const options = optionsOf(call)
  if (args.is(2, 'off')) {
    host.tracking.disable(session)
    return reply.ok()
  }
  if (!args.is(2, 'on')) fail('syntax')
  check(options, session.tracking, host.subscriptionsMax)
  host.tracking.enable(session, trackingOf(options, session.tracking))
  reply.ok()
}

/** What the options say, with the prefixes that the session has already. */
function trackingOf(options: Options, former: Tracking | undefined): Tracking {
  const { bcast, redirect, noLoop } = options
  const added = bcast && options.prefixes.length === 0 ? [''] : options.prefixes
  const prefixes = [...new Set([...(former?.prefixes ?? []), ...added])].sort()
  const prefixBytes = prefixes.reduce((sum, prefix) => sum + namedBytes(prefix.length), 0)
  return { mode: modeOf(options), noLoop, redirect, prefixes, prefixBytes, broken: false, caching: false }
}

/** Tracking where there are no keys, on a sentinel: clients may ask for it, and there is never anything to tell. */
export const TRACKING_NOTHING: KeyTracking = {
  enable: (session, tracking) => {
    session.tracking = tracking
  },
  disable: (session) => {
    session.tracking = undefined
  },
}

function yesOrNo(args: Args): boolean {
  if (args.is(2, 'yes')) return true
  if (args.is(2, 'no')) return false
  return fail('syntax')
}

/** CLIENT CACHING: what it says holds for the next command. */
export function caching({ args, session, reply }: Call): void {
  const { tracking } = session
  if (tracking === undefined || !tracking.mode.startsWith('opt')) fail('cachingWithoutTracking')
  const yes = yesOrNo(args)
  if (yes && tracking.mode !== 'optin') fail('cachingYes')
  if (!yes && tracking.mode !== 'optout') fail('cachingNo')
  tracking.caching = true
  reply.ok()
}

/** CLIENT GETREDIR. */
export function redirection({ session, reply }: Call): void {
  reply.int(session.tracking?.redirect ?? -1)
}

function flagsOf(tracking: Tracking | undefined): string[] {
  if (tracking === undefined) return ['off']
  const { mode, caching, noLoop, broken } = tracking
  const flags = ['on']
  if (mode !== 'all') flags.push(mode)
  if (caching) flags.push(mode === 'optin' ? 'caching-yes' : 'caching-no')
  if (noLoop) flags.push('noloop')
  if (broken) flags.push('broken_redirect')
  return flags
}

/** CLIENT TRACKINGINFO. */
export function trackingInfo({ session, reply }: Call): void {
  const flags = flagsOf(session.tracking)
  const prefixes = session.tracking?.prefixes ?? []
  reply.map(3)
  reply.bulkText('flags')
  reply.set(flags.length)
  for (const flag of flags) reply.bulkText(flag)
  reply.bulkText('redirect')
  reply.int(session.tracking?.redirect ?? -1)
  reply.bulkText('prefixes')
  reply.array(prefixes.length)
  for (const prefix of prefixes) reply.bulk(Buffer.from(prefix, 'latin1'))
}
