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

  const heard = (atMs: number, replica = 'r'): Evidence => ({ type: 'heard-by-replica', replica, atMs })

  it('takes a replica that heard the primary after it fell silent for us', () => {
    expect(detector(...silent, [1_200, heard(900)])(1_201)).toBe('cut-off')
  })

  it('is not proven by what a replica heard before', () => {
    expect(detector(...silent, [1_200, heard(99)])(1_201)).toBe('silent')
  })

  it('lasts from one ping of an idle primary to the next, ten seconds later', () => {
    const judge = detector(...silent, [1_200, heard(900)])
    expect(judge(900 + 10_000)).toBe('cut-off')
    expect(judge(900 + 12_001)).toBe('silent')
  })

  it('lasts no longer than the link of the replica that gave it', () => {
    const lost: Evidence = { type: 'lost-by-replica', replica: 'r' }
    expect(detector(...silent, [1_200, heard(900)], [1_300, lost])(1_301)).toBe('silent')
    expect(detector(...silent, [1_200, heard(900)], [1_250, heard(900, 's')], [1_300, lost])(1_301)).toBe('cut-off')
  })

  it('is not who answers, if only an error: it is down, steadily', () => {
    const judge = detector(
      ...healthy,
      [100, { type: 'asked' }],
      [101, { type: 'answered-badly', text: 'MISCONF' }],
      [1_200, heard(1_150)],
    )
    expect(judge(1_202)).toBe('silent')
    expect(judge(9_000)).toBe('silent')
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

  it('abstains for a part of the time it missed, so that one that mostly sleeps has a verdict too', () => {
    const judge = detector(...healthy, [100, { type: 'asked' }], [2_000, { type: 'stalled', forMs: 350 }])
    expect(judge(2_043)).toBe('abstain')
    expect(judge(2_044)).toBe('silent')
  })

  it('needs a fresh refusal of a primary that was dead before', () => {
    const dead: [number, Evidence][] = [
      [100, { type: 'lost' }],
      [101, { type: 'refused' }],
      [8_100, { type: 'stalled', forMs: 7_999 }],
    ]
    expect(detector(...healthy, ...dead)(8_101)).toBe('abstain')
    expect(detector(...healthy, ...dead, [8_102, { type: 'refused' }])(8_102)).toBe('dead')
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
