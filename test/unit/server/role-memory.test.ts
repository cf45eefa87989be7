// What is remembered of a role, and what of a file is believed.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
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
let nowMs = 0
const open = (configured: string, port = 7001): RoleMemory => openRoleMemory(dir, port, configured, log, () => nowMs)
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
    memory.stop()
    expect(readdirSync(dir)).toEqual([])
  })

  it('writes what hellos say every five seconds at most, however many come, and an order at once', () => {
    const memory = open('')
    const inode = (): number => statSync(join(dir, 'vedette-role-7001.json')).ino
    const say = (port: number): void => memory.setSentinels([{ host: 's', port, group: 'g' }], ['10.0.0.1:7001'])
    const ports = (): number[] => open('').atStart.sentinels.map(({ port }) => port)
    say(1)
    const first = inode()
    for (let port = 2; port < 1000; port++) say(port)
    nowMs += 4999
    memory.tick()
    expect([inode(), ports()]).toEqual([first, [1]])
    nowMs += 1
    memory.tick()
    expect(ports()).toEqual([999])
    say(1000)
    memory.setRole(B)
    expect([ports(), open('').atStart.role]).toEqual([[1000], B])
    say(1001)
    memory.stop()
    expect(ports()).toEqual([1001])
  })

  it('is none if the file is damaged, and says so if it cannot be written', () => {
    open('').setRole(B)
    const path = join(dir, 'vedette-role-7001.json')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.slice(0, 20))
    expect(open('').atStart.role).toBeUndefined()
    openRoleMemory(join(dir, 'missing'), 7001, '', log, () => nowMs).setRole(B)
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
