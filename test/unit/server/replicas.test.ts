// A replica that waits for a snapshot to be written to a file hears from us all the time: it gives up on silence.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createHistory } from '../../../src/replication/history.ts'
import type { ServerParts } from '../../../src/server/parts.ts'
import { createReplicas } from '../../../src/server/replicas.ts'
import type { SnapshotSink } from '../../../src/server/snapshot.ts'
import { createTestRegistry } from '../../support/registry.ts'
import { eventually } from '../../support/wait.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vedette-replicas-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(dir, { recursive: true })
})

it('keepalives go on until the first byte of a snapshot that was spooled, and stop there', async () => {
  const { server, clients, host, connect } = createTestRegistry({ dir, 'repl-diskless-sync': 'no' })
  const quiet = (): void => {}
  const log = { debug: quiet, verbose: quiet, notice: quiet, warning: quiet }
  let sink: SnapshotSink | undefined
  const parts = { options: server.config.values, log, clients, keyspace: server.keyspace, nowMs: () => server.nowMs }
  const replicas = createReplicas({
    server: parts as unknown as ServerParts,
    snapshots: {
      busy: () => sink !== undefined,
      start: (_options, given) => {
        sink = given
      },
      runAtOnce: quiet,
      cancel: quiet,
      cancelAtOnce: quiet,
    },
    history: createHistory('a'.repeat(40)),
    flush: quiet,
    reselect: quiet,
    beats: () => true,
    takeOver: quiet,
    isFailingOver: () => false,
    role: () => 'primary',
    snapshotFields: () => [],
    acknowledged: quiet,
  })
  host.replication = { ...host.replication, psync: replicas.psync, replconf: replicas.replconf }
  let nowMs = performance.now()
  /** What one more second brings. */
  const second = (wire: { output(): string }): string => {
    nowMs += 1001
    const now = vi.spyOn(performance, 'now').mockReturnValue(nowMs)
    replicas.tick()
    now.mockRestore()
    return wire.output()
  }

  const wire = connect()
  wire.send('REPLCONF listening-port 1 capa psync2\r\nPSYNC ? -1')
  expect(second(wire)).toMatch(/^\+OK\r\n(\n)?\+FULLRESYNC [0-9a-f]{40} 0\r\n(\n)?$/)
  await eventually('the snapshot is begun', () => sink)
  expect([second(wire), second(wire)]).toEqual(['\n', '\n'])
  sink!.emit(Buffer.from('snapshot'))
  expect(second(wire)).toBe('\n')
  sink!.done(undefined)
  let output = ''
  await eventually('the snapshot is sent', () => {
    output += wire.output()
    return output.endsWith('snapshot')
  })
  expect(output).toMatch(/^\$8\r\nsnapshot$/)
  expect(second(wire)).toBe('')
})
