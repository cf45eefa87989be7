import { beforeEach, expect, it } from 'vitest'
import { createHttpGuard, type HttpGuard } from '../../../src/io/http-guard.ts'

let nowMs: number
let guard: HttpGuard
beforeEach(() => {
  nowMs = 0
  guard = createHttpGuard({ now: ['new', 'old'] }, () => nowMs)
})

it('knows both passwords, however they are given', () => {
  const basic = `Basic ${Buffer.from('somebody:old').toString('base64')}`
  for (const given of ['Bearer new', 'Bearer old', basic]) expect(guard(given, 'a')).toBe('right')
  for (const given of ['Bearer other', 'Basic !', 'new', '', undefined]) expect(guard(given, 'a')).toBe('wrong')
})

it('looks at no more passwords of an address after ten wrong ones, for a minute; at those of others it does', () => {
  for (let i = 0; i < 10; i++) expect(guard(`Bearer ${i}`, 'a')).toBe('wrong')
  expect(guard('Bearer new', 'a')).toBe('too many')
  expect(guard('Bearer new', 'b')).toBe('right')
  nowMs = 60_001
  expect(guard('Bearer new', 'a')).toBe('right')
})

it('no password at all is no guess', () => {
  for (let i = 0; i < 20; i++) expect(guard(undefined, 'a')).toBe('wrong')
  expect(guard('Bearer new', 'a')).toBe('right')
})
