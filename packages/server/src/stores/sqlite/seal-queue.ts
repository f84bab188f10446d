import type { HotIndex, Slot } from './hot-index.ts'

/** When the hot rows of a device are sealed. */
export interface SealLimits {
  /** Records of one chunk. */
  records: number
  /** Hot rows that may lie about whatever the number of series. */
  hotRows: number
  /** Hot rows beyond that which each series may have on average. */
  rowsPerSeries: number
  /** Age at which the rows of a slow device are sealed. */
  ageMs: number
  /** Time that a day is left alone after it was over or changed, before it is rolled up. */
  rollupAfterMs: number
}

export const defaultSealLimits: SealLimits = {
  records: 1024,
  hotRows: 200_000,
  rowsPerSeries: 64,
  ageMs: 3_600_000,
  rollupAfterMs: 600_000,
}

/** Hot rows that are kept in memory before all else is sealed, 33 MB. */
const MAX_HOT_ROWS = 1_000_000
/** Characters of hot texts that are kept in memory. */
const MAX_HOT_TEXT = 16 * 1024 * 1024
/** Points of one device that are sealed at once. */
export const MAX_POINTS = 8_192

/** Says which devices are to be sealed. */
export class SealQueue {
  readonly #limits: SealLimits
  readonly #due = new Set<Slot>()

  constructor(limits: SealLimits) {
    this.#limits = limits
  }

  /** The device has more hot rows than before. */
  grown(slot: Slot): void {
    const records = Math.min(this.#limits.records * slot.series.length, MAX_POINTS)
    if (slot.count >= records) this.#due.add(slot)
  }

  postpone(slot: Slot): void {
    this.#due.delete(slot)
  }

  retry(slot: Slot): void {
    this.#due.add(slot)
  }

  next(index: HotIndex): Slot | undefined {
    const due = this.#first()
    if (due) return due
    if (index.total > this.most(index) || index.textLength > MAX_HOT_TEXT) {
      const full = [...index.slots()].filter(({ count }) => count > 0)
      // The fuller half: small pieces cost as much to seal as large ones.
      const mean = index.total / full.length
      for (const slot of full) if (slot.count >= mean) this.#due.add(slot)
    }
    return this.#first()
  }

  /** Rows that may be hot. */
  most(index: HotIndex): number {
    const { hotRows, rowsPerSeries } = this.#limits
    return Math.min(Math.max(hotRows, rowsPerSeries * index.activeSeries), Math.max(hotRows, MAX_HOT_ROWS))
  }

  #first(): Slot | undefined {
    for (const slot of this.#due) {
      if (slot.count > 0) return slot
      this.#due.delete(slot)
    }
    return undefined
  }

  /** Has the rows of slow devices sealed. */
  sweep(index: HotIndex, nowMs: number): void {
    for (const slot of index.slots()) {
      if (slot.count > 0 && nowMs - slot.sinceMs >= this.#limits.ageMs) this.#due.add(slot)
    }
  }
}
