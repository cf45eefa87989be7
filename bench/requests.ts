// Requests encoded before a measurement begins, in pipelines, in memory that threads share.

/** An inline request is a string without its line end. */
export type Request = readonly (string | Buffer)[] | string

export interface Requests {
  bytes: SharedArrayBuffer
  /** Of each pipeline: where it ends in the bytes, and its number of requests. */
  pipelines: { end: number; requests: number }[]
}

const argument = (arg: string | Buffer): string => {
  const text = typeof arg === 'string' ? arg : arg.toString('latin1')
  return `$${text.length}\r\n${text}\r\n`
}

const encode = (request: Request): string =>
  typeof request === 'string' ? `${request}\r\n` : `*${request.length}\r\n${request.map(argument).join('')}`

/** Encodes requests in pipelines of that many; the last one may be shorter. */
export function encodeRequests(requests: Iterable<Request>, pipeline: number): Requests {
  const parts: Buffer[] = []
  const pipelines: Requests['pipelines'] = []
  let end = 0
  let texts: string[] = []
  const flush = (): void => {
    if (texts.length === 0) return
    const part = Buffer.from(texts.join(''), 'latin1')
    parts.push(part)
    end += part.length
    pipelines.push({ end, requests: texts.length })
    texts = []
  }
  for (const request of requests) {
    texts.push(encode(request))
    if (texts.length === pipeline) flush()
  }
  flush()
  const bytes = new SharedArrayBuffer(end)
  const to = Buffer.from(bytes)
  let at = 0
  for (const part of parts) {
    to.set(part, at)
    at += part.length
  }
  return { bytes, pipelines }
}
