// What acknowledgements say about a fault: how long two servers took writes at once, and how long nobody did. Pure.

export interface Ack {
  readonly key: string
  readonly atMs: number
  /** Who acknowledged it. */
  readonly server: string
}

interface Span {
  readonly fromMs: number
  toMs: number
}

/** Acknowledgements further apart than this are not one time of taking writes. */
const PAUSE_MS = 250

/** When each server took writes. */
function spansOf(acks: readonly Ack[]): Map<string, Span[]> {
  const spans = new Map<string, Span[]>()
  for (const { server, atMs } of [...acks].sort((a, b) => a.atMs - b.atMs)) {
    const own = spans.get(server) ?? []
    spans.set(server, own)
    const last = own.at(-1)
    if (last !== undefined && atMs - last.toMs <= PAUSE_MS) last.toMs = atMs
    else own.push({ fromMs: atMs, toMs: atMs })
  }
  return spans
}

/** For how long more than one server took writes, ms. */
export function overlapMs(acks: readonly Ack[]): number {
  const all = [...spansOf(acks)].flatMap(([server, spans]) => spans.map((span) => ({ server, ...span })))
  let sum = 0
  for (const [i, one] of all.entries())
    for (const other of all.slice(i + 1))
      if (one.server !== other.server)
        sum += Math.max(0, Math.min(one.toMs, other.toMs) - Math.max(one.fromMs, other.fromMs))
  return Math.round(sum)
}

/** The longest time without an acknowledgement that reaches beyond `sinceMs`, ms. */
export function gapMs(acks: readonly Ack[], sinceMs: number): number {
  const times = acks.map(({ atMs }) => atMs).sort((a, b) => a - b)
  let longest = 0
  for (let i = 1; i < times.length; i++) if (times[i]! > sinceMs) longest = Math.max(longest, times[i]! - times[i - 1]!)
  return Math.round(longest)
}
