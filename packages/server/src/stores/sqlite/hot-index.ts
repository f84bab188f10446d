import { kinds } from '@patchbay/core/telemetry/port'
import type { PointColumns } from '@patchbay/core/telemetry/codec/point-columns'
import { HotColumns } from './hot-columns.ts'
import type { HotRow } from './hot-rows.ts'
import { HotViews, type Viewed } from './hot-views.ts'
import type { PackedRows } from './packed-rows.ts'

/** Devices without hot rows that stay known. */
const MAX_EMPTY_SLOTS = 20_000
const NONE = -1

/** The hot rows of one device: a chain from the newest to the oldest. */
export interface Slot extends Viewed {
  readonly device: string
  readonly series: number[]
  /** Points of the device with numbers up to here are sealed. */
  sealedTo: number
  count: number
  /** When the oldest came, about. */
  sinceMs: number
  head: number
}

export type SlotSource = (series: number) => Pick<Slot, 'device' | 'series' | 'sealedTo'> | undefined

/** What is committed and not yet sealed, in memory. */
export class HotIndex {
  readonly #source: SlotSource
  readonly #columns = new HotColumns()
  readonly #slots = new Map<string, Slot>()
  readonly #ofSeries: (Slot | undefined)[] = []
  readonly #views = new HotViews(this.#columns)
  #total = 0
  #activeSeries = 0

  constructor(source: SlotSource) {
    this.#source = source
  }

  /** Rows that are hot. */
  get total(): number {
    return this.#total
  }

  /** Series of the devices that have hot rows. */
  get activeSeries(): number {
    return this.#activeSeries
  }

  get textLength(): number {
    return this.#columns.textLength
  }

  slots(): IterableIterator<Slot> {
    return this.#slots.values()
  }

  slotOf(device: string): Slot | undefined {
    return this.#slots.get(device)
  }

  /** The device has a series more. */
  define(device: string, series: number): void {
    const slot = this.#slots.get(device)
    if (!slot || slot.series.includes(series)) return
    slot.series.push(series)
    this.#ofSeries[series] = slot
    if (slot.count > 0) this.#activeSeries += 1
  }

  /** Takes committed rows in, `seqs` ascending and beyond all before; calls `grown` for each device as it gets more. */
  add(
    rows: PackedRows,
    seqs: Float64Array,
    texts: readonly string[],
    nowMs: number,
    grown: (slot: Slot) => void,
  ): void {
    const { length, at, number, series, kind } = rows
    let text = 0
    this.#makeRoom(length)
    for (let i = 0; i < length; i++) {
      const id = series[i] ?? 0
      const sort = kind[i] ?? 0
      const own = sort >= kinds.text ? texts[text++] : undefined
      const slot = this.#ofSeries[id] ?? this.#load(id)
      const seq = seqs[i] ?? 0
      // Of a deleted device, or sealed before the log let go of it.
      if (!slot || seq <= slot.sealedTo) continue
      slot.head = this.#columns.push(seq, id, at[i] ?? 0, sort, number[i] ?? 0, own, slot.head)
      if (slot.count === 0) {
        slot.sinceMs = nowMs
        this.#activeSeries += slot.series.length
      }
      slot.count += 1
      slot.view = undefined
      this.#total += 1
      grown(slot)
    }
  }

  /** The device's oldest rows in the order of their numbers. */
  oldestOf(slot: Slot, most: number): PointColumns {
    const rows = this.#rowsOf(slot)
    return this.#columns.copy(rows.subarray(0, most))
  }

