const bucketsPerOctave = 16
const octaves = 32

/** Latencies in buckets 4 % wide, cheap enough to be counted at every acknowledgement and small enough to be sent between processes. */
export type Latencies = number[]

export const createLatencies = (): Latencies => Array.from({ length: bucketsPerOctave * octaves }, () => 0)

export function record(latencies: Latencies, micros: number): void {
  const at = Math.min(latencies.length - 1, Math.max(0, Math.round(Math.log2(Math.max(1, micros)) * bucketsPerOctave)))
  latencies[at] = (latencies[at] ?? 0) + 1
}

export function merge(into: Latencies, from: Latencies): void {
  for (const [i, count] of from.entries()) into[i] = (into[i] ?? 0) + count
}

/** The latency in ms that `percent` of all stay under; undefined when there are none. */
export function percentileMs(latencies: Latencies, percent: number): number | undefined {
  const total = latencies.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let seen = 0
  for (const [i, count] of latencies.entries()) {
    seen += count
    if (seen >= (total * percent) / 100) return 2 ** (i / bucketsPerOctave) / 1000
  }
  return undefined
}
