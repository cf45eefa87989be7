import { describe, expect, it } from 'vitest'
import { memoryLimit, memoryWarning } from '../../../src/server/memory-limit.ts'

const GIB = 2 ** 30

describe('the limit of the machine or the container', () => {
  it('is a warning when maxmemory and the process need more', () => {
    expect(memoryWarning(GIB, { bytes: GIB, of: 'container' })).toMatch(
      /^maxmemory is 1073741824 bytes, but the container may use 1073741824, /,
    )
    expect(memoryWarning(4 * GIB, { bytes: 2 * GIB, of: 'machine' })).toMatch(/but the machine has 2147483648, /)
  })

  it('says nothing where it suffices, or where there is no maxmemory', () => {
    expect(memoryWarning(GIB, { bytes: 2 * GIB, of: 'machine' })).toBeUndefined()
    expect(memoryWarning(0, { bytes: 1, of: 'container' })).toBeUndefined()
  })

  it('is known, whatever the process runs in', () => {
    const { bytes } = memoryLimit()
    expect(bytes).toBeGreaterThan(64 << 20)
    expect(Number.isSafeInteger(bytes)).toBe(true)
  })
})
