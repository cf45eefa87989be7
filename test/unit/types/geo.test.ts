// Places as scores, against plain models: bits interleaved one by one, and searches that look at every place.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Area,
  geohashOf,
  LATITUDE_MAX,
  metresBetween,
  metresIfInside,
  type Place,
  placeOfScore,
  rangesAround,
  scoreOfPlace,
} from '../../../src/types/geo.ts'

const degrees = (max: number): fc.Arbitrary<number> => fc.double({ min: -max, max, noNaN: true })
const placeWithin = (longitude: number, latitude: number): fc.Arbitrary<Place> =>
  fc.record({ longitude: degrees(longitude), latitude: degrees(latitude) })
const anyPlace = placeWithin(179.999999, 85.05)

function scoreModel({ longitude, latitude }: Place): number {
  const x = BigInt(Math.floor(((longitude + 180) / 360) * 2 ** 26))
  const y = BigInt(Math.floor(((latitude + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * 2 ** 26))
  let bits = 0n
  for (let i = 0n; i < 26n; i++) bits |= (((y >> i) & 1n) << (2n * i)) | (((x >> i) & 1n) << (2n * i + 1n))
  return Number(bits)
}

describe('a score', () => {
  it('is the bits of column and row, and stands for a place in the same cell', () => {
    fc.assert(
      fc.property(anyPlace, (place) => {
        const score = scoreOfPlace(place)
        expect(score).toBe(scoreModel(place))
        const middle = placeOfScore(score)
        expect(Math.abs(middle.longitude - place.longitude)).toBeLessThanOrEqual(360 / 2 ** 27 + 1e-9)
        expect(Math.abs(middle.latitude - place.latitude)).toBeLessThanOrEqual(LATITUDE_MAX / 2 ** 26 + 1e-9)
        expect(scoreOfPlace(middle)).toBe(score)
      }),
      { numRuns: 2000 },
    )
  })

  it('of any kind stands for some place, and has a geohash', () => {
    const odd = fc.oneof(
      fc.double({ noNaN: true }),
      fc.constantFrom(Number.POSITIVE_INFINITY, -1, 2 ** 53, 2 ** 64, 0.5),
    )
    fc.assert(
      fc.property(odd, (score) => {
        const { longitude, latitude } = placeOfScore(score)
        expect(Math.abs(longitude)).toBeLessThanOrEqual(180)
        expect(Math.abs(latitude)).toBeLessThanOrEqual(LATITUDE_MAX)
        expect(geohashOf(score)).toMatch(/^[0-9b-hjkmnp-z]{10}0$/)
      }),
    )
  })
})

describe('distances', () => {
  it('are those of known places, and the same both ways', () => {
    const palermo = { longitude: 13.361389, latitude: 38.115556 }
    const catania = { longitude: 15.087269, latitude: 37.502669 }
    expect(metresBetween(palermo, catania)).toBeCloseTo(166_274.15, 0)
    fc.assert(
      fc.property(anyPlace, anyPlace, (a, b) => {
        const metres = metresBetween(a, b)
        expect(Math.abs(metres - metresBetween(b, a))).toBeLessThan(1)
        expect(metres).toBeLessThanOrEqual(6372797.560856 * Math.PI + 1)
      }),
    )
  })
})

const area: fc.Arbitrary<Area> = fc.oneof(
  fc.record({ kind: fc.constant('circle' as const), radius: fc.double({ min: 0, max: 800_000, noNaN: true }) }),
  fc.record({
    kind: fc.constant('box' as const),
    width: fc.double({ min: 0, max: 800_000, noNaN: true }),
    height: fc.double({ min: 0, max: 800_000, noNaN: true }),
  }),
)
/** Within some hundred kilometres of the centre, where it matters whether they are inside. */
const around = fc.array(fc.tuple(degrees(12), degrees(9)), { minLength: 1, maxLength: 60 })

describe('the ranges of a search', () => {
  it('have every place in the area, and none twice', () => {
    fc.assert(
      fc.property(placeWithin(160, 60), area, around, (centre, where, offsets) => {
        const ranges = rangesAround(centre, where)
        expect(ranges.length).toBeLessThanOrEqual(9)
        for (const [x, y] of [[0, 0] as const, ...offsets]) {
          const score = scoreOfPlace({ longitude: centre.longitude + x, latitude: centre.latitude + y })
          const hits = ranges.filter(({ min, max }) => score >= min && score < max).length
          expect(hits).toBeLessThanOrEqual(1)
          if (!Number.isNaN(metresIfInside(centre, where, placeOfScore(score)))) expect(hits).toBe(1)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('are those of the whole earth for an area of that size', () => {
    const ranges = rangesAround({ longitude: 0, latitude: 0 }, { kind: 'circle', radius: 2e7 })
    expect(ranges.map(({ min }) => min).sort((a, b) => a - b)).toEqual([0, 1, 2, 3].map((n) => n * 2 ** 50))
  })
})
