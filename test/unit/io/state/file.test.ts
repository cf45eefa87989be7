// The state file against a model: what was saved is recovered, a file cut at any byte gives a state that once was saved, and a
// flipped bit anywhere is refused.
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStateFile } from '../../../../src/io/state/file.ts'
import {
  createMemoryStore,
  type StateChange,
  StateFileError,
  type StateStore,
  type StoredEntry,
  type StoredSnapshot,
} from '../../../../src/io/state/store.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vedette-state-'))
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

const entry = (index: number, term = 1, text = `entry ${index}`): StoredEntry => ({
  index,
  term,
  kind: index % 7 === 0 ? 'config' : 'normal',
  data: Uint8Array.from(Buffer.from(text)),
})
const snapshot = (index: number, term = 1): StoredSnapshot => ({
  index,
  term,
  membership: { voters: ['a', 'b', 'c'], learners: ['d'] },
  level: 2,
  data: Uint8Array.from(Buffer.from(`state at ${index}`)),
})
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
const stateOf = (store: StateStore) => structuredClone({ ...store.state })
const fileIn = (directory: string): string => join(directory, 'state.log')

function reopened(directory: string) {
  const store = openStateFile(directory)
  const state = stateOf(store)
  const { warnings } = store
  store.close()
  return { state, warnings }
}

