// docs/COMMANDS.md, docs/ERRORS.md and docs/EVENTS.md are what the tables say: the pages are made from them, and nobody edited them since.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { allCommands } from '../../../src/commands/table.ts'
import { ERRORS } from '../../../src/errors.ts'
import { EVENTS } from '../../../src/sentinel/events.ts'
import { SENTINEL_TABLE } from '../../../src/supervisor/commands/table.ts'

// A plain script without types, hence not imported as a module of known shape.
const script: string = new URL('../../../scripts/docs.mjs', import.meta.url).href
const { commandsPage, errorsPage, eventsPage } = (await import(script)) as Record<string, (tables: object) => string>
const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8')

it('the page of commands equals the tables (make it anew: npm run build && node scripts/docs.mjs)', () => {
  expect(page('COMMANDS')).toBe(commandsPage!({ server: allCommands(), sentinel: SENTINEL_TABLE }))
})

it('the page of errors equals the table, and says what each code means', () => {
  expect(page('ERRORS')).toBe(errorsPage!({ ERRORS }))
})

it('the page of events equals the table', () => {
  expect(page('EVENTS')).toBe(eventsPage!({ EVENTS }))
})

it('a command is written as one types it', () => {
  const text = page('COMMANDS')
  expect(text).toContain(
    '| `GETEX key [EX seconds \\| PX milliseconds \\| EXAT unix-time-seconds \\| PXAT unix-time-milliseconds \\| PERSIST]` |',
  )
  expect(text).toContain('| `SENTINEL FAILOVER ')
})
