import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { followFile } from '../../../src/io/followed-file.ts'

let folder: string
let timer: NodeJS.Timeout | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-followed-'))
})
afterEach(() => {
  clearInterval(timer)
  rmSync(folder, { recursive: true })
})

it('gives every other content, complains once of what is wrong, and takes what was there again after that', async () => {
  const path = join(folder, 'file')
  const write = (text: string): void => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  write('a')
  const taken: string[] = []
  const notice = vi.fn()
  const warning = vi.fn()
  const take = (content: string): string | undefined => {
    if (content === 'bad') return 'it is bad'
    taken.push(content)
    return undefined
  }
  timer = followFile(path, 'the-file', 'a', take, { notice, warning }, 5)
  write('b')
  await vi.waitFor(() => expect(taken).toEqual(['b']))
  write('bad')
  await vi.waitFor(() => expect(warning).toHaveBeenCalledTimes(1))
  expect(warning.mock.calls[0]![0]).toContain('it is bad')
  rmSync(path)
  await vi.waitFor(() => expect(warning).toHaveBeenCalledTimes(2))
  expect(warning.mock.calls[1]![0]).toContain('ENOENT')
  write('b')
  await vi.waitFor(() => expect(taken).toEqual(['b', 'b']))
  expect(warning).toHaveBeenCalledTimes(2)
})
