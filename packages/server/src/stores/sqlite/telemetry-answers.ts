import type { Bucket, CommittedRecord, Point, PointJson, RangeAnswer } from '@patchbay/core/telemetry/port'
import { CursorInvalid } from '@patchbay/core/cursor-invalid'
import { nameMap, toPointJson } from './point-value.ts'
import type { StoreCalls } from './telemetry-calls.ts'

type Answer<K extends keyof StoreCalls> = StoreCalls[K]['answer']

export function toLatest({ keys, points }: Answer<'latest'>): Record<string, { at: number; value: PointJson }> {
  const latest = nameMap<{ at: number; value: PointJson }>()
  for (const [i, at] of points.at.entries()) {
    const key = keys[points.name[i] ?? -1]
    if (key !== undefined) latest[key] = { at, value: toPointJson(points.kind[i], points.value[i]) }
  }
  return latest
}

export function toRangeAnswer({ series, mismatch }: Answer<'range'>): RangeAnswer {
  const answer: RangeAnswer = { series: nameMap<Bucket[]>(), mismatch }
  for (const { key, at, kind, value } of series) {
    answer.series[key] = at.map((start, i) => ({ at: start, value: toPointJson(kind[i], value[i]) }))
  }
  return answer
}

export function toRawAnswer({ keys, points, more }: Answer<'raw'>): { items: Point[]; nextCursor?: string } {
  const items = points.at.map((at, i) => ({
    key: keys[points.name[i] ?? -1] ?? '',
    at,
    value: toPointJson(points.kind[i], points.value[i]),
  }))
  const last = items.at(-1)
  if (!more || !last) return { items }
  return { items, nextCursor: Buffer.from(JSON.stringify([last.at, last.key])).toString('base64url') }
}

/** The place that a cursor of `toRawAnswer` names. */
export function readRawCursor(cursor: string): { at: number; key: string } {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch (error) {
    throw new CursorInvalid('not a cursor of raw points', { cause: error })
  }
  if (Array.isArray(parsed) && parsed.length === 2) {
    const [at, key]: unknown[] = parsed
    if (typeof at === 'number' && Number.isSafeInteger(at) && typeof key === 'string') return { at, key }
  }
  throw new CursorInvalid('not a cursor of raw points')
}

export function toRecords(writer: string, answer: Answer<'committed'>): CommittedRecord[] {
  const { devices, keys, points, ends, seqs } = answer
  let row = 0
  return ends.map((end, record) => {
    const device = devices[points.name[row] ?? -1] ?? ''
    const at = points.at[row] ?? 0
    const values = nameMap<PointJson>()
    for (; row < end; row++) {
      values[keys[points.name[row] ?? -1] ?? ''] = toPointJson(points.kind[row], points.value[row])
    }
    return { writer, seq: seqs[record] ?? 0, device, at, values }
  })
}
