// Where things lie: the root of the repository (found upwards, because the benchmark runs a compiled copy of these
// files) and the entry point of the built `vedette`.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

function findRoot(from: string): string {
  if (existsSync(join(from, 'package-lock.json'))) return from
  const parent = dirname(from)
  if (parent === from) throw new Error('test/support: no package-lock.json above this file')
  return findRoot(parent)
}

export const ROOT = findRoot(import.meta.dirname)

/** The program under test; VEDETTE_MAIN names another build. */
export const VEDETTE_MAIN = process.env.VEDETTE_MAIN ?? join(ROOT, 'dist/cli/main.js')

/** The Node that runs the program under test; VEDETTE_NODE names another one (the newest, in .ci/run). */
export const VEDETTE_NODE = process.env.VEDETTE_NODE ?? process.execPath

/** Whether a program of that name stands in one of the folders of PATH. */
export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)))
}