function failureOf(run: () => StateStore): StateFileError {
  try {
    run().close()
  } catch (error) {
    if (error instanceof StateFileError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('the state file', () => {
  it('recovers what was saved', () => {
    const store = openStateFile(root)
    store.save({ identity: bytes('group g'), snapshot: snapshot(0) }, true)
    store.save(
      { entries: [entry(1), entry(2), entry(3)], hardState: { term: 1, vote: 'b', commit: 0, promiseMs: 0 } },
      true,
    )
    store.save(
      { entries: [entry(2, 2), entry(3, 2, '')], hardState: { term: 2, vote: undefined, commit: 1, promiseMs: 2400 } },
      true,
    )
    const before = stateOf(store)
    store.close()
    expect(before.entries.map(({ term }) => term)).toEqual([1, 2, 2])
    expect(reopened(root)).toEqual({ state: before, warnings: [] })
  })

  it('begins empty, in a directory that it makes', () => {
    const directory = join(root, 'a/b')
    expect(reopened(directory)).toEqual({
      state: { identity: undefined, hardState: undefined, snapshot: undefined, entries: [] },
      warnings: [],
    })
    expect(readdirSync(directory)).toEqual(['state.log'])
  })

  it('replaces the log by a snapshot of the leader, and keeps the rest of it after one of its own', () => {
    const store = openStateFile(root)
    store.save({ entries: [1, 2, 3, 4].map((index) => entry(index)) }, true)
    store.compact(snapshot(2))
    expect(store.state.entries.map(({ index }) => index)).toEqual([3, 4])
    store.save({ entries: [entry(5)] }, true)
    store.close()
    const second = openStateFile(root)
    expect(second.state.snapshot).toEqual(snapshot(2))
    expect(second.state.entries.map(({ index }) => index)).toEqual([3, 4, 5])
    second.save({ snapshot: snapshot(9), entries: [entry(10)] }, true)
    second.close()
    const { state } = reopened(root)
    expect(state.snapshot?.index).toBe(9)
    expect(state.entries.map(({ index }) => index)).toEqual([10])
  })

  it('shrinks by compaction', () => {
    const store = openStateFile(root)
    for (let index = 1; index <= 100; index++) store.save({ entries: [entry(index)] }, true)
    const before = store.sizeBytes
    expect(readFileSync(fileIn(root)).length).toBe(before)
    store.compact(snapshot(100))
    expect(store.sizeBytes).toBeLessThan(before / 10)
    expect(readFileSync(fileIn(root)).length).toBe(store.sizeBytes)
    store.close()
  })

  it('lets a commit hint wait for the next synced change, and writes it when closed', () => {
    const store = openStateFile(root)
    store.save({ hardState: { term: 3, vote: 'a', commit: 0, promiseMs: 0 } }, true)
    const size = store.sizeBytes
    store.save({ hardState: { term: 3, vote: 'a', commit: 7, promiseMs: 0 } }, false)
    expect(store.sizeBytes).toBe(size)
    expect(store.state.hardState?.commit).toBe(7)
    store.save({ entries: [entry(1)] }, true)
    store.save({ hardState: { term: 3, vote: 'a', commit: 8, promiseMs: 0 } }, false)
    store.close()
    expect(reopened(root).state.hardState).toEqual({ term: 3, vote: 'a', commit: 8, promiseMs: 0 })
  })

  it('asserts that entries follow each other', () => {
    const store = openStateFile(root)
    store.save({ entries: [entry(1)] }, true)
    expect(() => store.save({ entries: [entry(3)] }, true)).toThrow('does not follow')
    expect(() => store.save({ entries: [entry(2), entry(4)] }, true)).toThrow('belongs')
    store.compact(snapshot(1))
    expect(() => store.save({ entries: [entry(1)] }, true)).toThrow('does not follow')
    store.close()
  })

  it('equals the store in memory, over any history and restarts', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), back: fc.nat(3), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        kind: fc.constant('vote' as const),
        vote: fc.option(fc.string(), { nil: undefined }),
        sync: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('install' as const), ahead: fc.nat(5) }),
      fc.record({ kind: fc.constant('compact' as const), back: fc.nat(4) }),
      fc.record({ kind: fc.constant('identity' as const), identity: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    )
    let run = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const directory = join(root, String(run++))
        let store = openStateFile(directory)
        const model = createMemoryStore()
        let term = 0
        for (const each of steps) {
          term++
          const base = model.state.snapshot?.index ?? 0
          const last = model.state.entries.at(-1)?.index ?? base
          const both = (change: StateChange, sync = true): void => {
            store.save(change, sync)
            model.save(change, sync)
          }
          if (each.kind === 'append') {
            const from = Math.max(base + 1, last + 1 - each.back)
            both({ entries: Array.from({ length: each.count }, (_, i) => entry(from + i, term)) })
          } else if (each.kind === 'vote')
            both({ hardState: { term, vote: each.vote, commit: base, promiseMs: 0 } }, each.sync)
          else if (each.kind === 'install') both({ snapshot: snapshot(last + each.ahead, term) })
          else if (each.kind === 'identity') both({ identity: each.identity })
          else if (each.kind === 'compact') {
            const at = snapshot(Math.max(base, last - each.back), term)
            store.compact(at)
            model.compact(at)
          } else {
            store.close()
            store = openStateFile(directory)
          }
          expect(stateOf(store)).toEqual(stateOf(model))
        }
        store.close()
        expect(reopened(directory).state).toEqual(stateOf(model))
      }),
      { numRuns: 40 },
    )
  })
})

/** A file of a few changes, with the state after each and where its frame ends. */
function written(directory: string) {
  const store = openStateFile(directory)
  const states = [stateOf(store)]
  const ends = [store.sizeBytes]
  const changes: StateChange[] = [
    { identity: bytes('group'), snapshot: snapshot(0) },
    { hardState: { term: 1, vote: 'a', commit: 0, promiseMs: 0 } },
    { entries: [entry(1), entry(2)] },
    { hardState: { term: 2, vote: 'c', commit: 1, promiseMs: 0 } },
  ]
  for (const change of changes) {
    store.save(change, true)
    states.push(stateOf(store))
    ends.push(store.sizeBytes)
  }
  store.close()
  return { states, ends, content: readFileSync(fileIn(directory)) }
}

