/** When the hot rows of a series are sealed. */
export interface SealLimits {
  /** Records of one chunk. */
  records: number
  /** Hot rows that may lie about whatever the number of series. */
  hotRows: number
  /** Hot rows beyond that which each series may have on average. */
  rowsPerSeries: number
  /** Age at which the rows of a slow series are sealed. */
  ageMs: number
  /** Time that a day is left alone after it was over or changed, before it is rolled up. */
  rollupAfterMs: number
}

export const defaultSealLimits: SealLimits = {
  records: 512,
  hotRows: 100_000,
  rowsPerSeries: 64,
  ageMs: 3_600_000,
  rollupAfterMs: 600_000,
}

/**
 * Counts the hot rows of each series and says which are to be sealed. Only a guide: counts that are too high (a commit was taken back)
 * cost a look at the series, no more.
 */
export class SealQueue {
  readonly #limits: SealLimits
  readonly #due = new Set<number>()
  #counts = new Uint32Array(1_024)
  #since = new Float64Array(1_024)
  #total = 0
  #active = 0

  constructor(limits: SealLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  get pending(): boolean {
    return this.#due.size > 0
  }

  add(series: number, rows: number, nowMs: number): void {
    if (series >= this.#counts.length) this.#grow(series)
    const before = this.#counts[series] ?? 0
    if (before === 0) {
      this.#since[series] = nowMs
      this.#active += 1
    }
    this.#counts[series] = before + rows
    this.#total += rows
    if (before + rows >= this.#limits.records) this.#due.add(series)
  }

  /** The series has so many hot rows left. */
  sealed(series: number, left: number): void {
    const before = this.#counts[series] ?? 0
    this.#total += left - before
    if (before > 0 && left === 0) this.#active -= 1
    if (before === 0 && left > 0) this.#active += 1
    if (series < this.#counts.length) this.#counts[series] = left
    if (left === 0) this.#due.delete(series)
  }

  /** The next series to be sealed. */
  next(): number | undefined {
    const { hotRows, rowsPerSeries } = this.#limits
    if (this.#due.size === 0 && this.#total > Math.max(hotRows, rowsPerSeries * this.#active)) {
      // The fuller half: small pieces cost as much to seal as large ones.
      const mean = this.#total / Math.max(1, this.#active)
      for (const [series, count] of this.#counts.entries()) if (count > 0 && count >= mean) this.#due.add(series)
    }
    return this.#due.values().next().value
  }

  /** Has the rows of slow series sealed. */
  sweep(nowMs: number): void {
    for (const [series, count] of this.#counts.entries()) {
      if (count > 0 && nowMs - (this.#since[series] ?? 0) >= this.#limits.ageMs) this.#due.add(series)
    }
  }

  #grow(series: number): void {
    const counts = new Uint32Array(series * 2)
    counts.set(this.#counts)
    this.#counts = counts
    const since = new Float64Array(series * 2)
    since.set(this.#since)
    this.#since = since
  }
}
