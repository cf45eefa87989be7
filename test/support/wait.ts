// Waiting for real processes: polling with a deadline, and an error that says what was awaited and what was seen last.

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Calls `probe` until it returns something truthy, and returns that. What it throws counts as "not yet"; after
 * `timeoutMs` the last error or value becomes part of the error thrown.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 20 } = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  let seen: unknown = 'nothing'
  for (;;) {
    try {
      const value = await probe()
      if (value) return value as NonNullable<T>
      seen = value
    } catch (error) {
      seen = error
    }
    if (performance.now() > deadline) {
      throw new Error(
        `not within ${timeoutMs} ms: ${what} (last: ${seen instanceof Error ? seen.message : String(seen)})`,
      )
    }
    await sleep(intervalMs)
  }
}

/** The promise, or an error naming what was awaited after `timeoutMs`. */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
