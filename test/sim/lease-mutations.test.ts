// Does the simulator notice when leases are broken? Each mutation takes one rule away, and the checker "of all
// servers that need a lease one at most takes writes" must find it within so many seeds.
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Holder, hear as originalHear } from '../../src/lease/holder.ts'
import type { Word } from '../../src/lease/terms.ts'
import { WrongResult } from './outcome.ts'

const SEEDS = 300

type Bend = (original: Record<string, (...args: never[]) => unknown>) => object

/** What is bent: module → functions. Fence and ledger each suffice alone, so both are taken away. */
const MUTATIONS: Readonly<Record<string, Readonly<Record<string, Bend>>>> = {
  'when nobody waits for the lease of the old primary': {
    '../../src/sentinel/ledger.ts': () => ({ mayPromise: () => true }),
    '../../src/sentinel/fence.ts': () => ({ isFenced: () => true }),
  },
  'when a server counts from when the grant arrives': {
    '../../src/lease/holder.ts': ({ hear }) => ({
      hear(holder: Holder, word: Word, nowMs: number) {
        if (word.grant !== undefined && holder.asked.has(word.grant.seq)) holder.asked.set(word.grant.seq, nowMs)
        return (hear as unknown as typeof originalHear)(holder, word, nowMs)
      },
    }),
  },
  'when one promise is taken for a majority': { '../../src/lease/terms.ts': () => ({ majorityOf: () => 1 }) },
}

/** The seed at which the simulator found something wrong; undefined when it found nothing. */
async function findingSeed(): Promise<number | undefined> {
  const { runSentinels } = await import('./sentinel-run.ts')
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runSentinels(seed)
    } catch (error) {
      if ((error as Error).name === WrongResult.name && /under a lease/.test((error as Error).message)) return seed
    }
  }
  return undefined
}

describe('a broken lease is found', () => {
  afterEach(() => {
    for (const bent of Object.values(MUTATIONS)) for (const path of Object.keys(bent)) vi.doUnmock(path)
    vi.resetModules()
  })

  it.each(Object.entries(MUTATIONS))('%s', async (_, bent) => {
    vi.resetModules()
    for (const [path, bend] of Object.entries(bent))
      vi.doMock(path, async (load) => {
        const original = await load<Parameters<Bend>[0]>()
        return { ...original, ...bend(original) }
      })
    expect(await findingSeed()).toBeDefined()
  })
})
