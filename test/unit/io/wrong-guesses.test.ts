import { expect, it } from 'vitest'
import { countWrongGuesses } from '../../../src/io/wrong-guesses.ts'

it('forgets each wrong guess after a minute', () => {
  let nowMs = 0
  const guesses = countWrongGuesses(() => nowMs)
  for (let i = 0; i < 10; i++) {
    expect(guesses.areTooMany('a')).toBe(false)
    guesses.count('a')
    nowMs += 1000
  }
  expect(guesses.areTooMany('a')).toBe(true)
  nowMs = 60_001
  expect(guesses.areTooMany('a')).toBe(false)
  guesses.count('a')
  expect(guesses.areTooMany('a')).toBe(true)
})

it('remembers 1,024 sources, and the oldest goes first', () => {
  const guesses = countWrongGuesses(() => 0)
  for (const source of ['first', ...Array.from({ length: 1023 }, (_, i) => `${i}`)])
    for (let i = 0; i < 10; i++) guesses.count(source)
  expect([guesses.areTooMany('first'), guesses.areTooMany('1022')]).toEqual([true, true])
  guesses.count('one more')
  expect(['first', '1022', '0'].filter((source) => guesses.areTooMany(source))).toHaveLength(2)
})
