// Doubles as Redis prints them: with 17 significant digits, as C's %.17g. So they read back as the very same, and look like
// 0.10000000000000001.

const DIGITS = 17

/** The text of a number as %.17g has it. */
export function formatDouble(x: number): string {
  return formatDigits(x, DIGITS)
}

/** The same with another number of digits. */
export function formatDigits(x: number, significant: number): string {
  // Such an integer has no more digits than that.
  if (Number.isInteger(x) && Math.abs(x) < 10 ** significant) return x === 0 && 1 / x < 0 ? '-0' : String(x)
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf'
  const [mantissa, exponentText] = rounded(Math.abs(x), significant).split('e') as [string, string]
  const sign = x < 0 ? '-' : ''
  const exponent = Number(exponentText)
  const digits = mantissa.replace('.', '')
  if (exponent < -4 || exponent >= significant) {
    const power = `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
    return `${sign}${trimmed(mantissa)}e${power}`
  }
  if (exponent < 0) return `${sign}${trimmed(`0.${'0'.repeat(-exponent - 1)}${digits}`)}`
  return `${sign}${trimmed(`${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`)}`
}

/** So many digits in the form d.ddde±x. What lies in the middle goes to the even neighbour, as in C; JavaScript takes the larger. */
function rounded(x: number, significant: number): string {
  const text = x.toExponential(significant - 1)
  const [mantissa, exponent] = x.toExponential(significant + 3).split('e') as [string, string]
  if (
    !mantissa.endsWith('5000') ||
    !/^50*$/.test(
      x
        .toExponential(99)
        .split('e')[0]!
        .slice(significant + 1),
    )
  )
    return text
  const down = mantissa.slice(0, significant + 1)
  return Number(down.at(-1)) % 2 === 0 ? `${down}e${exponent}` : text
}

function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
