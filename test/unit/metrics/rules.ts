// Prometheus's rules for names, units and help, which the tables of both processes keep.
import { describe, expect, it } from 'vitest'
import type { MetricRow } from '../../../src/metrics/table.ts'

/** Declares the tests of one table. */
export function keepsTheRules(prefix: string, rows: readonly MetricRow[]): void {
  describe('the table', () => {
    it('has unique, prefixed names with help', () => {
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
      for (const { name, help } of rows) {
        expect(name).toMatch(new RegExp(`^${prefix}[a-z_]+$`))
        expect(help).toMatch(/^.{20,}\.$/)
      }
    })

    it('ends counters, and only them, in _total, and has units last', () => {
      for (const { name, kind } of rows) {
        expect(name.endsWith('_total')).toBe(kind === 'counter')
        expect(name).not.toMatch(/_(ms|millis|milliseconds)\b|_(bytes|seconds)_(?!total$)/)
      }
    })

    it('has rising buckets in seconds', () => {
      for (const row of rows) {
        if (row.kind !== 'histogram') continue
        expect(row.name).toMatch(/_seconds$/)
        expect([...row.buckets].sort((a, b) => a - b)).toEqual(row.buckets)
      }
    })
  })
}
