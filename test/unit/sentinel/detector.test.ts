// The verdicts of the failure detector, one rule a test.
import { describe, expect, it } from 'vitest'
import { ABSTAIN_MS, createDetector, type Evidence, isDown, signal, verdict } from '../../../src/sentinel/detector.ts'

const DOWN_AFTER_MS = 1_000
const detector = (...evidence: [number, Evidence][]) => {
  const made = createDetector(0)
  for (const [atMs, piece] of evidence) signal(made, atMs, piece)
  return (nowMs: number) => verdict(made, nowMs, DOWN_AFTER_MS).verdict
}
const healthy: [number, Evidence][] = [
  [1, { type: 'connected' }],
  [2, { type: 'asked' }],
  [3, { type: 'answered' }],
]

describe('dead', () => {
  it('takes a broken connection and a refused fresh one, and no time', () => {
    expect(detector(...healthy, [10, { type: 'lost' }], [11, { type: 'refused' }])(11)).toBe('dead')
  })

  it('is not proven by a broken connection alone: CLIENT KILL breaks them too', () => {
    expect(detector(...healthy, [10, { type: 'lost' }], [11, { type: 'connected' }])(12)).toBe('up')
  })

  it('is not proven by a refusal alone: the server may not have started yet', () => {
    expect(detector([1, { type: 'refused' }])(500)).toBe('up')
    expect(detector([1, { type: 'refused' }])(1_002)).toBe('silent')
  })

  it('ends when somebody listens again', () => {
    const judge = detector(...healthy, [10, { type: 'lost' }], [11, { type: 'refused' }], [20, { type: 'connected' }])
    expect(judge(21)).toBe('up')
  })

  it('is proven again when the fresh connection breaks and is refused', () => {
    const again: [number, Evidence][] = [
      [10, { type: 'lost' }],
      [11, { type: 'connected' }],
      [12, { type: 'lost' }],
      [13, { type: 'refused' }],
    ]
    expect(detector(...healthy, ...again)(13)).toBe('dead')
  })
})

describe('silent', () => {
  it('counts from the oldest question without an answer', () => {
    const judge = detector(...healthy, [100, { type: 'asked' }], [600, { type: 'asked' }])
    expect(judge(1_100)).toBe('up')
    expect(judge(1_101)).toBe('silent')
  })

  it('does not come from not asking', () => {
    expect(detector(...healthy)(1_000_000)).toBe('up')
  })

  it('counts time without a connection', () => {
    expect(detector(...healthy, [100, { type: 'lost' }], [101, { type: 'unreachable' }])(1_101)).toBe('silent')
  })

  it('ends with the first valid answer', () => {
    expect(detector(...healthy, [100, { type: 'asked' }], [5_000, { type: 'answered' }])(5_001)).toBe('up')
  })
})

describe('cut off', () => {
  const silent: [number, Evidence][] = [...healthy, [100, { type: 'asked' }]]

  it('takes a replica that heard the primary after it fell silent for us', () => {
    expect(detector(...silent, [1_200, { type: 'heard-by-replica', atMs: 900 }])(1_201)).toBe('cut-off')
  })

  it('is not proven by what a replica heard before', () => {
    expect(detector(...silent, [1_200, { type: 'heard-by-replica', atMs: 99 }])(1_201)).toBe('silent')
  })

  it('does not last on old evidence', () => {
    expect(detector(...silent, [1_200, { type: 'heard-by-replica', atMs: 900 }])(900 + DOWN_AFTER_MS + 2_001)).toBe(
      'silent',
    )
  })

  it('does not count as down', () => {
    expect([isDown('cut-off'), isDown('abstain'), isDown('up'), isDown('dead'), isDown('silent')]).toEqual([
      false,
      false,
      false,
      true,
      true,
    ])
  })
})

describe('a sentinel that did not run', () => {
  it('abstains, and holds the time against nobody', () => {
    const judge = detector(...healthy, [100, { type: 'asked' }], [8_100, { type: 'stalled', forMs: 8_000 }])
    expect(judge(8_101)).toBe('abstain')
    expect(judge(8_100 + ABSTAIN_MS)).toBe('up')
    expect(judge(9_101)).toBe('silent')
  })

  it('still knows a death that is proven', () => {
    const dead: [number, Evidence][] = [
      [8_100, { type: 'stalled', forMs: 8_000 }],
      [8_101, { type: 'lost' }],
      [8_102, { type: 'refused' }],
    ]
    expect(detector(...healthy, ...dead)(8_100 + ABSTAIN_MS)).toBe('dead')
  })
})

describe('a primary that reports to be a replica', () => {
  it('is silent after down-after and twenty seconds more', () => {
    const judge = detector(
      ...healthy,
      [100, { type: 'role', asExpected: false }],
      [500, { type: 'role', asExpected: false }],
    )
    expect(judge(21_100)).toBe('up')
    expect(judge(21_101)).toBe('silent')
  })

  it('is forgiven when it reports to be primary again', () => {
    expect(
      detector(
        ...healthy,
        [100, { type: 'role', asExpected: false }],
        [200, { type: 'role', asExpected: true }],
      )(99_999),
    ).toBe('up')
  })
})
