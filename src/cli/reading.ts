// Readers of JSON that came over the network: the names are those of the report's type, the values may be anything. A wrong
// type becomes "unknown", never an exception.

/** What may be in place of a T. */
export type Fields<T> = { readonly [K in keyof T]?: unknown }
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const fieldsOf = <T>(value: unknown): Fields<T> => (isObject(value) ? (value as Fields<T>) : {})
export const listOf = <T>(value: unknown): Fields<T>[] =>
  Array.isArray(value) ? value.map((one) => fieldsOf<T>(one)) : []
/** Text that may be shown on a terminal: control characters are replaced. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value.replace(/\p{Cc}/gu, '?') : '')
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** What the text encodes; undefined when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
