// Plain-text tables and small formats for people. Pure: values in, lines out.

/** Rows in columns two blanks apart; columns named in `right` are flushed right. */
export function columns(rows: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell))
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const gap = ' '.repeat(widths[i]! - visibleLength(cell))
        return right.has(i) ? gap + cell : cell + gap
      })
      .join('  ')
      .trimEnd(),
  )
}

const COLOURS = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;]*m)`, 'g')

/** The number of columns that the text takes, colours left out. */
export function visibleLength(text: string): number {
  return [...text.replace(COLOURS, '')].length
}

/** The text cut to a number of columns; colours do not count. */
export function cut(text: string, width: number): string {
  if (visibleLength(text) <= width) return text
  let left = width - 1
  let out = ''
  for (const part of text.split(COLOURS)) {
    if (part.startsWith('\x1b')) {
      out += part
      continue
    }
    const taken = [...part].slice(0, Math.max(0, left))
    left -= taken.length
    out += taken.join('')
  }
  return `${out}…`
}

/** 1234567 as 1,234,567; `-` when unknown. */
export function count(n: number | undefined): string {
  return n === undefined || Number.isNaN(n) ? '-' : String(n).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Milliseconds as 40 ms, 1.2 s, 3 min, 2 h; `-` when unknown. */
export function span(ms: number | undefined): string {
  if (ms === undefined) return '-'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold'
const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 }

/** Paints text, or does not, as the output wants. */
export type Paint = (colour: Colour, text: string) => string
export const plain: Paint = (_, text) => text
export const coloured: Paint = (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`

/** Colours for a terminal that wants them. */
export function paintFor(output: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Paint {
  return output.isTTY === true && environment.NO_COLOR === undefined && environment.TERM !== 'dumb' ? coloured : plain
}
