import { MAX_POINTS, type SealLimits } from '../sqlite/seal-queue.ts'

/** Points of hot documents whatever the limits say; commits wait beyond. */
const MAX_HOT = 1_000_000
const MAX_BEHIND = 500_000

interface HotDevice {
  points: number
  series: Set<number>
  /** When the oldest came, about. */
  sinceMs: number
}

/** Counts the hot points of each device and says which are to be sealed. */
export class SealPlan {
  readonly #limits: SealLimits
  readonly #devices = new Map<string, HotDevice>()
  readonly #due = new Set<string>()
  #total = 0
  #series = 0

  constructor(limits: SealLimits) {
    this.#limits = limits
  }

  /** More are hot than can be sealed in time. */
  get full(): boolean {
    return this.#total > this.#most + MAX_BEHIND
  }

  get #most(): number {
    const { hotRows, rowsPerSeries } = this.#limits
    return Math.min(Math.max(hotRows, rowsPerSeries * this.#series), Math.max(hotRows, MAX_HOT))
  }

  grown(device: string, series: readonly number[], nowMs: number): void {
    let own = this.#devices.get(device)
    if (!own) this.#devices.set(device, (own = { points: 0, series: new Set(), sinceMs: nowMs }))
    if (own.points === 0) own.sinceMs = nowMs
    own.points += series.length
    this.#total += series.length
    for (const each of series) {
      if (own.series.has(each)) continue
      own.series.add(each)
      this.#series += 1
    }
    if (own.points >= Math.min(this.#limits.records * own.series.size, MAX_POINTS)) this.#due.add(device)
  }

  /** So many points of the device are hot no more; all of them when not said. */
  sealed(device: string, points = Infinity): void {
    const own = this.#devices.get(device)
    if (!own) return
    const gone = Math.min(points, own.points)
    own.points -= gone
    this.#total -= gone
    this.#due.delete(device)
    if (own.points === 0) {
      this.#series -= own.series.size
      this.#devices.delete(device)
    } else if (own.points >= Math.min(this.#limits.records * own.series.size, MAX_POINTS)) this.#due.add(device)
  }

  /** Has the points of slow devices sealed. */
  sweep(nowMs: number): void {
    for (const [device, { sinceMs }] of this.#devices) {
      if (nowMs - sinceMs >= this.#limits.ageMs) this.#due.add(device)
    }
  }

  /** Takes some devices that are to be sealed now. */
  take(most: number): string[] {
    if (this.#due.size === 0 && this.#total > this.#most) {
      // The fuller half: small pieces cost as much to seal as large ones.
      const mean = this.#total / this.#devices.size
      for (const [device, { points }] of this.#devices) if (points >= mean) this.#due.add(device)
    }
    const taken = [...this.#due].slice(0, most)
    for (const device of taken) this.#due.delete(device)
    return taken
  }

  retry(device: string): void {
    if (this.#devices.has(device)) this.#due.add(device)
  }
}
