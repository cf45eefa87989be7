// The snapshot of a shutdown is the last one, whatever was under way before.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NO_EXPIRY } from '../../../src/keyspace/database.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { createLoader } from '../../../src/server/loading.ts'
import type { ServerParts } from '../../../src/server/parts.ts'
import { createPersistence, type ServerPersistence } from '../../../src/server/persistence.ts'
import { readRdbFile } from '../../../src/server/rdb-file.ts'
import { createSnapshots, type Snapshots } from '../../../src/server/snapshot.ts'
import { stringEncodingOf } from '../../../src/types/string.ts'
import { createTestServer, type TestServer } from '../../support/engine.ts'
import { eventually } from '../../support/wait.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vedette-persistence-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

interface Saving {
  readonly server: TestServer
  readonly keyspace: Keyspace
  readonly snapshots: Snapshots
  readonly persistence: ServerPersistence
  readonly lines: string[]
}

function createSaving(): Saving {
  const server = createTestServer({ dir, save: '1 1' })
  const lines: string[] = []
  const add = (line: string): void => void lines.push(line)
  const { engine, keyspace, config } = server
  const log = { debug: add, verbose: add, notice: add, warning: add }
  const snapshots = createSnapshots(keyspace)
  const parts = { options: config.values, config, log, engine, keyspace, nowMs: () => server.nowMs }
  const place = { fields: () => [], resume: () => {}, expired: () => {} }
  const rewrite = { rewriting: () => false, yield: () => {} }
  const persistence = createPersistence(parts as unknown as ServerParts, snapshots, place, rewrite)
  return { server, keyspace, snapshots, persistence, lines }
}

function set(space: Keyspace, key: string): void {
  const k = Buffer.from(key)
  space.databases[0]!.put(k, 0, k.length, k, 0, k.length, stringEncodingOf(k, 0, k.length), NO_EXPIRY)
}

async function keysOnDisk(): Promise<number> {
  const space = new Keyspace(16, { k0: 1, k1: 2 }, { expired() {}, modified() {}, flushing() {} })
  const { reader } = createLoader(space, {
    checksum: true,
    stringBytesMax: 1e9,
    dropExpiredAtMs: undefined,
    onLibrary() {},
  })
  await readRdbFile(join(dir, 'dump.rdb'), (bytes) => reader.feed(bytes) > 0)
  reader.end()
  return space.size
}

/** Lets what the system was asked for come back. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const file = await open(join(dir, `settle-${i}`), 'w')
    await file.sync()
    await file.close()
    rmSync(join(dir, `settle-${i}`))
  }
}

describe('the snapshot of a shutdown', () => {
  it.each(['walking', 'syncing'])('replaces one in the background that is %s', async (state) => {
    const { keyspace, snapshots, persistence, lines } = createSaving()
    for (let i = 0; i < 3000; i++) set(keyspace, `k${i}`)
    persistence.bgsave(false)
    if (state === 'syncing') await eventually('the walk is over', () => !snapshots.busy(), { intervalMs: 0 })
    set(keyspace, 'late')
    persistence.saveAtExit()
    await settle()
    expect(await keysOnDisk()).toBe(3001)
    expect(readdirSync(dir)).toEqual(['dump.rdb'])
    expect(lines.filter((line) => line === 'DB saved on disk').length).toBe(1)
  })
})

describe('FLUSHALL', () => {
  it.each(['1 1', ''])(
    'ends a snapshot under way, which is no failure; with save points (%j) the file says so',
    async (save) => {
      const { server, keyspace, persistence, lines } = createSaving()
      server.config.assign('save', [save])
      for (let i = 0; i < 3000; i++) set(keyspace, `k${i}`)
      server.engine.stats.changes = 3000
      persistence.bgsave(false)
      keyspace.flush()
      persistence.flushed()
      await settle()
      const facts = new Map(persistence.facts())
      expect(facts.get('rdb_bgsave_in_progress')).toBe(0)
      expect(facts.get('rdb_last_bgsave_status')).toBe('ok')
      expect(facts.get('rdb_changes_since_last_save')).toBe(save === '' ? 3000 : 0)
      expect(lines).not.toContain('Background saving error')
      if (save === '') expect(readdirSync(dir)).toEqual([])
      else expect(await keysOnDisk()).toBe(0)
    },
  )
})

describe('while data are being loaded', () => {
  it('no half of them replaces the snapshot on disk, neither by a save point nor at the end', () => {
    const { server, persistence, snapshots } = createSaving()
    set(server.keyspace, 'half')
    server.engine.stats.changes = 5
    server.advance(5000)
    server.engine.gate.loading = true
    persistence.tick()
    persistence.saveAtExit()
    expect([snapshots.busy(), readdirSync(dir)]).toEqual([false, []])
    server.engine.gate.loading = false
    persistence.tick()
    expect(snapshots.busy()).toBe(true)
    persistence.saveAtExit()
    expect(readdirSync(dir)).toEqual(['dump.rdb'])
  })
})
