// ACL categories of commands, as COMMAND INFO lists them. Most follow from a row's flags and group.

import { CATEGORIES } from '../../acl/categories.ts'
import type { CommandRow } from '../row.ts'

/** Groups whose commands belong to a category, whatever they do. */
const OF_GROUP: Readonly<Record<string, string>> = {
  generic: 'keyspace',
  string: 'string',
  list: 'list',
  hash: 'hash',
  set: 'set',
  'sorted-set': 'sortedset',
  stream: 'stream',
  bitmap: 'bitmap',
  hyperloglog: 'hyperloglog',
  geo: 'geo',
  connection: 'connection',
  transactions: 'transaction',
  scripting: 'scripting',
}

/** Categories that take the place of the group's when a row of the generic group names them. */
const INSTEAD_OF_KEYSPACE = ['connection', 'list']

/** The categories of a command, in order, without `@`. A mere container has none but `slow`. */
export function categoriesOf(spec: CommandRow<never>): string[] {
  const { flags, categories = [] } = spec
  const found = new Set<string>(categories)
  const ofGroup = spec.run === undefined ? undefined : OF_GROUP[spec.group]
  const replaced = spec.group === 'generic' && INSTEAD_OF_KEYSPACE.some((name) => found.has(name))
  if (ofGroup !== undefined && !replaced) found.add(ofGroup)
  if (flags.includes('write')) found.add('write')
  if (flags.includes('readonly') && !found.has('scripting')) found.add('read')
  if (flags.includes('admin')) found.add('admin').add('dangerous')
  if (flags.includes('pubsub')) found.add('pubsub')
  if (flags.includes('blocking')) found.add('blocking')
  found.add(flags.includes('fast') ? 'fast' : 'slow')
  return CATEGORIES.filter((name) => found.has(name))
}
