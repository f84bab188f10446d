import type { LagSeries } from '@patchbay/contracts/feed'
import type { Clock } from '@patchbay/core/clock'
import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { Feeds } from '@patchbay/core/delivery/feeds'

/** Between two samples. */
export const lagEveryMs = 10_000
/** Of one instance: an hour. */
export const maxLagSamples = 360
/** Instances whose samples are kept; each takes about 14 kB. */
export const maxLagInstances = 500

interface Ring {
  /** µs since 1970, then records, seconds and rate of each sample. */
  readonly values: Float64Array
  next: number
  count: number
}

const width = 4

/** How far instances were behind, in memory. */
export interface LagHistory {
  of(instance: string): LagSeries
  close(): void
}

/** Looks at what runs now and then; an instance that has not run for an hour is forgotten. */
export function createLagHistory({
  deliveries,
  feeds,
  clock,
}: {
  deliveries: Pick<Deliveries, 'running'>
  feeds: Pick<Feeds, 'running'>
  clock: Clock
}): LagHistory {
  const rings = new Map<string, Ring>()

  const add = (instance: string, at: number, records: number, seconds: number, rate: number): void => {
    let ring = rings.get(instance)
    if (!ring) {
      if (rings.size >= maxLagInstances) return
      rings.set(instance, (ring = { values: new Float64Array(maxLagSamples * width), next: 0, count: 0 }))
    }
    ring.values.set([at, records, seconds, rate], ring.next * width)
    ring.next = (ring.next + 1) % maxLagSamples
    ring.count = Math.min(ring.count + 1, maxLagSamples)
  }
  const lastOf = ({ values, next }: Ring): number => values[((next + maxLagSamples - 1) % maxLagSamples) * width] ?? 0

  const sample = (): void => {
    const now = clock.nowMicros()
    for (const [instance, { lag, rate }] of deliveries.running()) add(instance, now, lag.records, lag.seconds, rate)
    for (const [instance, { lag, rate }] of feeds.running())
      add(instance, now, lag?.records ?? 0, lag?.seconds ?? 0, rate)
    for (const [instance, ring] of rings)
      if (now - lastOf(ring) > lagEveryMs * maxLagSamples * 1000) rings.delete(instance)
    cancel = clock.after(lagEveryMs, sample)
  }
  let cancel = clock.after(lagEveryMs, sample)

  return {
    of(instance) {
      const ring = rings.get(instance)
      const items = Array.from({ length: ring?.count ?? 0 }, (_, index) => {
        const { values, next, count } = ring ?? { values: new Float64Array(), next: 0, count: 0 }
        const from = ((next - count + index + maxLagSamples) % maxLagSamples) * width
        const [at = 0, records = 0, seconds = 0, rate = 0] = values.subarray(from, from + width)
        return { at: new Date(at / 1000).toISOString(), records, seconds, rate }
      })
      return { everySeconds: lagEveryMs / 1000, items }
    },
    close: () => cancel(),
  }
}
