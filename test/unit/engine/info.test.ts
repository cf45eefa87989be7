import { describe, expect, it } from 'vitest'
import { formatInfo, humanBytes } from '../../../src/engine/info.ts'
import { infoFacts } from '../../support/info-facts.ts'

const sections = (text: string): string[] => [...text.matchAll(/^# (\w+)/gm)].map((match) => match[1]!)

describe('INFO', () => {
  it('shows the sections asked for, in their own order, once', () => {
    const shown = (...asked: string[]): string[] => sections(formatInfo(infoFacts(), asked))
    const byDefault = ['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules']
    const defaults = [...byDefault, 'Errorstats', 'Cluster', 'Keyspace']
    expect(shown()).toEqual(defaults)
    expect(shown('default')).toEqual(defaults)
    const all = [...byDefault, 'Commandstats', 'Errorstats', 'Latencystats', 'Cluster', 'Keyspace']
    expect(shown('all')).toEqual(all)
    expect(shown('everything', 'server')).toEqual(all)
    expect(shown('keyspace', 'server', 'server')).toEqual(['Server', 'Keyspace'])
    expect(shown('default', 'commandstats')).toEqual(all.filter((name) => name !== 'Latencystats'))
    expect(formatInfo(infoFacts(), ['nosuch'])).toBe('')
  })

  it('separates lines and sections as Redis does', () => {
    expect(formatInfo(infoFacts(), ['keyspace', 'replication', 'cluster'])).toBe(
      '# Replication\r\nrole:master\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\ndb2:keys=10,expires=4,avg_ttl=99\r\n',
    )
  })

  it('counts commands that were called, refused or failed, and errors by code', () => {
    expect(formatInfo(infoFacts(), ['commandstats', 'errorstats'])).toBe(
      '# Commandstats\r\n' +
        'cmdstat_get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=1,failed_calls=2\r\n' +
        'cmdstat_config|get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=3,failed_calls=0\r\n' +
        '\r\n# Errorstats\r\nerrorstat_ERR:count=3\r\n',
    )
  })

  it('derives what follows from other facts', () => {
    const lines = formatInfo(infoFacts(), ['all']).split('\r\n')
    for (const line of [
      'redis_version:7.0.15',
      'uptime_in_days:3',
      'used_memory:3000000',
      'used_memory_human:2.86M',
      'used_memory_peak_perc:75.00%',
      'used_memory_overhead:1500000',
      'used_memory_dataset_perc:75.00%',
      'total_system_memory_human:16.00G',
      'mem_fragmentation_ratio:3.00',
      'mem_fragmentation_bytes:6000000',
      'rdb_changes_since_last_save:7',
      'used_cpu_user:2.250000',
    ])
      expect(lines).toContain(line)
  })
})

it.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1.00K'],
  [1_013_400, '989.65K'],
  [2 ** 20, '1.00M'],
  [2 ** 60, '1024.00P'],
])('%s bytes are %s', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text)
})
