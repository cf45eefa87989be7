// What one rule of ACL SETUSER does to the rights of a user. The texts are those of Redis. Rules are latin1 text.

import { splitLine } from '../lib/words.ts'
import { type AclCommand, type Catalog, setBit, withSubcommands } from './catalog.ts'
import { READ, Selector, WRITE } from './selector.ts'
import type { Rights } from './user.ts'

/** Why a rule is refused. */
export const PROBLEMS = {
  unknown: 'Unknown command or category name in ACL',
  syntax: 'Syntax error',
  afterAllKeys:
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns",
  afterAllChannels:
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels",
  noSuchPassword: 'The password you are trying to remove from the user does not exist',
  badHash: 'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
  firstArgument: 'Allowing first-arg of a subcommand is not supported',
} as const

export type Problem = keyof typeof PROBLEMS

/** What rules are read with. */
export interface RuleBook {
  readonly catalog: Catalog
  /** SHA-256 of latin1 text, in hex. */
  readonly hash: (password: string) => string
  /** Whether new users and selectors may use all channels (`acl-pubsub-default`). */
  readonly allChannels: () => boolean
}

const HASH = /^[0-9a-f]{64}$/
/** Blanks and NUL: what would not survive being written into a file. */
const BLANK = /[\s\0]/

/** Whether the text could not stand as one word in a file of users. */
export const hasBlank = (text: string): boolean => BLANK.test(text.replaceAll('\u00a0', ''))

export const newSelector = ({ catalog, allChannels }: RuleBook): Selector => new Selector(catalog.words, allChannels())

/** Rules of the user itself, by their word. */
const USER_RULES: Readonly<Record<string, (rights: Rights, book: RuleBook) => void>> = {
  on: (rights) => {
    rights.on = true
  },
  off: (rights) => {
    rights.on = false
  },
  nopass: (rights) => {
    rights.noPassword = true
    rights.passwords = []
  },
  resetpass: (rights) => {
    rights.noPassword = false
    rights.passwords = []
  },
  'sanitize-payload': (rights) => {
    rights.payload = 'sanitize'
  },
  'skip-sanitize-payload': (rights) => {
    rights.payload = 'skip'
  },
  clearselectors: (rights) => {
    rights.others = []
  },
  reset: (rights, book) => {
    rights.on = false
    rights.noPassword = false
    rights.passwords = []
    rights.payload = 'sanitize'
    rights.own = newSelector(book)
    rights.others = []
  },
}

/** Rules of a selector, by their word. */
const SELECTOR_RULES: Readonly<Record<string, (selector: Selector) => void>> = {
  allkeys: (selector) => {
    selector.allKeys = true
    selector.keys = []
  },
  resetkeys: (selector) => {
    selector.allKeys = false
    selector.keys = []
  },
  allchannels: (selector) => {
    selector.allChannels = true
    selector.channels = []
  },
  resetchannels: (selector) => {
    selector.allChannels = false
    selector.channels = []
  },
  allcommands: (selector) => allCommands(selector, true),
  nocommands: (selector) => allCommands(selector, false),
}

const ALIASES: Readonly<Record<string, string>> = {
  '~*': 'allkeys',
  '&*': 'allchannels',
  '+@all': 'allcommands',
  '-@all': 'nocommands',
}

function allCommands(selector: Selector, on: boolean): void {
  selector.bits.fill(on ? 0xffffffff : 0)
  selector.future = on
  selector.allCommands = on
  selector.firstArguments.clear()
}

/** Applies a rule to the rights; gives back why it cannot be. The rights may be half changed then. */
export function applyRule(rights: Rights, rule: string, book: RuleBook): Problem | undefined {
  if (rule === '') return undefined
  const word = rule.toLowerCase()
  if (Object.hasOwn(USER_RULES, word)) {
    USER_RULES[word]!(rights, book)
    return undefined
  }
  if ('>#<!'.includes(rule[0]!)) return applyPassword(rights, rule, book)
  if (rule.startsWith('(') && rule.endsWith(')')) return addSelector(rights, rule, book)
  return applyToSelector(rights.own, rule, book.catalog)
}

function applyPassword(rights: Rights, rule: string, book: RuleBook): Problem | undefined {
  const [sign, given] = [rule[0], rule.slice(1)]
  const isHash = sign === '#' || sign === '!'
  if (isHash && !HASH.test(given)) return 'badHash'
  const hash = isHash ? given : book.hash(given)
  const known = rights.passwords.includes(hash)
  if (sign === '<' || sign === '!') {
    if (!known) return 'noSuchPassword'
    rights.passwords = rights.passwords.filter((one) => one !== hash)
    return undefined
  }
  if (!known) rights.passwords = [...rights.passwords, hash]
  rights.noPassword = false
  return undefined
}

