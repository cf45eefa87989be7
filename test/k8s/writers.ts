// Two clients that write without pause while something happens to the pods: one connects through the primary Service, as kube-proxy
// would lead it, the other asks the sentinels. Each knows what was acknowledged to it, and how long nothing was.
import net from 'node:net'
import { connectResp, type RespClient } from '../../src/io/resp-client.ts'
import { sleep } from '../support/wait.ts'

export interface Place {
  readonly host: string
  readonly port: number
}

export interface Written {
  readonly acknowledged: readonly string[]
  readonly longestGapMs: number
}

export interface Writer {
  stop(): Promise<Written>
}

const ANSWER_MS = 400
const RETRY_MS = 5
let made = 0

export const connect = (place: Place, password: string): RespClient =>
  connectResp({ ...place, password, connectTimeoutMs: ANSWER_MS, replyTimeoutMs: ANSWER_MS })

/** Writes to wherever `find` says the primary is; it is asked again after each failure. */
export function startWriter(password: string, find: () => Promise<Place | undefined>): Writer {
  const prefix = `w${made++}`
  const acknowledged: string[] = []
  let longestGapMs = 0
  let lastMs = performance.now()
  let stopping = false
  const run = async (): Promise<void> => {
    let client: RespClient | undefined
    for (let n = 0; !stopping; n++) {
      const place = client === undefined ? await find().catch(() => undefined) : undefined
      if (place !== undefined) client = connect(place, password)
      const key = `${prefix}:${n}`
      const reply = await client?.command(['SET', key, '1']).catch(() => undefined)
      if (reply === 'OK') {
        const nowMs = performance.now()
        longestGapMs = Math.max(longestGapMs, nowMs - lastMs)
        lastMs = nowMs
        acknowledged.push(key)
        await sleep(1)
        continue
      }
      client?.close()
      client = undefined
      await sleep(RETRY_MS)
    }
    client?.close()
  }
  const done = run()
  return {
    stop: async () => {
      stopping = true
      await done
      return { acknowledged, longestGapMs: Math.max(longestGapMs, performance.now() - lastMs) }
    },
  }
}

/** Where these sentinels say that the primary is. */
export async function askSentinels(
  sentinels: readonly string[],
  group: string,
  password: string,
  look: (name: string) => readonly string[] | undefined,
): Promise<Place | undefined> {
  for (const host of sentinels) {
    const client = connect({ host, port: 26379 }, password)
    const reply = await client.command(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group]).catch(() => undefined)
    client.close()
    if (!Array.isArray(reply)) continue
    const name = String(reply[0])
    const ip = net.isIP(name) === 0 ? look(name)?.[0] : name
    if (ip !== undefined) return { host: ip, port: Number(reply[1]) }
  }
  return undefined
}

const BATCH = 1_000

/** How many of these keys are not there. */
export async function missing(place: Place, password: string, keys: readonly string[]): Promise<number> {
  const client = connectResp({ ...place, password, connectTimeoutMs: 2_000, replyTimeoutMs: 5_000 })
  try {
    let found = 0
    for (let from = 0; from < keys.length; from += BATCH)
      found += Number(await client.command(['EXISTS', ...keys.slice(from, from + BATCH)]))
    return keys.length - found
  } finally {
    client.close()
  }
}
