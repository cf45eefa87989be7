// The shortest sequence that still fails: takes out halves, then quarters, down to single items, as long as what is left fails.
// fast-check shrinks an array an item at a time and its items too, which takes hours where a trial is a run of two servers.

/** Some subsequence of `items` that fails and of which no single item can be left out. */
export async function shortest<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = items
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let changed = true; changed; ) {
      changed = false
      for (let at = 0; at < left.length; ) {
        const without = [...left.slice(0, at), ...left.slice(at + size)]
        if (await fails(without)) {
          left = without
          changed = true
        } else at += size
      }
      if (size > 1) break
    }
  }
  return left
}
