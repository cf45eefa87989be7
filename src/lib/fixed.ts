// Numbers with a fixed number of decimals, as C's %.Nf has them: what lies in the middle goes to the even neighbour, where
// JavaScript takes the larger one.

/** The text of a finite number with so many decimals, 1 to 17; of an infinite one its name. */
export function formatFixed(x: number, decimals: number): string {
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf'
  if (Math.abs(x) >= 1e21) return `${BigInt(x)}.${'0'.repeat(decimals)}`
  // A number lies in the middle only if it has one decimal more, a 5, and nothing behind that.
  const more = x.toFixed(decimals + 1)
  const isMiddle = more.endsWith('5') && Number.isInteger(x * 2 ** (decimals + 1))
  const toEven = isMiddle && Number(more.at(-2)) % 2 === 0
  const text = toEven ? more.slice(0, -1) : x.toFixed(decimals)
  // C keeps the sign of a zero.
  return (x < 0 || Object.is(x, -0)) && !text.startsWith('-') ? `-${text}` : text
}
