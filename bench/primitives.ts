// The building blocks of the data types by themselves: nanoseconds an operation, and bytes a member. No server runs.
import { seededRandom } from '../src/lib/prng.ts'
import { Arena } from '../src/store/arena.ts'
import { createDict, dictDelete, dictForEach, dictGet, dictRandom, dictSet } from '../src/store/dict.ts'
import { intsetInit, intsetInsert, intsetSearch } from '../src/store/intset.ts'
import {
  lpAppend,
  lpBytes,
  lpDelete,
  lpEncodedBytes,
  lpFind,
  lpFirst,
  lpInit,
  lpInsert,
  lpSeek,
} from '../src/store/listpack.ts'
import { Nodes } from '../src/store/nodes.ts'
import {
  RANKING_WORD,
  rankingInit,
  rankingInsert,
  rankingMove,
  rankingRange,
  rankingRank,
  rankingRemove,
} from '../src/store/ranking.ts'
import type { Bench } from './case.ts'
import type { Row } from './report.ts'
import { median } from './stats.ts'

const MEMBERS = 1_000_000

/** Nanoseconds of processor time of one of `times` calls, the median of some rounds. */
function nanoseconds(rounds: number, times: number, run: (i: number) => void): number {
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) {
    const from = process.cpuUsage()
    for (let i = 0; i < times; i++) run(i)
    samples.push((process.cpuUsage(from).user * 1000) / times)
  }
  return median(samples)
}

const row = (figure: string, unit: string, vedette: number): Row => ({ figure, unit, vedette })

function listpackRows(): Row[] {
  const texts = Array.from({ length: 128 }, (_, i) => Buffer.from(i % 2 === 0 ? `field:${i}` : String(i * 1000)))
  const bytes = Buffer.alloc(4096)
  const fill = (): void => {
    lpInit(bytes, 0)
    for (const text of texts) lpAppend(bytes, 0, text, 0, text.length)
  }
  const append = nanoseconds(9, 2000, fill) / texts.length
  const find = nanoseconds(9, 200_000, (i) => {
    const text = texts[(i * 2) % texts.length]!
    lpFind(bytes, lpFirst(bytes, 0), text, 0, text.length, 1)
  })
  const seek = nanoseconds(9, 200_000, (i) => void lpSeek(bytes, 0, i % texts.length))
  const element = Buffer.from('another one')
  const change = nanoseconds(9, 200_000, (i) => {
    const at = lpSeek(bytes, 0, i % texts.length)
    if (lpBytes(bytes, 0) + lpEncodedBytes(element, 0, element.length) <= bytes.length) {
      lpInsert(bytes, 0, at, element, 0, element.length)
    }
    lpDelete(bytes, 0, at, 1)
  })
  return [
    row('listpack of 128: append', 'ns', append),
    row('listpack of 64 pairs: find a field', 'ns', find),
    row('listpack of 128: seek an index', 'ns', seek),
    row('listpack of 128: seek, insert, delete', 'ns', change),
  ]
}

function intsetRows(): Row[] {
  const bytes = Buffer.alloc(8 + 512 * 4)
  intsetInit(bytes, 0)
  for (let i = 0; i < 512; i++) intsetInsert(bytes, 0, i, 0, i * 1000)
  return [
    row(
      'intset of 512: search',
      'ns',
      nanoseconds(9, 1_000_000, (i) => void intsetSearch(bytes, 0, 0, (i & 511) * 1000)),
    ),
  ]
}

/** A ranking of MEMBERS with random scores. */
function rankingRows(): Row[] {
  const nodes = new Nodes(new Arena())
  const root = nodes.allocRoot((RANKING_WORD + 2) >>> 1)
  rankingInit(nodes, root)
  const random = seededRandom(1)
  const scores = Float64Array.from({ length: MEMBERS }, () => random.below(10_000_000))
  const name = Buffer.from('member:000000')
  const member = (i: number): Buffer => {
    let rest = i
    for (let p = 12; p >= 7; p--, rest = Math.floor(rest / 10)) name[p] = 48 + (rest % 10)
    return name
  }
  const insert = nanoseconds(1, MEMBERS, (i) => rankingInsert(nodes, root, scores[i]!, member(i), 0, 13))
  const bytes = nodes.bytes(root) / MEMBERS
  const rank = nanoseconds(3, MEMBERS, (i) => void rankingRank(nodes, root, scores[i]!, member(i), 0, 13))
  let seen = 0
  const range = nanoseconds(3, 100_000, () => {
    rankingRange(nodes, root, random.below(MEMBERS - 100), 100, false, () => seen++)
  })
  const move = nanoseconds(1, MEMBERS, (i) => {
    rankingMove(nodes, root, scores[i]!, scores[i]! + 1000.5, member(i), 0, 13)
  })
  const remove = nanoseconds(1, MEMBERS, (i) => {
    if (!rankingRemove(nodes, root, scores[i]! + 1000.5, member(i), 0, 13)) throw new Error('a member is missing')
  })
  if (seen !== 30_000_000) throw new Error('a range is not what was asked for')
  return [
    row('ranking of 1 M: insert', 'ns', insert),
    row('ranking of 1 M, 13-byte members', 'bytes each', bytes),
    row('ranking of 1 M: rank of a member', 'ns', rank),
    row('ranking of 1 M: range of 100', 'ns', range),
    row('ranking of 1 M: another score', 'ns', move),
    row('ranking of 1 M: remove', 'ns', remove),
  ]
}

/** A table of parts with MEMBERS fields and values. */
function dictRows(): Row[] {
  const nodes = new Nodes(new Arena(), { k0: 1, k1: 2 })
  const root = createDict(nodes, true)
  const name = Buffer.from('field:000000')
  const field = (i: number): Buffer => {
    let rest = i
    for (let p = 11; p >= 6; p--, rest = Math.floor(rest / 10)) name[p] = 48 + (rest % 10)
    return name
  }
  const value = Buffer.from('value of 16 byte')
  const found = { bytes: value, start: 0, end: 0 }
  const set = (i: number): void => void dictSet(nodes, root, field(i), 0, 12, value, 0, 16)
  const insert = nanoseconds(1, MEMBERS, set)
  const bytes = nodes.bytes(root) / MEMBERS
  const random = seededRandom(1)
  const get = nanoseconds(3, MEMBERS, () => void dictGet(nodes, root, field(random.below(MEMBERS)), 0, 12, found))
  const change = nanoseconds(3, MEMBERS, () => set(random.below(MEMBERS)))
  const draw = nanoseconds(3, 100_000, () => dictRandom(nodes, root, random, () => {}))
  let seen = 0
  const all = nanoseconds(1, 1, () => dictForEach(nodes, root, () => seen++)) / MEMBERS
  const remove = nanoseconds(1, MEMBERS, (i) => void dictDelete(nodes, root, field(i), 0, 12))
  if (seen !== MEMBERS || nodes.count(root) !== 0) throw new Error('the table is not what was put into it')
  return [
    row('table of 1 M fields: insert', 'ns', insert),
    row('table of 1 M, 12-byte fields, 16-byte values', 'bytes each', bytes),
    row('table of 1 M: get', 'ns', get),
    row('table of 1 M: change', 'ns', change),
    row('table of 1 M: a random one', 'ns', draw),
    row('table of 1 M: go over all, each', 'ns', all),
    row('table of 1 M: remove', 'ns', remove),
  ]
}

export const primitivesBench: Bench = {
  name: 'primitives',
  about: 'Building blocks of the data types by themselves, without a server: medians of rounds in one process.',
  run: async () => [...listpackRows(), ...intsetRows(), ...rankingRows(), ...dictRows()],
}