function addSelector(rights: Rights, rule: string, book: RuleBook): Problem | undefined {
  const selector = newSelector(book)
  for (const word of splitLine(Buffer.from(rule.slice(1, -1), 'latin1')) ?? []) {
    const problem = applyToSelector(selector, word.toString('latin1'), book.catalog)
    if (problem !== undefined) return problem
  }
  rights.others.push(selector)
  return undefined
}

function applyToSelector(selector: Selector, rule: string, catalog: Catalog): Problem | undefined {
  const word = rule.toLowerCase()
  const name = ALIASES[word] ?? word
  if (Object.hasOwn(SELECTOR_RULES, name)) {
    SELECTOR_RULES[name]!(selector)
    return undefined
  }
  if (rule[0] === '~' || rule[0] === '%') return addKeys(selector, rule)
  if (rule[0] === '&') return addChannels(selector, rule.slice(1))
  if (rule[0] !== '+' && rule[0] !== '-') return 'syntax'
  const on = rule[0] === '+'
  if (rule[1] !== '@') return on ? allow(selector, rule.slice(1), catalog) : forbid(selector, rule.slice(1), catalog)
  const members = catalog.ofCategory(rule.slice(2))
  if (members === undefined) return 'unknown'
  for (const command of members) change(selector, command, on)
  return undefined
}

/** Allows or forbids a command with its subcommands. */
export function change(selector: Selector, command: AclCommand, on: boolean): void {
  for (const { id } of withSubcommands(command)) setBit(selector.bits, id, on)
  selector.firstArguments.delete(command.id)
  if (!on) selector.allCommands = false
}

function allow(selector: Selector, name: string, catalog: Catalog): Problem | undefined {
  const bar = name.lastIndexOf('|')
  const command = catalog.find(bar < 0 ? name : name.slice(0, bar))
  if (command === undefined) return 'unknown'
  if (bar < 0) {
    change(selector, command, true)
    return undefined
  }
  const argument = name.slice(bar + 1)
  if (command.parent !== undefined) return 'firstArgument'
  if (argument === '') return 'syntax'
  if (command.subcommands !== undefined) {
    const subcommand = catalog.find(name)
    if (subcommand === undefined) return 'unknown'
    change(selector, subcommand, true)
    return undefined
  }
  const known = selector.firstArguments.get(command.id) ?? []
  if (known.some((one) => one.toLowerCase() === argument.toLowerCase())) return undefined
  selector.firstArguments.set(command.id, [...known, argument])
  return undefined
}

function forbid(selector: Selector, name: string, catalog: Catalog): Problem | undefined {
  const command = catalog.find(name)
  if (command === undefined) return 'unknown'
  change(selector, command, false)
  return undefined
}

/** `~pattern`, or `%R~pattern`, `%W~pattern`, `%RW~pattern`. */
function addKeys(selector: Selector, rule: string): Problem | undefined {
  if (selector.allKeys) return 'afterAllKeys'
  const match = /^(?:~|%(R|W|RW|WR)(?:~|$))/i.exec(rule)
  if (match === null) return 'syntax'
  const letters = match[1]?.toUpperCase() ?? 'RW'
  const access = (letters.includes('R') ? READ : 0) | (letters.includes('W') ? WRITE : 0)
  const text = rule.slice(match[0].length)
  if (hasBlank(text)) return 'syntax'
  const known = selector.keys.find((one) => one.text === text)
  if (known === undefined) selector.keys.push({ text, bytes: Buffer.from(text, 'latin1'), access })
  else known.access |= access
  return undefined
}

function addChannels(selector: Selector, text: string): Problem | undefined {
  if (selector.allChannels) return 'afterAllChannels'
  if (hasBlank(text)) return 'syntax'
  if (selector.channels.some((one) => one.text === text)) return undefined
  selector.channels.push({ text, bytes: Buffer.from(text, 'latin1') })
  return undefined
}

/** Joins the words of selectors that are spread over several arguments; or the word at which one begins that never ends. */
export function joinSelectors(words: readonly string[]): readonly string[] | { readonly unmatched: string } {
  const joined: string[] = []
  let open: { readonly first: string; text: string } | undefined
  for (const word of words) {
    if (word.startsWith('(') && !word.endsWith(')')) {
      open = { first: word, text: word }
    } else if (open !== undefined) {
      open.text += ` ${word}`
      if (!word.endsWith(')')) continue
      joined.push(open.text)
      open = undefined
    } else {
      joined.push(word)
    }
  }
  return open === undefined ? joined : { unmatched: open.first }
}
