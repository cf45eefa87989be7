// docs/CONFIGURATION.md is what the tables say, in both directions: the page is made from them, and nobody edited it since.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { GROUP_OPTIONS, SENTINEL_OPTIONS } from '../../../src/config/sentinel-options.ts'
import { SERVER_OPTIONS } from '../../../src/config/server-options.ts'

// A plain script without types, hence not imported as a module of known shape.
const script: string = new URL('../../../scripts/docs.mjs', import.meta.url).href
const { configurationPage } = (await import(script)) as { configurationPage: (tables: object) => string }
const page = readFileSync(new URL('../../../docs/CONFIGURATION.md', import.meta.url), 'utf8')

it('the page equals the tables (make it anew: npm run build && node scripts/docs.mjs)', () => {
  expect(page).toBe(configurationPage({ SERVER_OPTIONS, SENTINEL_OPTIONS, GROUP_OPTIONS }))
})

it('the page names every option', () => {
  const rows = [SERVER_OPTIONS, SENTINEL_OPTIONS, GROUP_OPTIONS].flatMap((table): [string, object][] =>
    Object.entries(table),
  )
  const names = rows.filter(([, row]) => !('hidden' in row)).map(([name]) => name)
  expect(names.filter((name) => !page.includes(name))).toEqual([])
})
