import { createHash } from 'node:crypto'
import type { Point, TelemetryStore } from '@patchbay/core/telemetry/port'

/** Points that are read, and written, at once. */
const PAGE_POINTS = 10_000
const PAGE_DEVICES = 1_000

/** All devices of a store, ascending. */
export async function* devicesOf(telemetry: Pick<TelemetryStore, 'devices'>, after = ''): AsyncGenerator<string> {
  for (let last = after; ;) {
    const page = await telemetry.devices(last, PAGE_DEVICES)
    yield* page
    const end = page.at(-1)
    if (end === undefined) return
    last = end
  }
}

/** A device's points by time and key, in pages that hold all of a time: what was sent together stays together. */
export async function* pointsOf(telemetry: Pick<TelemetryStore, 'raw'>, device: string): AsyncGenerator<Point[]> {
  let cursor: string | undefined
  let kept: Point[] = []
  do {
    const page = await telemetry.raw({
      device,
      from: Number.MIN_SAFE_INTEGER,
      to: Number.MAX_SAFE_INTEGER,
      limit: PAGE_POINTS,
      ...(cursor === undefined ? {} : { cursor }),
    })
    cursor = page.nextCursor
    const points = kept.length === 0 ? page.items : [...kept, ...page.items]
    const lastAt = points.at(-1)?.at
    const end = cursor === undefined ? points.length : points.findIndex(({ at }) => at === lastAt)
    kept = points.slice(end)
    if (end > 0) yield end === points.length ? points : points.slice(0, end)
  } while (cursor !== undefined)
}

/** Counts, and a SHA-256 over all that was counted. */
export interface Fingerprint {
  count: number
  sha256: string
}

export interface PointsHash {
  take(points: readonly Point[]): void
  done(): Fingerprint
}

/** Of a device's points, in the order of `pointsOf`. */
export function createPointsHash(): PointsHash {
  const hash = createHash('sha256')
  let count = 0
  return {
    take(points) {
      count += points.length
      let lines = ''
      // JSON tells -0 from 0 no more than any reader of the API can.
      for (const { key, at, value } of points) lines += `${JSON.stringify(key)} ${at} ${toText(value)}\n`
      hash.update(lines)
    },
    done: () => ({ count, sha256: hash.digest('hex') }),
  }
}

const toText = (value: Point['value']): string =>
  typeof value === 'object' ? JSON.stringify(value, inOrder) : JSON.stringify(value)

/** Keys are taken in order: a store may keep them in another one. */
export const inOrder = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
