import type { StoredPoint, StoredValue, Telemetry, TelemetryReader } from '@patchbay/sdk'

/** Stored telemetry that a test fills by itself; everybody may read all of it unless `as` is replaced. */
export interface FakeTelemetry extends Telemetry, TelemetryReader {
  add(device: string, at: number, values: Record<string, StoredValue>): void
}

const numeric: Record<string, (values: readonly number[]) => number> = {
  avg: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
}

export function createFakeTelemetry(): FakeTelemetry {
  const points = new Map<string, Map<string, StoredPoint>>()
  const select = (device: string, keys: readonly string[] | undefined, from = 0, to = Infinity): StoredPoint[] =>
    [...(points.get(device)?.values() ?? [])]
      .filter(({ key, at }) => at >= from && at < to && (keys?.includes(key) ?? true))
      .toSorted((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))

  const fake: FakeTelemetry = {
    add(device, at, values) {
      const own = points.get(device) ?? new Map<string, StoredPoint>()
      points.set(device, own)
      for (const [key, value] of Object.entries(values)) own.set(`${at} ${key}`, { key, at, value })
    },
    as: async () => fake,
    devices: () => points.keys(),
    async latest(device) {
      const answer: Record<string, { at: number; value: StoredValue }> = {}
      for (const { key, at, value } of select(device, undefined)) answer[key] = { at, value }
      return answer
    },
    async raw({ device, keys, from, to, limit, cursor }) {
      const start = cursor === undefined ? 0 : Number(cursor)
      const all = select(device, keys, from, to)
      const end = start + limit
      return { items: all.slice(start, end), ...(end < all.length ? { nextCursor: String(end) } : {}) }
    },
    async range({ device, keys, from, to, step, aggregate }) {
      const buckets = new Map<string, Map<number, StoredValue[]>>()
      for (const { key, at, value } of select(device, keys, from, to)) {
        const of = buckets.get(key) ?? new Map<number, StoredValue[]>()
        buckets.set(key, of)
        const start = from + Math.floor((at - from) / step) * step
        of.set(start, [...(of.get(start) ?? []), value])
      }
      const series: Record<string, { at: number; value: StoredValue }[]> = {}
      const mismatch: string[] = []
      for (const [key, of] of buckets) {
        const reduce = (values: StoredValue[]): StoredValue => {
          if (aggregate === 'count') return values.length
          if (aggregate === 'first' || aggregate === 'last') return values.at(aggregate === 'first' ? 0 : -1) ?? 0
          return numeric[aggregate]?.(values.filter((value) => typeof value === 'number')) ?? 0
        }
        const needsNumbers = aggregate in numeric
        if (needsNumbers && ![...of.values()].flat().every((value) => typeof value === 'number')) mismatch.push(key)
        else series[key] = [...of].map(([at, values]) => ({ at, value: reduce(values) }))
      }
      return { series, mismatch }
    },
  }
  return fake
}
