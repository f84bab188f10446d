interface Bucket {
  at: string
  value: unknown
}
export interface ChartData {
  times: number[]
  series: { label: string; values: (number | null | undefined)[] }[]
}

/** The middle one of the distances between neighbours: how often this key usually comes. */
const usualSeconds = (times: readonly number[]): number => {
  const distances = times
    .slice(1)
    .map((time, n) => time - (times[n] ?? time))
    .sort((a, b) => a - b)
  return distances[Math.floor(distances.length / 2)] ?? 0
}

/**
 * Several keys on one axis of time, seconds since 1970. Buckets that are empty are left out by the platform: silence of more than three
 * times the usual distance is shown as a gap, by a moment without a value. Elsewhere a key that has no value at a moment is passed over
 * (undefined), so that keys that come in turns are lines all the same.
 */
export const toChartData = (series: Readonly<Record<string, readonly Bucket[]>>, stepMs: number): ChartData => {
  const keys = Object.keys(series)
  const byTime = new Map<number, (number | null | undefined)[]>()
  const put = (time: number, column: number, value: number | null): void => {
    const row = byTime.get(time) ?? keys.map(() => undefined)
    row[column] = value
    byTime.set(time, row)
  }
  for (const [column, key] of keys.entries()) {
    const points = (series[key] ?? []).flatMap(({ at, value }) =>
      typeof value === 'number' ? [{ time: Date.parse(at) / 1000, value }] : [],
    )
    const longest = 3 * Math.max(stepMs / 1000, usualSeconds(points.map(({ time }) => time)))
    let before: number | undefined
    for (const { time, value } of points) {
      if (before !== undefined && time - before > longest) put((before + time) / 2, column, null)
      put(time, column, value)
      before = time
    }
  }
  const times = [...byTime.keys()].sort((a, b) => a - b)
  return {
    times,
    series: keys.map((label, column) => ({ label, values: times.map((time) => byTime.get(time)?.[column]) })),
  }
}
