import type { Batch } from '@patchbay/core/telemetry/port'

/** A day of sensors: each device sends temperature and humidity every 17.28 s, some milliseconds early or late. */
export const DAY = 86_400_000_000
/** A day that is over, and not so old that a database would drop it. */
export const START = (Math.floor((Date.now() * 1_000) / DAY) - 2) * DAY
const KEYS = 2
const POINTS_PER_DAY = 5_000
const STEP = DAY / POINTS_PER_DAY
const JITTER_MS = 20

/** The same numbers for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The records of all devices, one round of each after the other, in the order in which they arrive. */
export class SensorFleet {
  readonly #random: () => number
  readonly #phases: Float64Array
  readonly #temperature: Float64Array
  readonly #humidity: Float64Array
  readonly #series: readonly (readonly [number, number])[]
  #round = 0

  constructor(series: readonly (readonly [number, number])[], seed: number) {
    this.#series = series
    this.#random = createRandom(seed)
    this.#phases = Float64Array.from(series, () => this.#random() * (STEP - 1_000_000))
    this.#temperature = Float64Array.from(series, () => 150 + Math.floor(this.#random() * 150))
    this.#humidity = Float64Array.from(series, () => 300 + Math.floor(this.#random() * 400))
  }

  /** One record of every device. */
  round(): Batch {
    const devices = this.#series.length
    const at = Float64Array.from(this.#phases, (phase) => {
      const time = START + phase + this.#round * STEP + this.#random() * JITTER_MS * 1_000
      return Math.floor(time / 1_000) * 1_000
    })
    this.#round += 1
    const order = Array.from(at.keys()).toSorted((a, b) => (at[a] ?? 0) - (at[b] ?? 0))
    const batch: Batch = {
      length: devices * KEYS,
      series: new Uint32Array(devices * KEYS),
      at: new Float64Array(devices * KEYS),
      kind: new Uint8Array(devices * KEYS),
      number: new Float64Array(devices * KEYS),
      text: [],
    }
    for (const [i, device] of order.entries()) {
      const values = [this.#walk(this.#temperature, device, 2), this.#walk(this.#humidity, device, 4)]
      for (const [key, value] of values.entries()) {
        const row = i * KEYS + key
        batch.series[row] = this.#series[device]?.[key] ?? 0
        batch.at[row] = at[device] ?? 0
        batch.number[row] = value / 10
      }
    }
    return batch
  }

  #walk(levels: Float64Array, device: number, most: number): number {
    const level = (levels[device] ?? 0) + Math.round((this.#random() - 0.5) * most)
    levels[device] = level
    return level
  }
}
