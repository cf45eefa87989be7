// Two million keys: resident bytes for each, and the longest time for which the server does not answer while all of them
// are overwritten, seen by a connection that pings every millisecond.

import { setPriority } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { connectRaw } from '../test/support/resp.ts'
import { createScope } from '../test/support/scope.ts'
import type { Make } from '../test/support/servers.ts'
import { sleep } from '../test/support/wait.ts'
import type { Bench } from './case.ts'
import { load } from './load.ts'

import { sampledRow } from './report.ts'
import { startEqual } from './servers.ts'
import { residentBytes } from './stats.ts'

const KEYS = 2_000_000
/** A probe that pings without pause would take the core that the server and the writer need. */
const PING_EVERY_MS = 1
/** Two cores are shared by server, writer and probe; at full speed the figure would be the scheduler's time slice. */
const OVERWRITES_PER_SECOND = 400_000

/** Puts the probing thread before the others, where allowed, so that it is not the probe that waits for a core. */
function preferThisThread(): () => void {
  try {
    setPriority(-10)
  } catch {
    return () => {}
  }
  return () => setPriority(0)
}

interface Sample {
  bytesPerKey: number
  pauseMs: number
  pause999Ms: number
  /** How late the probe's own loop was at worst: what the machine adds. */
  ownDelayMs: number
  overwriteSeconds: number
}

async function measure(make: Make): Promise<Sample> {
  const scope = createScope()
  try {
    const server = await startEqual(scope, make)
    const probe = await connectRaw(server.port, { scope })
    for (let i = 0; i < 100; i++) await probe.raw('PING')
    const emptyBytes = residentBytes(server.proc.pid)
    await load({ port: server.port, keys: KEYS, pass: 1, perSecondMax: Infinity })
    await sleep(2000)
    const bytesPerKey = (residentBytes(server.proc.pid) - emptyBytes) / KEYS
    if ((await probe.call('DBSIZE')) !== KEYS) throw new Error('DBSIZE is not what was written')

    const release = preferThisThread()
    scope.defer(release)
    const ownDelay = monitorEventLoopDelay({ resolution: 1 })
    ownDelay.enable()
    const tripsMs: number[] = []
    let overwriting = true
    const startedMs = performance.now()
    const overwritten = load({ port: server.port, keys: KEYS, pass: 2, perSecondMax: OVERWRITES_PER_SECOND }).then(
      () => {
        overwriting = false
      },
    )
    while (overwriting) {
      const sentMs = performance.now()
      await probe.raw('PING')
      tripsMs.push(performance.now() - sentMs)
      await sleep(PING_EVERY_MS)
    }
    await overwritten
    release()
    ownDelay.disable()
    tripsMs.sort((a, b) => a - b)
    return {
      bytesPerKey,
      pauseMs: tripsMs.at(-1)!,
      pause999Ms: tripsMs[Math.floor(tripsMs.length * 0.999)]!,
      ownDelayMs: ownDelay.max / 1e6,
      overwriteSeconds: (performance.now() - startedMs) / 1000,
    }
  } finally {
    await scope.close()
  }
}

export const memoryBench: Bench = {
  name: 'memory',
  about: `${KEYS.toLocaleString('en-US')} keys of 16 bytes with values of 32: resident memory above that of the empty server, for each key; then the longest round trip of PING while all are overwritten by another connection at 400,000 keys a second.`,
  run: async ({ makes, runs = 3, say }) => {
    const samples = new Map<Make, Sample[]>(makes.map((make) => [make, []]))
    for (let run = 0; run < runs; run++) {
      for (const make of makes) {
        const sample = await measure(make)
        samples.get(make)!.push(sample)
        say(
          `memory ${run + 1}/${runs} ${make}: ${sample.bytesPerKey.toFixed(1)} bytes a key; pause ${sample.pauseMs.toFixed(1)} ms, 99.9 % ${sample.pause999Ms.toFixed(2)} ms (the probe itself was up to ${sample.ownDelayMs.toFixed(1)} ms late); overwritten in ${sample.overwriteSeconds.toFixed(1)} s`,
        )
      }
    }
    const row = (figure: string, unit: string, of: keyof Sample) => sampledRow(figure, unit, samples, of)
    return [
      { ...row(`resident per key, median of ${runs}`, 'bytes', 'bytesPerKey'), goal: { ratioAtMost: 0.7 } },
      { ...row(`longest pause while overwriting, median of ${runs}`, 'ms', 'pauseMs'), goal: { atMost: 5 } },
      row('99.9 % of pings while overwriting within', 'ms', 'pause999Ms'),
    ]
  },
}