describe('damage', () => {
  it('cut at any byte behind the first frame: the changes that are whole are recovered, with a warning', () => {
    const { states, ends, content } = written(root)
    for (let cut = ends[0]!; cut < content.length; cut++) {
      writeFileSync(fileIn(root), content.subarray(0, cut))
      const whole = ends.filter((end) => end <= cut).length - 1
      const { state, warnings } = reopened(root)
      expect(state).toEqual(states[whole])
      expect(warnings.length).toBe(ends.includes(cut) ? 0 : 1)
      if (warnings.length > 0) expect(warnings[0]).toContain(fileIn(root))
    }
  })

  it('cut inside the first frame, which was in place before the file had its name: refused', () => {
    const { ends } = written(root)
    for (const size of [0, 5, 16, 20, ends[0]! - 1]) {
      truncateSync(fileIn(root), size)
      expect(failureOf(() => openStateFile(root)).code).toBe('corrupt')
    }
  })

  it('a flipped bit anywhere is refused, and the message names the file', () => {
    const { content } = written(root)
    for (let at = 0; at < content.length; at++) {
      const damaged = Buffer.from(content)
      damaged[at]! ^= 1 << (at % 8)
      writeFileSync(fileIn(root), damaged)
      const failure = failureOf(() => openStateFile(root))
      expect(['corrupt', 'version']).toContain(failure.code)
      expect(failure.message).toContain(fileIn(root))
      expect(readFileSync(fileIn(root))).toEqual(damaged) // left as it was, for whoever looks into it
      expect(readdirSync(root)).toEqual(['state.log'])
    }
  })

  it('a frame missing in the middle is refused', () => {
    const { ends, content } = written(root)
    writeFileSync(fileIn(root), Buffer.concat([content.subarray(0, ends[1]), content.subarray(ends[2])]))
    expect(failureOf(() => openStateFile(root)).message).toMatch('follows frame')
  })

  it('zeros at the end, as a power failure leaves them, are a torn tail', () => {
    const { states, ends, content } = written(root)
    appendFileSync(fileIn(root), Buffer.alloc(5000))
    expect(reopened(root).state).toEqual(states.at(-1))
    const torn = Buffer.from(content)
    torn.fill(0, ends[3])
    writeFileSync(fileIn(root), torn)
    expect(reopened(root).state).toEqual(states[3])
  })

  it('zeros in the middle, with valid changes behind them, are refused', () => {
    const { ends, content } = written(root)
    const damaged = Buffer.from(content)
    damaged.fill(0, ends[1], ends[2])
    writeFileSync(fileIn(root), damaged)
    expect(failureOf(() => openStateFile(root)).code).toBe('corrupt')
  })

  it('random bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (content) => {
        writeFileSync(fileIn(root), content)
        expect(failureOf(() => openStateFile(root)).code).toBe('corrupt')
      }),
      { numRuns: 50 },
    )
  })

  it('the rest of an interrupted compaction is no obstacle', () => {
    const { states } = written(root)
    writeFileSync(`${fileIn(root)}.new`, 'half')
    expect(reopened(root)).toEqual({ state: states.at(-1), warnings: [] })
    expect(readdirSync(root)).toEqual(['state.log'])
  })
})

describe('a directory that cannot be used', () => {
  it('is refused when it is a file', () => {
    const path = join(root, 'file')
    writeFileSync(path, '')
    expect(failureOf(() => openStateFile(path)).message).toContain(path)
    expect(failureOf(() => openStateFile(join(path, 'below'))).code).toBe('io')
  })

  it.skipIf(process.getuid?.() === 0)('is refused when it is read-only', () => {
    chmodSync(root, 0o500)
    const failure = failureOf(() => openStateFile(root))
    chmodSync(root, 0o700)
    expect(failure.message).toMatch('permission is denied')
  })

  it.skipIf(!existsSync('/proc/self'))('is refused when nothing can be written there', () => {
    const failure = failureOf(() => openStateFile('/proc/self/vedette'))
    expect(failure.code).toBe('io')
    expect(failure.message).toContain('/proc/self/vedette')
  })
})
