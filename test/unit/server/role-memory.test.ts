// What is remembered of a role, and what of a file is believed.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decode, openRoleMemory, type RoleMemory } from '../../../src/server/role-memory.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vedette-role-'))
})
afterEach(() => rmSync(dir, { recursive: true }))
const lines: string[] = []
const add = (line: string): void => void lines.push(line)
const log = { debug: add, verbose: add, notice: add, warning: add }
const open = (configured: string, port = 7001): RoleMemory => openRoleMemory(dir, port, configured, log)
const B = { host: '10.0.0.2', port: 7002 }

describe('the memory of a role', () => {
  it('holds while the configuration is the one under which the order came', () => {
    open('').setRole(B)
    expect(open('').atStart.role).toEqual(B)
    expect(open('10.0.0.9 1').atStart.role).toBeUndefined()
    open('10.0.0.9 1').setRole('none')
    expect(open('10.0.0.9 1').atStart.role).toBe('none')
    expect(open('').atStart.role).toBeUndefined()
  })

  it('is another one for each port, and none for a port that is not fixed', () => {
    open('').setRole(B)
    expect(open('', 7009).atStart.role).toBeUndefined()
    open('', 0).setRole(B)
    expect(readdirSync(dir)).toEqual(['vedette-role-7001.json'])
  })

  it('keeps the sentinels beside the role, each for itself, and leaves no file when there is nothing', () => {
    const memory = open('')
    memory.setSentinels([{ host: 's', port: 26379, group: 'g' }], ['10.0.0.1:7001'])
    memory.setRole('none')
    expect(open('').atStart).toEqual({
      role: 'none',
      sentinels: [{ host: 's', port: 26379, group: 'g' }],
      selves: ['10.0.0.1:7001'],
    })
    memory.setRole(undefined)
    expect(open('').atStart.sentinels).toHaveLength(1)
    memory.setSentinels([], [])
    expect(readdirSync(dir)).toEqual([])
  })

  it('is none if the file is damaged, and says so if it cannot be written', () => {
    open('').setRole(B)
    const path = join(dir, 'vedette-role-7001.json')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.slice(0, 20))
    expect(open('').atStart.role).toBeUndefined()
    openRoleMemory(join(dir, 'missing'), 7001, '', log).setRole(B)
    expect(lines.at(-1)).toContain('Cannot remember the role of this server')
  })

  it('believes nothing that is not what it writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { role, sentinels, selves } = decode(value, '')
        expect(role).toBeUndefined()
        expect([...sentinels, ...selves]).toEqual([])
      }),
    )
    expect(
      decode(
        { v: 1, configured: '', role: { host: 'a b', port: 1 }, sentinels: [{ host: 'h', port: 0, group: 'g' }] },
        '',
      ),
    ).toEqual({ role: undefined, sentinels: [], selves: [] })
  })
})
