// Every option that is not marked as inert or refused is read somewhere: a table that promises more than the program does
// fails here. (The name in the code is what is looked for, so this proves the intention, not the effect.)
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { OptionTable } from '../../../src/config/option.ts'
import { GROUP_OPTIONS, SENTINEL_OPTIONS } from '../../../src/config/sentinel-options.ts'
import { SERVER_OPTIONS } from '../../../src/config/server-options.ts'

const SRC = join(import.meta.dirname, '../../../src')

/** The code in folders, and of files. */
function codeOf(places: readonly string[]): string {
  return places
    .flatMap((folder) => {
      if (folder.endsWith('.ts')) return [readFileSync(join(SRC, folder), 'utf8')]
      const files = readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
      return files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join(SRC, folder, file), 'utf8'))
    })
    .join('\n')
}

function unread(table: OptionTable, code: string): string[] {
  return Object.entries(table)
    .filter(([, row]) => row.inert === undefined && row.unbuilt === undefined)
    .map(([name]) => name)
    .filter((name) => !code.includes(`'${name}'`) && !new RegExp(`\\b(options|values|group)\\.${name}\\b`).test(code))
}

it('the server reads its options', () => {
  expect(
    unread(
      SERVER_OPTIONS,
      codeOf(['server', 'engine', 'keyspace', 'commands', 'replication', 'cli', 'types', 'io/tls', 'io/users.ts']),
    ),
  ).toEqual([])
})

it('the sentinel reads its options', () => {
  const code = codeOf(['supervisor', 'sentinel', 'cli', 'io/tls', 'io/users.ts'])
  expect(unread(SENTINEL_OPTIONS, code)).toEqual([])
  expect(unread(GROUP_OPTIONS, code)).toEqual([])
})