  /** So many of the device's oldest rows are sealed, or gone. */
  remove(slot: Slot, count: number): void {
    const rows = this.#rowsOf(slot)
    if (count > 0) slot.sealedTo = Math.max(slot.sealedTo, this.#columns.seq[rows[count - 1] ?? NONE] ?? 0)
    for (const row of rows.subarray(0, count)) this.#columns.kill(row)
    const next = rows[count]
    if (next === undefined) {
      slot.head = NONE
      if (slot.count > 0) this.#activeSeries -= slot.series.length
    } else this.#columns.prev[next] = NONE
    this.#total -= Math.min(count, slot.count)
    slot.count -= Math.min(count, slot.count)
    slot.view = undefined
  }

  /** Numbers of some rows of the device. */
  find(device: string, wanted: (series: number, at: number, seq: number) => boolean, most: number): number[] {
    const { at, seq, series } = this.#columns
    const found: number[] = []
    for (let row = this.#slots.get(device)?.head ?? NONE; row !== NONE && found.length < most;) {
      const own = seq[row] ?? 0
      if (wanted(series[row] ?? 0, at[row] ?? 0, own)) found.push(own)
      row = this.#columns.prev[row] ?? NONE
    }
    return found
  }

  /** The rows with these numbers are gone. */
  drop(device: string, seqs: readonly number[]): void {
    const slot = this.#slots.get(device)
    if (!slot || seqs.length === 0) return
    const gone = new Set(seqs)
    const rows = this.#rowsOf(slot)
    slot.head = NONE
    for (const row of rows) {
      if (gone.has(this.#columns.seq[row] ?? 0)) {
        this.#columns.kill(row)
        slot.count -= 1
        this.#total -= 1
        continue
      }
      this.#columns.prev[row] = slot.head
      slot.head = row
    }
    if (slot.count === 0) this.#activeSeries -= slot.series.length
    slot.view = undefined
  }

  /** The device is deleted; answers how many rows went with it. */
  forget(device: string): number {
    const slot = this.#slots.get(device)
    if (!slot) return 0
    const { count } = slot
    this.remove(slot, count)
    this.#drop(slot)
    return count
  }

  /** Rows of the series, ascending by time and number. */
  rows(device: string, series: number): readonly HotRow[] {
    const slot = this.#slots.get(device)
    if (!slot || slot.count === 0) return []
    return this.#views.of(slot, () => this.#rowsOf(slot)).get(series) ?? []
  }

  /** Rows with numbers in (from, to], ascending. */
  *bySeq(from: number, to: number): Generator<HotRow & { series: number }, void> {
    const { seq, series } = this.#columns
    for (let row = this.#columns.placeAfter(from); row < this.#columns.length; row++) {
      if ((seq[row] ?? 0) > to) return
      if (series[row] !== 0) yield { ...this.#columns.row(row), series: series[row] ?? 0 }
    }
  }

  /** The least number of a hot row above `seq`. */
  nextSeq(seq: number): number | undefined {
    for (let row = this.#columns.placeAfter(seq); row < this.#columns.length; row++) {
      if (this.#columns.series[row] !== 0) return this.#columns.seq[row]
    }
    return undefined
  }

  /** The number of the row that has `n` hot ones before it; beyond all numbers when there are no more. */
  nthSeq(n: number): number {
    let left = n
    for (let row = 0; row < this.#columns.length; row++) {
      if (this.#columns.series[row] !== 0 && left-- === 0) return this.#columns.seq[row] ?? Infinity
    }
    return Infinity
  }

  /** Copies of the hot rows with numbers up to `to`. */
  upTo(to: number): PointColumns {
    const end = this.#columns.placeAfter(to)
    return this.#columns.copy(
      Int32Array.from({ length: end }, (_, row) => row).filter((row) => this.#columns.series[row] !== 0),
    )
  }

  #rowsOf(slot: Slot): Int32Array {
    const rows = new Int32Array(slot.count)
    let row = slot.head
    for (let i = slot.count - 1; i >= 0; i--) {
      rows[i] = row
      row = this.#columns.prev[row] ?? NONE
    }
    return rows
  }

  #load(series: number): Slot | undefined {
    const found = this.#source(series)
    if (!found) return undefined
    if (this.#slots.size > MAX_EMPTY_SLOTS) for (const old of this.#slots.values()) if (old.count === 0) this.#drop(old)
    const slot: Slot = { ...found, count: 0, sinceMs: 0, head: NONE, view: undefined }
    this.#slots.set(slot.device, slot)
    for (const id of slot.series) this.#ofSeries[id] = slot
    return slot
  }

  #drop(slot: Slot): void {
    this.#slots.delete(slot.device)
    this.#views.forget(slot)
    for (const id of slot.series) this.#ofSeries[id] = undefined
  }

  #makeRoom(rows: number): void {
    if (this.#columns.fits(rows)) return
    for (const slot of this.#slots.values()) slot.head = NONE
    this.#columns.compact(rows, this.#total, (id) => this.#ofSeries[id])
  }
}
