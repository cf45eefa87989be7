// Places on the earth as scores of a sorted set: the interleaved bits of 26-bit cells of longitude and latitude. So what lies in
// one cell of a coarser grid is one range of scores, and a search looks at up to nine such cells around its centre.
//
// A cell has a step, from 1 to 26: the grid has 2^step columns and as many rows. Its bits are y0 x0 y1 x1 … from the lowest on
// (x is the column), as Redis has them; a place at the very edge may have one column or row more than the grid.

export const LONGITUDE_MAX = 180
export const LATITUDE_MAX = 85.05112878
const STEP_MAX = 26
/** Columns and rows of the finest grid. */
const FINEST_CELLS = 2 ** STEP_MAX
const HALF_BITS = 13
const HALF = 2 ** HALF_BITS
/** What the interleaved low halves of two coordinates count up to. */
const LOW_RANGE = 2 ** (2 * HALF_BITS)

const EARTH_RADIUS_M = 6372797.560856
const MERCATOR_MAX_M = 20037726.37
const DEGREE = Math.PI / 180

/** A place in degrees. */
export interface Place {
  longitude: number
  latitude: number
}

interface Cell {
  readonly step: number
  readonly x: number
  readonly y: number
}

// ---- bits ----

/** Puts a zero before each of the low 16 bits. */
function spread(half: number): number {
  let n = (half | (half << 8)) & 0x00ff00ff
  n = (n | (n << 4)) & 0x0f0f0f0f
  n = (n | (n << 2)) & 0x33333333
  return (n | (n << 1)) & 0x55555555
}

/** Takes every other bit, the lowest first. */
function gather(bits: number): number {
  let n = bits & 0x55555555
  n = (n | (n >>> 1)) & 0x33333333
  n = (n | (n >>> 2)) & 0x0f0f0f0f
  n = (n | (n >>> 4)) & 0x00ff00ff
  return (n | (n >>> 8)) & 0x0000ffff
}

/** The coordinate whose halves have every other of these bits. */
function joined(high: number, low: number): number {
  return (gather(high) << HALF_BITS) | gather(low)
}

/** The number of a cell in its grid, plus `more`: rounded once, if it has more bits than a number. */
function cellNumber({ x, y }: Cell, more = 0): number {
  const low = spread(y & (HALF - 1)) | (spread(x & (HALF - 1)) << 1)
  const high = spread(y >>> HALF_BITS) + 2 * spread(x >>> HALF_BITS)
  return high * LOW_RANGE + (low + more)
}

/** The cell of the finest grid that a score names. Any score names one, as the 64-bit integer that C would make of it. */
function cellOf(score: number): Cell {
  if (score >= 0 && score <= Number.MAX_SAFE_INTEGER) {
    const high = Math.floor(score / LOW_RANGE)
    // A remainder by % is a call into the runtime, which was a third of a search (Node 20).
    const low = Math.floor(score - high * LOW_RANGE)
    return { step: STEP_MAX, x: joined(high >>> 1, low >>> 1), y: joined(high, low) }
  }
  const bits = BigInt.asUintN(64, Number.isFinite(score) ? BigInt(Math.trunc(score)) : 1n << 63n)
  const low = Number(bits & 0xffffffffn)
  const high = Number(bits >> 32n)
  const coordinate = (shift: number): number => gather(high >>> shift) * 65_536 + gather(low >>> shift)
  return { step: STEP_MAX, x: coordinate(1), y: coordinate(0) }
}

// ---- places and scores ----

function cellAt({ longitude, latitude }: Place, step: number, latitudeMax = LATITUDE_MAX): Cell {
  const offset = (degrees: number, max: number): number => Math.floor(((degrees + max) / (2 * max)) * 2 ** step)
  return { step, x: offset(longitude, LONGITUDE_MAX), y: offset(latitude, latitudeMax) }
}

/** The score of a place. */
export function scoreOfPlace(place: Place): number {
  return cellNumber(cellAt(place, STEP_MAX))
}

/** Where an edge of the grid lies. */
function edge(n: number, step: number, max: number): number {
  return edgeOf(n, 2 ** step, max)
}

function edgeOf(n: number, cells: number, max: number): number {
  return -max + (n / cells) * (2 * max)
}

function middle(n: number, max: number): number {
  const degrees = (edgeOf(n, FINEST_CELLS, max) + edgeOf(n + 1, FINEST_CELLS, max)) / 2
  return Math.min(Math.max(degrees, -max), max)
}

/** The place that a score stands for: the middle of its cell. */
export function placeOfScore(score: number): Place {
  const { x, y } = cellOf(score)
  return { longitude: middle(x, LONGITUDE_MAX), latitude: middle(y, LATITUDE_MAX) }
}

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz'

/** The standard geohash of a score's place, in eleven letters. Its latitudes go up to the poles; the last letter is always 0. */
export function geohashOf(score: number): string {
  let n = cellNumber(cellAt(placeOfScore(score), STEP_MAX, 90)) / 4
  let text = ''
  for (let i = 0; i < 10; i++) {
    n = Math.floor(n)
    text = ALPHABET[n % 32] + text
    n /= 32
  }
  return `${text}0`
}

/** Metres along a meridian. */
function meridianMetres(a: number, b: number): number {
  return EARTH_RADIUS_M * Math.abs(b * DEGREE - a * DEGREE)
}

