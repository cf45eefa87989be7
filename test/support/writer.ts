// A client as users run it: unmodified ioredis that finds the primary through the sentinels and writes without pause. It
// records every acknowledged write, so that a test can say how long writing stood still and what was lost.
import { Redis, type RedisOptions } from 'ioredis'
import type { Scope } from './scope.ts'
import type { Running } from './servers.ts'

export interface Ack {
  n: number
  /** Of performance.now(), when the reply came. */
  atMs: number
}

export interface Writer {
  readonly acks: Ack[]
  readonly errors: Map<string, number>
  /** Longest time between two successive acknowledged writes since `sinceMs`, and when it began. */
  longestGap(sinceMs?: number): { ms: number; fromMs: number }
  /** Ends the loop after the write in flight; the client is closed. */
  stop(): Promise<void>
}

/**
 * ioredis with the options of docs/CLIENTS.md and examples/clients/ioredis.mjs: it tries again quickly, keeps a write until it is
 * acknowledged, and leaves a primary that neither answers nor closes. (Not `failoverDetector`: see there.)
 */
export const CLIENT_OPTIONS: RedisOptions = {
  socketTimeout: 400,
  retryStrategy: () => 10,
  maxRetriesPerRequest: null,
  connectTimeout: 500,
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
}

/** An ioredis that asks these sentinels for the primary. */
export function sentinelClient(
  sentinels: readonly Running[],
  name: string,
  options: RedisOptions = CLIENT_OPTIONS,
): Redis {
  const client = new Redis({
    sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    name,
    ...options,
  })
  client.on('error', () => {})
  return client
}

/** The key of the n-th write; its value is n. */
export const writeKey = (n: number): string => `write:${n}`

/** Starts `lanes` loops, each of which writes the next number as soon as its last write was acknowledged. */
export function startWriter(
  scope: Scope,
  sentinels: readonly Running[],
  name: string,
  { options = CLIENT_OPTIONS, lanes = 1, pauseMs = 0 } = {},
): Writer {
  const client = sentinelClient(sentinels, name, options)
  const acks: Ack[] = []
  const errors = new Map<string, number>()
  let next = 0
  let running = true
  const lane = async (): Promise<void> => {
    while (running) {
      const n = next++
      try {
        if ((await client.set(writeKey(n), String(n))) === 'OK') acks.push({ n, atMs: performance.now() })
      } catch (error) {
        const message = (error as Error).message.replace(/\d+/g, '#')
        errors.set(message, (errors.get(message) ?? 0) + 1)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  const done = Promise.all(Array.from({ length: lanes }, lane))
  const stop = async (): Promise<void> => {
    running = false
    // Gives the writes in flight a moment, then lets go of those that wait for a primary that never comes.
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 500).unref())])
    client.disconnect()
  }
  scope.defer(stop)
  return {
    acks,
    errors,
    longestGap: (sinceMs = 0) => {
      let longest = { ms: 0, fromMs: 0 }
      for (let i = 1; i < acks.length; i++) {
        const fromMs = acks[i - 1]!.atMs
        const ms = acks[i]!.atMs - fromMs
        if (fromMs + ms >= sinceMs && ms > longest.ms) longest = { ms, fromMs }
      }
      return longest
    },
    stop,
  }
}

/** Which of these acknowledged writes the server at `port` does not hold. */
export async function lostWrites(port: number, acks: readonly Ack[]): Promise<number[]> {
  const client = new Redis({ port, host: '127.0.0.1' })
  try {
    const lost: number[] = []
    for (let from = 0; from < acks.length; from += 1000) {
      const batch = acks.slice(from, from + 1000)
      const values = await client.mget(batch.map(({ n }) => writeKey(n)))
      batch.forEach(({ n }, i) => {
        if (values[i] !== String(n)) lost.push(n)
      })
    }
    return lost
  } finally {
    client.disconnect()
  }
}
