// The rules that would make a user what it is, in the words of ACL LIST. Invariant: applied to a new user, they give the same rights.

import { type AclCommand, type Bits, type Catalog, hasBit } from './catalog.ts'
import { CATEGORIES } from './categories.ts'
import { change } from './rules.ts'
import { type KeyPattern, READ, Selector, WRITE } from './selector.ts'
import type { Rights } from './user.ts'

function keyRule({ text, access }: KeyPattern): string {
  if (access === (READ | WRITE)) return `~${text}`
  return access === READ ? `%R~${text}` : `%W~${text}`
}

export const keyRules = (selector: Selector): string => (selector.allKeys ? '~*' : selector.keys.map(keyRule).join(' '))

export const channelRules = (selector: Selector): string =>
  selector.allChannels ? '&*' : selector.channels.map(({ text }) => `&${text}`).join(' ')

/** The category whose members are the most alike, of those not used yet: more of them fit than do not. */
function bestCategory(left: Bits, catalog: Catalog, on: boolean, used: ReadonlySet<string>): string | undefined {
  let best: string | undefined
  let leastWrong = Number.POSITIVE_INFINITY
  let mostRight = 0
  for (const name of CATEGORIES) {
    if (used.has(name)) continue
    const members = catalog.ofCategory(name)!
    const right = members.filter(({ id }) => hasBit(left, id) === on).length
    const wrong = members.length - right
    if (right <= wrong || wrong > leastWrong || (wrong === leastWrong && right <= mostRight)) continue
    best = name
    leastWrong = wrong
    mostRight = right
  }
  return best
}

/** The rules about commands: all or none, then categories, then what still differs. */
export function commandRules(selector: Selector, catalog: Catalog): string {
  const adds = !selector.future
  const rules = [adds ? '-@all' : '+@all']
  const made = new Selector(catalog.words, false)
  if (!adds) made.bits.fill(0xffffffff)
  const left = selector.copy()
  const used = new Set<string>()
  for (;;) {
    const name = bestCategory(left.bits, catalog, adds, used)
    if (name === undefined) break
    used.add(name)
    rules.push(`${adds ? '+' : '-'}@${name}`)
    for (const command of catalog.ofCategory(name)!) {
      change(made, command, adds)
      change(left, command, !adds)
    }
  }
  for (const command of catalog.commands) describeOne(selector, made, command, rules)
  return rules.join(' ')
}

function describeOne(selector: Selector, made: Selector, command: AclCommand, rules: string[]): void {
  const on = hasBit(selector.bits, command.id)
  if (on !== hasBit(made.bits, command.id)) {
    rules.push(`${on ? '+' : '-'}${command.fullName}`)
    change(made, command, on)
  }
  if (on) return
  for (const argument of selector.firstArguments.get(command.id) ?? []) rules.push(`+${command.fullName}|${argument}`)
}

function selectorRules(selector: Selector, catalog: Catalog): string {
  const channels = selector.allChannels ? '&*' : ['resetchannels', channelRules(selector)].join(' ').trimEnd()
  return [keyRules(selector), channels, commandRules(selector, catalog)].filter((part) => part !== '').join(' ')
}

/** What GETUSER shows as flags. */
export function flagsOf(rights: Rights): readonly string[] {
  const flags = [rights.on ? 'on' : 'off']
  if (rights.noPassword) flags.push('nopass')
  if (rights.payload !== 'unsaid') flags.push(rights.payload === 'skip' ? 'skip-sanitize-payload' : 'sanitize-payload')
  return flags
}

/** All rules of a user in one line. */
export function describeRights(rights: Rights, catalog: Catalog): string {
  const others = rights.others.map((one) => `(${selectorRules(one, catalog)})`)
  const passwords = rights.passwords.map((hash) => `#${hash}`)
  return [...flagsOf(rights), ...passwords, selectorRules(rights.own, catalog), ...others].join(' ')
}