/** Metres between two places, along a great circle (haversine). */
export function metresBetween(a: Place, b: Place): number {
  const v = Math.sin((b.longitude * DEGREE - a.longitude * DEGREE) / 2)
  if (v === 0) return meridianMetres(a.latitude, b.latitude)
  const from = a.latitude * DEGREE
  const to = b.latitude * DEGREE
  const u = Math.sin((to - from) / 2)
  const root = Math.sqrt(u * u + Math.cos(from) * Math.cos(to) * v * v)
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, root))
}

// ---- searches ----

/** What is searched: a circle around a place, or a box with the place in its middle. In metres. */
export type Area =
  | { readonly kind: 'circle'; readonly radius: number }
  | { readonly kind: 'box'; readonly width: number; readonly height: number }

/** More than two ways of computing a distance differ by. */
const ROUNDED = 1 + 1e-9

/** Metres from the centre to a place, or NaN if that is not in the area. */
export function metresIfInside(centre: Place, area: Area, place: Place): number {
  if (area.kind === 'circle') {
    // The way along the meridian is never the longer one: it tells most of what is too far away without a sine.
    if (meridianMetres(place.latitude, centre.latitude) > area.radius * ROUNDED) return Number.NaN
    const metres = metresBetween(centre, place)
    return metres > area.radius ? Number.NaN : metres
  }
  if (meridianMetres(place.latitude, centre.latitude) > area.height / 2) return Number.NaN
  const across = metresBetween(place, { longitude: centre.longitude, latitude: place.latitude })
  return across > area.width / 2 ? Number.NaN : metresBetween(centre, place)
}

/** A range of scores: from `min` on, before `max`. */
export interface ScoreRange {
  readonly min: number
  readonly max: number
}

interface Bounds {
  readonly west: number
  readonly east: number
  readonly south: number
  readonly north: number
}

/** Degrees that an area reaches to; the side nearer to the pole is the wider one. */
function boundsOf({ longitude, latitude }: Place, area: Area): Bounds {
  const height = area.kind === 'circle' ? area.radius : area.height / 2
  const width = area.kind === 'circle' ? area.radius : area.width / 2
  const up = height / EARTH_RADIUS_M / DEGREE
  const at = latitude < 0 ? latitude - up : latitude + up
  const side = width / EARTH_RADIUS_M / Math.cos(at * DEGREE) / DEGREE
  return { west: longitude - side, east: longitude + side, south: latitude - up, north: latitude + up }
}

/** The finest step at which the area lies within the nine cells around its centre, by a rule of thumb. */
function stepFor(metres: number, latitude: number): number {
  if (metres === 0) return STEP_MAX
  let step = 1
  for (let reach = metres; reach < MERCATOR_MAX_M; reach *= 2) step++
  step -= 2
  // Cells get narrower towards the poles.
  if (Math.abs(latitude) > 66) step--
  if (Math.abs(latitude) > 80) step--
  return Math.min(Math.max(step, 1), STEP_MAX)
}

/** The cell so many columns and rows away, around the edges of the grid. */
function neighbour({ step, x, y }: Cell, columns: number, rows: number): Cell {
  const mask = 2 ** step - 1
  return { step, x: columns === 0 ? x : (x + columns) & mask, y: rows === 0 ? y : (y + rows) & mask }
}

/** Whether the cells next to the centre's reach as far as the area. */
function covers(centre: Cell, { west, east, south, north }: Bounds): boolean {
  const { step } = centre
  const last = (n: number, max: number): number => edge(n + 1, step, max)
  return (
    last(neighbour(centre, 0, 1).y, LATITUDE_MAX) >= north &&
    edge(neighbour(centre, 0, -1).y, step, LATITUDE_MAX) <= south &&
    last(neighbour(centre, 1, 0).x, LONGITUDE_MAX) >= east &&
    edge(neighbour(centre, -1, 0).x, step, LONGITUDE_MAX) <= west
  )
}

/** Columns and rows of the nine cells from their middle, in the order in which Redis looks at them: results come in it. */
const AROUND = [
  [0, 0],
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
] as const

/** The ranges of scores that together have everything in the area, and more. */
export function rangesAround(place: Place, area: Area): ScoreRange[] {
  const bounds = boundsOf(place, area)
  const radius = area.kind === 'circle' ? area.radius : Math.sqrt((area.width / 2) ** 2 + (area.height / 2) ** 2)
  let step = stepFor(radius, place.latitude)
  let centre = cellAt(place, step)
  if (step > 1 && !covers(centre, bounds)) centre = cellAt(place, --step)
  // What reaches no further than the middle cell needs no neighbour on that side. With two columns all cells are neighbours.
  const useless = (columns: number, rows: number): boolean =>
    step >= 2 &&
    ((rows < 0 && edge(centre.y, step, LATITUDE_MAX) < bounds.south) ||
      (rows > 0 && edge(centre.y + 1, step, LATITUDE_MAX) > bounds.north) ||
      (columns < 0 && edge(centre.x, step, LONGITUDE_MAX) < bounds.west) ||
      (columns > 0 && edge(centre.x + 1, step, LONGITUDE_MAX) > bounds.east))
  const scale = 2 ** (2 * (STEP_MAX - step))
  const seen = new Set<number>()
  const ranges: ScoreRange[] = []
  for (const [columns, rows] of AROUND) {
    if (useless(columns, rows)) continue
    const cell = neighbour(centre, columns, rows)
    const min = cellNumber(cell) * scale
    // In a coarse grid the neighbours on both sides are the same cell.
    if (seen.has(min)) continue
    seen.add(min)
    ranges.push({ min, max: cellNumber(cell, 1) * scale })
  }
  return ranges
}
