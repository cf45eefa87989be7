// The package as npm gives it to users: packed, installed into an empty folder, run by npx, and imported with its types.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../support/paths.ts'
import { createScope, type Scope } from '../support/scope.ts'

let scope: Scope
let folder: string
const npm = (args: readonly string[], cwd: string): string =>
  execFileSync('npm', [...args, '--no-fund', '--no-audit', '--loglevel=error'], { cwd, encoding: 'utf8' })

beforeAll(() => {
  scope = createScope()
  folder = scope.tempDir()
  const [tarball] = (
    JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT)) as {
      filename: string
    }[]
  ).map(({ filename }) => filename)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  npm(['install', '--prefer-offline', `./${tarball}`], folder)
}, 300_000)
afterAll(() => scope.close())

describe('the packed package', () => {
  it('runs: npx vedette up', async () => {
    // A process group of its own: as Ctrl-C in a terminal does, the signal goes to npx and to all that it started.
    const words = ['npx', '--no-install', 'vedette', 'up', '--port', '0', '--replicas', '1']
    const up = scope.spawn('setsid', words, { cwd: folder })
    const interrupt = (): boolean => process.kill(-up.pid, 'SIGINT')
    scope.defer(() => up.isRunning() && interrupt())
    await up.waitForOutput(/running; to connect/, 30_000)
    interrupt()
    await up.waitForOutput(/nothing is left behind/, 30_000)
  })

  it('gives `vedette/testing` to tests', () => {
    const program = `
      import { startCluster } from 'vedette/testing'
      const cluster = await startCluster({ replicas: 1 })
      const { from, to } = await cluster.killPrimary()
      console.log(from.port !== to.port && cluster.name)
      await cluster.stop()
    `
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(output).toBe('mymaster\n')
  })

  it('has types for it, and nothing else to import', () => {
    mkdirSync(join(folder, 'src'), { recursive: true })
    writeFileSync(
      join(folder, 'src/good.ts'),
      `import { type Change, type Cluster, startCluster } from 'vedette/testing'
       export async function kill(): Promise<Change> {
         const cluster: Cluster = await startCluster({ downAfterMs: 500 })
         return cluster.killPrimary()
       }\n`,
    )
    writeFileSync(
      join(folder, 'src/bad.ts'),
      `import { startCluster } from 'vedette/testing'
       await startCluster({ sentinel: 3 })
       import 'vedette/dist/cli/main.js'\n`,
    )
    const tsc = (file: string): string => {
      const args = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022']
      try {
        const types = join(ROOT, 'node_modules/@types')
        return execFileSync(
          process.execPath,
          [join(ROOT, 'node_modules/typescript/bin/tsc'), ...args, '--typeRoots', types, '--types', 'node', file],
          { cwd: folder, encoding: 'utf8' },
        )
      } catch (error) {
        return String((error as { stdout: string }).stdout)
      }
    }
    expect(tsc('src/good.ts')).toBe('')
    expect(tsc('src/bad.ts')).toMatch(/'sentinel' does not exist/)
    expect(tsc('src/bad.ts')).toMatch(/vedette\/dist\/cli\/main\.js/)
  })

  it('has the README and the licence with it, and no source', () => {
    const files = execFileSync('ls', [join(folder, 'node_modules/vedette')], { encoding: 'utf8' }).split('\n')
    expect(files.filter((name) => name !== '').sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json'])
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).dependencies).not.toHaveProperty('ioredis')
  })
})
