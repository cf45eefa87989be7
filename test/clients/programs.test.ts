// The example programs in every language that is here, through every fault, under Vedette's servers and sentinels and under Redis's:
// opt-in (`npm run test:clients`), because it fetches packages of many registries and takes half an hour. It prints the rows of
// the table in docs/CLIENTS.md.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ClientProgram,
  FAULTS,
  type Fault,
  NODE_PROGRAMS,
  type Ordeal,
  OTHER_PROGRAMS,
  ordeal,
} from '../support/client-programs.ts'
import { startGroup } from '../support/group.ts'
import { isInstalled } from '../support/paths.ts'
import { createScope, type Scope } from '../support/scope.ts'
import type { Make } from '../support/servers.ts'

const MAKES: readonly Make[] = isInstalled('redis-sentinel') ? ['vedette', 'redis'] : ['vedette']
const PATIENCE_MS = 60_000
let scope: Scope

beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const cell = ({ gapMs, lost, readonlyErrors }: Ordeal): string =>
  `${gapMs.toFixed(0)} ms, ${lost} lost${readonlyErrors > 0 ? `, ${readonlyErrors} READONLY` : ''}`

async function through(program: ClientProgram, make: Make): Promise<Partial<Record<Fault, Ordeal>>> {
  const group = await startGroup(scope, { servers: make, sentinels: make })
  const seen: Partial<Record<Fault, Ordeal>> = {}
  for (const fault of Object.keys(FAULTS) as Fault[]) {
    try {
      seen[fault] = await ordeal(scope, program.ready(), group, fault, PATIENCE_MS)
    } catch (error) {
      console.info(`${program.name} on ${make}, ${fault}: ${(error as Error).message}`)
      break
    }
  }
  const cells = (Object.keys(FAULTS) as Fault[]).map((fault) => (seen[fault] ? cell(seen[fault]) : '-'))
  console.info(`| ${[program.name, make, ...cells].join(' | ')} |`)
  return seen
}

describe.each([...NODE_PROGRAMS, ...OTHER_PROGRAMS])('$name', (program) => {
  it.each(MAKES)('goes on through everything under %s', { timeout: 600_000 }, async (make) => {
    const seen = await through(program, make)
    for (const fault of ['killed', 'frozen', 'handed over'] as const) expect(seen[fault], fault).toBeDefined()
    if (make === 'vedette') expect(seen['handed over']!.lost).toBe(0)
  })
})
