// Who has how much of which history.
import { describe, expect, it } from 'vitest'
import { parseInfo, type ServerInfo } from '../../../src/sentinel/info.ts'
import { covers, hasMore, holds, kinshipOf } from '../../../src/sentinel/lineage.ts'

const LINEAGE = ['h0', 'h1'].map((replId) => ({ replId, runId: 'r' }))
const of = (replId: string, offset: number, rest: Partial<ServerInfo> = {}): ServerInfo => ({
  ...parseInfo(''),
  replId,
  offset,
  keys: 100,
  ...rest,
})
const parent = (replId: string, offset: number) => ({ parent: { replId, offset } })

describe('a history', () => {
  it('is held up to the offset, or up to where a promotion went on from it', () => {
    expect(holds(of('h1', 7), 'h1')).toBe(7)
    expect(holds(of('h2', 9, parent('h1', 5)), 'h1')).toBe(5)
    expect(holds(of('h2', 9), 'h1')).toBe(-1)
  })

  it('makes kin', () => {
    expect(kinshipOf(of('h1', 0), LINEAGE)).toBe('newest')
    expect(kinshipOf(of('x', 9, parent('h1', 5)), LINEAGE)).toBe('newest')
    expect(kinshipOf(of('h0', 9), LINEAGE)).toBe('earlier')
    expect(kinshipOf(of('x', 9), LINEAGE)).toBe('none')
    expect(kinshipOf(of('x', 9), [])).toBe('unknown')
  })

  it('covers another when nothing of that is missing', () => {
    expect(covers(of('h1', 7), of('h1', 7))).toBe(true)
    expect(covers(of('h2', 9, parent('h1', 6)), of('h1', 7))).toBe(false)
    expect(covers(of('h0', 9), of('h1', 0))).toBe(false)
  })
})

describe('more of the newest history', () => {
  it('has who is further in it', () => {
    expect(hasMore(of('h1', 8), of('h1', 7), LINEAGE)).toBe(true)
    expect(hasMore(of('h1', 7), of('h1', 7), LINEAGE)).toBe(false)
    expect(hasMore(of('h1', 8), of('x', 9, parent('h1', 7)), LINEAGE)).toBe(true)
    expect(hasMore(of('h0', 900), of('h1', 7), LINEAGE)).toBe(false)
  })

  it('is not certain against a server that may have read everything from its file under another name', () => {
    expect(hasMore(of('h1', 900), of('x', 0), LINEAGE)).toBe(false)
    expect(hasMore(of('h1', 900), of('x', 0, { keys: 0 }), LINEAGE)).toBe(true)
    expect(hasMore(of('h1', 900, { loading: true }), of('x', 0, { keys: 0 }), LINEAGE)).toBe(false)
  })
})
