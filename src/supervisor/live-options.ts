// The options of a running sentinel: what SENTINEL CONFIG GET shows, and what SET changes. A change holds until the process ends;
// the file is never written.

import { SENTINEL_OPTIONS, type SentinelOptions } from '../config/sentinel-options.ts'
import { parseSetting } from '../config/store.ts'
import { errorText } from '../errors.ts'

/** Those that can be changed, as with Redis Sentinel. */
const CHANGEABLE = [
  'resolve-hostnames',
  'announce-hostnames',
  'announce-ip',
  'announce-port',
  'sentinel-user',
  'sentinel-pass',
] as const satisfies readonly (keyof SentinelOptions)[]

export type ChangeableOption = (typeof CHANGEABLE)[number]

/** The others that are shown; of passwords none. */
const FIXED = [
  'loglevel',
  'expect',
  'announce-id',
  'dead-sentinel-timeout',
  'heartbeat-interval-milliseconds',
  'election-timeout-milliseconds',
] as const satisfies readonly (keyof SentinelOptions)[]

/** What SENTINEL CONFIG GET shows. */
export const shownOptions = (options: SentinelOptions): ReadonlyMap<string, string> =>
  new Map([...CHANGEABLE, ...FIXED].map((name) => [name, textOf(options[name])]))

const textOf = (value: string | number | boolean | undefined): string =>
  value === undefined ? 'auto' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)

/** Changes an option; gives back the error, or which one it was. */
export function changeOption(
  options: SentinelOptions,
  given: string,
  value: string,
): { readonly error: string } | { readonly changed: ChangeableOption } {
  const name = CHANGEABLE.find((one) => one === given.toLowerCase())
  if (name === undefined) return { error: errorText('sentinelConfigSet', given) }
  const parsed = parseSetting(SENTINEL_OPTIONS[name], [value])
  if (!parsed.ok) return { error: errorText('sentinelConfigValue', value, given) }
  Object.assign(options, { [name]: parsed.setting.value })
  return { changed: name }
}
