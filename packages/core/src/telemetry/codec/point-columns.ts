import { kinds } from '../port.ts'

/** Points as columns. A boolean is 0 or 1; the `number` of a text or of JSON is its place in `text`. */
export interface PointColumns {
  length: number
  seq: Float64Array
  series: Uint32Array
  at: Float64Array
  kind: Uint8Array
  number: Float64Array
  text: readonly string[]
}

/** Room for as many points, all zero. */
export const makePoints = (length: number, text: readonly string[]): PointColumns => ({
  length,
  seq: new Float64Array(length),
  series: new Uint32Array(length),
  at: new Float64Array(length),
  kind: new Uint8Array(length),
  number: new Float64Array(length),
  text,
})

/** Those of the points that stand at these places. */
export function pickPoints(points: PointColumns, places: Int32Array): PointColumns {
  const length = places.length
  const { text } = points
  const picked = makePoints(length, text)
  for (let i = 0; i < length; i++) {
    const place = places[i] ?? 0
    picked.seq[i] = points.seq[place] ?? 0
    picked.series[i] = points.series[place] ?? 0
    picked.at[i] = points.at[place] ?? 0
    picked.kind[i] = points.kind[place] ?? 0
    picked.number[i] = points.number[place] ?? 0
  }
  return picked
}

/** The points that have, and those that have not; both keep their order, and all are given back as they came when none differs. */
export function splitPoints(
  points: PointColumns,
  has: (place: number) => boolean,
): { yes: PointColumns; no: PointColumns } {
  const yes: number[] = []
  const no: number[] = []
  for (let i = 0; i < points.length; i++) (has(i) ? yes : no).push(i)
  const none = pickPoints(points, new Int32Array(0))
  if (no.length === 0) return { yes: points, no: none }
  if (yes.length === 0) return { yes: none, no: points }
  return { yes: pickPoints(points, Int32Array.from(yes)), no: pickPoints(points, Int32Array.from(no)) }
}

/** All points of both in the order of their numbers. */
export function joinPoints(a: PointColumns, b: PointColumns): PointColumns {
  const joined = concat(a, b)
  let ascends = true
  for (let i = 1; i < joined.length && ascends; i++) ascends = (joined.seq[i - 1] ?? 0) < (joined.seq[i] ?? 0)
  if (ascends) return joined
  const places = Int32Array.from(joined.seq.keys()).sort((x, y) => (joined.seq[x] ?? 0) - (joined.seq[y] ?? 0))
  return pickPoints(joined, places)
}

function concat(a: PointColumns, b: PointColumns): PointColumns {
  const length = a.length + b.length
  const all = makePoints(length, a.text.length === 0 ? b.text : [...a.text, ...b.text])
  for (const [source, from] of [
    [a, 0],
    [b, a.length],
  ] as const) {
    all.seq.set(source.seq.subarray(0, source.length), from)
    all.series.set(source.series.subarray(0, source.length), from)
    all.at.set(source.at.subarray(0, source.length), from)
    all.kind.set(source.kind.subarray(0, source.length), from)
    all.number.set(source.number.subarray(0, source.length), from)
  }
  if (a.text.length > 0 && b.text.length > 0) {
    for (let i = a.length; i < length; i++)
      if ((all.kind[i] ?? 0) >= kinds.text) all.number[i] = (all.number[i] ?? 0) + a.text.length
  }
  return all
}
