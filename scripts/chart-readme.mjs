// Makes the table of values in charts/vedette/README.md from values.yaml: name, default, and the comment above it. A test fails while
// they differ; `node scripts/chart-readme.mjs` writes it anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMap, isPair, parseDocument } from 'yaml'

const BEGIN = '<!-- The values, made by scripts/chart-readme.mjs from values.yaml -->'
const END = '<!-- The end of the values -->'

const cell = (text) => text.replace(/\|/g, '\\|')
const code = (text) => `\`${cell(text)}\``

/** Rows of path, default and comment. A map with a comment of its own, or an empty one, is a value; others are folders of values. */
function rowsOf(map, path) {
  return map.items.flatMap((pair, i) => {
    if (!isPair(pair)) return []
    const at = [...path, pair.key.value].join('.')
    const comment = pair.key.commentBefore ?? (i === 0 ? map.commentBefore : undefined)
    if (isMap(pair.value) && comment === undefined) return rowsOf(pair.value, [...path, pair.key.value])
    const text = JSON.stringify(pair.value.toJSON())
    return [[code(at), code(text), cell((comment ?? '').trim().replace(/\s*\n\s*/g, ' '))]]
  })
}

/** The table. */
export function valuesTable(yaml) {
  const rows = [['value', 'default', 'what it is'], ['---', '---', '---'], ...rowsOf(parseDocument(yaml).contents, [])]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The page with its table replaced. */
export function withTable(page, yaml) {
  const [before] = page.split(BEGIN)
  const [, after] = page.split(END)
  return `${before}${BEGIN}\n\n${valuesTable(yaml)}\n\n${END}${after}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = (name) => fileURLToPath(new URL(`../charts/vedette/${name}`, import.meta.url))
  writeFileSync(
    at('README.md'),
    withTable(readFileSync(at('README.md'), 'utf8'), readFileSync(at('values.yaml'), 'utf8')),
  )
}
