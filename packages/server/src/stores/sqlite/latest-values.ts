import { kinds, type Batch, type PointJson } from '@patchbay/core/telemetry/port'
import { nameMap } from './point-value.ts'

export type Latest = Record<string, { at: number; value: PointJson }>

const FIRST_SERIES = 1_024
/** What is known of a series: only what was committed since the start, all, or that its values are texts, which are not kept. */
const states = { part: 0, all: 1, text: 2 } as const

/**
 * The newest number or boolean of each series, 18 bytes each, so that asking for it crosses to no thread. What was committed before the start is
 * learnt from the first answer of the storing thread.
 */
export class LatestValues {
  #state = new Uint8Array(FIRST_SERIES)
  #kind = new Uint8Array(FIRST_SERIES)
  #at = new Float64Array(FIRST_SERIES).fill(NaN)
  #number = new Float64Array(FIRST_SERIES)
  /** Changes when points may have gone: an answer from before says nothing then. */
  #epoch = 0

  get epoch(): number {
    return this.#epoch
  }

  /** A series that nothing was ever stored of. */
  made(series: number): void {
    this.#grow(series)
    this.#state[series] = states.all
  }

  committed({ length, series, at, kind, number }: Batch): void {
    for (let i = 0; i < length; i++) {
      const id = series[i] ?? 0
      if (id >= this.#state.length) this.#grow(id)
      if ((kind[i] ?? 0) >= kinds.text) this.#state[id] = states.text
      else if (!((at[i] ?? 0) < (this.#at[id] ?? NaN))) this.#set(id, at[i] ?? 0, kind[i] ?? 0, number[i] ?? 0)
    }
  }

  /** All of a device, or undefined when it must be asked for. */
  of(keys: ReadonlyMap<string, number>): Latest | undefined {
    for (const id of keys.values()) if (this.#state[id] !== states.all) return undefined
    const latest = nameMap<Latest[string]>()
    for (const [key, id] of keys) {
      const at = this.#at[id] ?? NaN
      if (Number.isNaN(at)) continue
      const number = this.#number[id] ?? 0
      latest[key] = { at, value: this.#kind[id] === kinds.boolean ? number !== 0 : number }
    }
    return latest
  }

  /** Takes in what the storing thread answered to a question of that epoch. */
  learn(keys: ReadonlyMap<string, number>, answer: Latest, epoch: number): void {
    if (epoch !== this.#epoch) return
    for (const [key, id] of keys) {
      this.#grow(id)
      if (this.#state[id] !== states.part) continue
      const { at, value } = answer[key] ?? { at: NaN, value: 0 }
      if (typeof value !== 'number' && typeof value !== 'boolean') {
        this.#state[id] = states.text
        continue
      }
      this.#state[id] = states.all
      // Of one time what was committed since the start is later.
      if (Number.isNaN(at) || (this.#at[id] ?? NaN) >= at) continue
      this.#set(id, at, typeof value === 'boolean' ? kinds.boolean : kinds.number, Number(value))
    }
  }

  /** Points of the series may be gone. */
  forget(keys: ReadonlyMap<string, number> | undefined): void {
    this.#epoch += 1
    for (const id of keys?.values() ?? []) {
      if (id >= this.#state.length) continue
      this.#state[id] = states.part
      this.#at[id] = NaN
    }
  }

  #set(id: number, at: number, kind: number, number: number): void {
    this.#at[id] = at
    this.#kind[id] = kind
    this.#number[id] = number
  }

  #grow(series: number): void {
    if (series < this.#state.length) return
    const size = series * 2
    const [state, kind, at, number] = [this.#state, this.#kind, this.#at, this.#number]
    this.#state = new Uint8Array(size)
    this.#state.set(state)
    this.#kind = new Uint8Array(size)
    this.#kind.set(kind)
    this.#at = new Float64Array(size).fill(NaN)
    this.#at.set(at)
    this.#number = new Float64Array(size)
    this.#number.set(number)
  }
}
