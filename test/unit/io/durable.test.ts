// A file is replaced as a whole or not at all.
import { closeSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replaceFile } from '../../../src/io/durable.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vedette-durable-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const put = (name: string, text: string, mode = 0o600): number =>
  replaceFile(join(dir, name), join(dir, `${name}.new`), Buffer.from(text), mode)

describe('replacing a file', () => {
  it('makes it, replaces it with its mode, and goes on where its content ends', () => {
    closeSync(put('a', 'a long old text'))
    const fd = put('a', 'new', 0o666)
    writeSync(fd, ' and more')
    closeSync(fd)
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('new and more')
    expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o666)
    expect(readdirSync(dir)).toEqual(['a'])
  })

  it('that fails leaves nothing behind', () => {
    mkdirSync(join(dir, 'folder'))
    expect(() => put('folder', 'text')).toThrow(/EISDIR|EEXIST|ENOTEMPTY/)
    expect(() => put(join('none', 'a'), 'text')).toThrow(/ENOENT/)
    expect(readdirSync(dir)).toEqual(['folder'])
  })
})
