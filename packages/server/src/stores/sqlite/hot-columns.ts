import { kinds } from '@patchbay/core/telemetry/port'
import { makePoints, type PointColumns } from '@patchbay/core/telemetry/codec/point-columns'
import type { HotRow } from './hot-rows.ts'

const FIRST_ROWS = 4_096
/** Live rows beyond this part of the columns need longer ones; moving them together would free too little. */
const FULL = 3 / 4
/** Live rows below this part need shorter ones. */
const EMPTY = 1 / 8
/** So much longer than the live rows new columns are. */
const ROOM = 3 / 2

/** Rows in the order of their numbers, 33 bytes each. A row that is gone has no series (0). */
export class HotColumns {
  length = 0
  /** Characters of the texts that are held. */
  textLength = 0
  seq = new Float64Array(FIRST_ROWS)
  at = new Float64Array(FIRST_ROWS)
  /** The value, or the place of its text. */
  number = new Float64Array(FIRST_ROWS)
  series = new Uint32Array(FIRST_ROWS)
  kind = new Uint8Array(FIRST_ROWS)
  /** The row before it of the same device. */
  prev = new Int32Array(FIRST_ROWS)
  #texts: string[] = []

  fits(rows: number): boolean {
    return this.length + rows <= this.seq.length
  }

  /** Answers the row's place; there must be room. */
  push(
    seq: number,
    series: number,
    at: number,
    kind: number,
    number: number,
    text: string | undefined,
    prev: number,
  ): number {
    const row = this.length++
    this.seq[row] = seq
    this.at[row] = at
    this.series[row] = series
    this.kind[row] = kind
    this.prev[row] = prev
    if (text === undefined) this.number[row] = number
    else {
      this.number[row] = this.#texts.push(text) - 1
      this.textLength += text.length
    }
    return row
  }

  kill(row: number): void {
    this.series[row] = 0
    if ((this.kind[row] ?? 0) < kinds.text) return
    const place = this.number[row] ?? 0
    this.textLength -= this.#texts[place]?.length ?? 0
    this.#texts[place] = ''
  }

  row(row: number): HotRow {
    const kind = this.kind[row] ?? 0
    const number = this.number[row] ?? 0
    return {
      seq: this.seq[row] ?? 0,
      at: this.at[row] ?? 0,
      kind,
      value: kind >= kinds.text ? (this.#texts[number] ?? '') : number,
    }
  }

  /** The first row whose number is above `seq`, gone or not. */
  placeAfter(seq: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.seq[middle] ?? 0) <= seq) low = middle + 1
      else high = middle
    }
    return low
  }

  copy(rows: Int32Array): PointColumns {
    const length = rows.length
    const text: string[] = []
    const copy = makePoints(length, text)
    for (let i = 0; i < length; i++) {
      const row = rows[i] ?? 0
      copy.seq[i] = this.seq[row] ?? 0
      copy.series[i] = this.series[row] ?? 0
      copy.at[i] = this.at[row] ?? 0
      copy.kind[i] = this.kind[row] ?? 0
      const number = this.number[row] ?? 0
      copy.number[i] = (this.kind[row] ?? 0) < kinds.text ? number : text.push(this.#texts[number] ?? '') - 1
    }
    return copy
  }

  /**
   * Moves the `live` rows together and chains them anew: where they are when a good part of the columns is free then, so that a steady load
   * takes no more memory; into others, longer or shorter ones, when not.
   */
  compact(more: number, live: number, chainOf: (series: number) => { head: number } | undefined): void {
    const { length, seq, series, at, kind, number } = this
    const texts = this.#texts
    const wanted = live + more
    if (wanted > seq.length * FULL || wanted < seq.length * EMPTY) this.#allocate(Math.ceil(wanted * ROOM))
    this.#texts = []
    this.length = 0
    this.textLength = 0
    for (let row = 0; row < length; row++) {
      const id = series[row] ?? 0
      const chain = id === 0 ? undefined : chainOf(id)
      if (!chain) continue
      const sort = kind[row] ?? 0
      const own = number[row] ?? 0
      const text = sort >= kinds.text ? (texts[own] ?? '') : undefined
      chain.head = this.push(seq[row] ?? 0, id, at[row] ?? 0, sort, own, text, chain.head)
    }
  }
  #allocate(rows: number): void {
    const size = Math.max(FIRST_ROWS, rows)
    this.seq = new Float64Array(size)
    this.at = new Float64Array(size)
    this.number = new Float64Array(size)
    this.series = new Uint32Array(size)
    this.kind = new Uint8Array(size)
    this.prev = new Int32Array(size)
  }
}
