// The manifest of an append-only log: which files it is made of. A line a file, in the form of Redis 7:
//
//   file appendonly.aof.2.base.rdb seq 2 type b      all data at one moment: a snapshot, or commands
//   file appendonly.aof.5.incr.aof seq 5 type i      the commands since then; there may be several, in order
//   file appendonly.aof.1.base.rdb seq 1 type h      history: no longer needed, to be deleted
//
// Invariant: numbers only rise, and there is at most one base; so the newest file of a kind has the highest number.
import { splitLine } from '../lib/words.ts'

/** A file of the log: its name in the log's folder, and its number among those of its kind. */
export interface AofFile {
  readonly name: string
  readonly seq: number
}

/** All files of a log. */
export interface AofManifest {
  readonly base: AofFile | undefined
  /** Oldest first. */
  readonly increments: readonly AofFile[]
  readonly history: readonly AofFile[]
}

/** A manifest that cannot be read; the message says why and where. */
export class AofManifestError extends Error {}

export const EMPTY_MANIFEST: AofManifest = { base: undefined, increments: [], history: [] }

/** A line and its end, as in Redis. */
const LINE_BYTES_MAX = 1024
const BAD_FORMAT = 'Invalid AOF manifest file format: a line is `file <name> seq <number> type b|i|h`'

/** Reads a manifest. @throws AofManifestError */
export function parseManifest(text: string): AofManifest {
  let base: AofFile | undefined
  const increments: AofFile[] = []
  const history: AofFile[] = []
  const lines = text.split('\n')
  if (lines.pop() !== '')
    throw new AofManifestError('The AOF manifest file contains an invalid line: the last one has no end')
  if (lines.length === 0) throw new AofManifestError('Found an empty AOF manifest')
  for (const [at, line] of lines.entries()) {
    if (line.startsWith('#')) continue
    const refuse = (why: string): never => {
      throw new AofManifestError(`${why}, in line ${at + 1}: '${line.slice(0, 200)}'`)
    }
    if (line.length >= LINE_BYTES_MAX) refuse('The AOF manifest file contains too long line')
    const { name, seq, type } = parseLine(line) ?? refuse(BAD_FORMAT)
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
      refuse("File can't be a path, just a filename")
    const file = { name, seq }
    if (type === 'h') history.push(file)
    else if (type === 'b') {
      if (base !== undefined) refuse('Found duplicate base file information')
      base = file
    } else if (type === 'i') {
      if (seq <= (increments.at(-1)?.seq ?? 0)) refuse('Found a non-monotonic sequence number')
      increments.push(file)
    } else refuse('Unknown AOF file type')
  }
  return { base, increments, history }
}

function parseLine(line: string): { name: string; seq: number; type: string } | undefined {
  const words = splitLine(Buffer.from(line))?.map(String)
  if (words === undefined || words.length < 6 || words.length % 2 !== 0) return undefined
  const values = new Map<string, string>()
  for (let i = 0; i < words.length; i += 2) values.set(words[i]!.toLowerCase(), words[i + 1]!)
  const name = values.get('file')
  const seq = Number(values.get('seq'))
  const type = values.get('type')
  if (name === undefined || type === undefined || !Number.isSafeInteger(seq) || seq < 1) return undefined
  return { name, seq, type }
}

/** The text of a manifest. */
export function formatManifest({ base, increments, history }: AofManifest): string {
  const line = ({ name, seq }: AofFile, type: string): string => `file ${quoted(name)} seq ${seq} type ${type}\n`
  return [
    ...(base === undefined ? [] : [line(base, 'b')]),
    ...history.map((file) => line(file, 'h')),
    ...increments.map((file) => line(file, 'i')),
  ].join('')
}

/** A name as one word of a line. */
function quoted(name: string): string {
  if (/^[^\s"'\\]+$/.test(name)) return name
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

/** The file of increments that follows those of a log. */
export function nextIncrement(manifest: AofManifest, prefix: string): AofFile {
  const seq = 1 + Math.max(0, ...manifest.increments.map((file) => file.seq))
  return { name: `${prefix}.${seq}.incr.aof`, seq }
}

/** The base that follows that of a log. */
export function nextBase(manifest: AofManifest, prefix: string): AofFile {
  const seq = 1 + (manifest.base?.seq ?? 0)
  return { name: `${prefix}.${seq}.base.rdb`, seq }
}
