// Readers of untrusted JSON: each takes a decoded value and gives it back typed, or undefined when it is anything else.
// Every codec of what sentinels say reads its fields through these, so that garbage from a peer or a disk ends as undefined
// in one place, bounded, and never as an exception.
const ID = /^[!-~]{1,128}$/
const NAME = /^[A-Za-z0-9.\-_]{1,255}$/

/** The object that the text encodes, or undefined (also for arrays, scalars and more than `maxBytes`). */
export function parseObject(text: string, maxBytes: number): Record<string, unknown> | undefined {
  if (text.length > maxBytes) return undefined
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The value as an object, not an array. */
export const asObject = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined

/** An integer in [min, max]. */
export const asInt = (value: unknown, min: number, max: number): number | undefined =>
  Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined

/** A string of at most `maxLength` UTF-16 units. */
export const asText = (value: unknown, maxLength: number): string | undefined =>
  typeof value === 'string' && value.length <= maxLength ? value : undefined

/** An opaque identity: 1..128 visible ASCII characters. */
export const asId = (value: unknown): string | undefined =>
  typeof value === 'string' && ID.test(value) ? value : undefined

/** A group's name as `sentinel monitor` accepts it. */
export const asName = (value: unknown): string | undefined =>
  typeof value === 'string' && NAME.test(value) ? value : undefined

/** One of the given words. */
export const asWord = <T extends string>(value: unknown, words: readonly T[]): T | undefined =>
  words.find((word) => word === value)

/** A list of at most `max` items that `read` all accepts. */
export function asList<T>(value: unknown, max: number, read: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value) || value.length > max) return undefined
  const items: T[] = []
  for (const item of value) {
    const read1 = read(item)
    if (read1 === undefined) return undefined
    items.push(read1)
  }
  return items
}
