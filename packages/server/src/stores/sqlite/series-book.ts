import type { Batch, DeviceSeries } from '@patchbay/core/telemetry/port'
import { kinds } from '@patchbay/core/telemetry/port'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { StoreMisused } from './errors.ts'
import type { SeriesDefinition } from './telemetry-calls.ts'

/** Devices that nobody holds but whose series stay at hand for the next connection. */
export const MAX_IDLE_DEVICES = 10_000
const GROWTH = 2

/** What is known of a series id. `gone`: its device was deleted. */
const states = { unknown: 0, durable: 1, pending: 2, gone: 3 } as const

export interface IdRange {
  from: number
  to: number
}

interface Entry extends DeviceSeries {
  readonly keys: Map<string, number>
  holders: number
  /** Keys that are not yet on disk: the entry must not be forgotten before they are. */
  pending: number
}

/**
 * Gives out series ids and knows which are on disk. The only place that makes ids, so that a new key has one at once; its definition
 * goes with every batch that uses it until one of them has been committed.
 */
export class SeriesBook {
  readonly #entries = new Map<string, Entry>()
  readonly #idle = new Map<string, Entry>()
  readonly #pending = new Map<number, { entry: Entry; key: string }>()
  #states: Uint8Array
  #next: number
  #end: number
  /** Where ids go on when those up to the end are used. */
  #spare: IdRange | undefined

  /** `end`: the last id that may be given before more are `give`n; without it all beyond `lastSeries` are this book's. */
  constructor(lastSeries: number, end = Number.POSITIVE_INFINITY) {
    this.#states = new Uint8Array(Math.max(1_024, (lastSeries + 1) * GROWTH))
    this.#states.fill(states.durable, 1, lastSeries + 1)
    this.#next = lastSeries + 1
    this.#end = end
  }

  /** Ids that can be given at once. */
  get left(): number {
    return this.#end - this.#next + 1 + (this.#spare ? this.#spare.to - this.#spare.from + 1 : 0)
  }

  give(range: IdRange): void {
    this.#spare = range
  }

  /** The device's entry if it is at hand, held once more. */
  hold(device: string): DeviceSeries | undefined {
    const entry = this.#entries.get(device)
    if (!entry) return undefined
    entry.holders += 1
    this.#idle.delete(device)
    return entry
  }

  /** The keys of a device that is at hand. */
  keysOf(device: string): ReadonlyMap<string, number> | undefined {
    return this.#entries.get(device)?.keys
  }

  /** Puts what the disk knows at hand, not yet held. */
  put(device: string, series: readonly { id: number; key: string }[]): void {
    const keys = new Map(series.map(({ id, key }) => [key, id]))
    for (const { id } of series) {
      this.#reach(id)
      // Another writer's: it is on the disk.
      if (this.#states[id] === states.unknown) this.#states[id] = states.durable
    }
    this.#entries.set(device, { device, keys, holders: 0, pending: 0 })
  }

  release(device: DeviceSeries): void {
    const entry = this.#entryOf(device)
    if (entry.holders === 0) throw new StoreMisused(`released once too often: ${device.device}`)
    entry.holders -= 1
    if (entry.holders === 0) this.#idle.set(entry.device, entry)
    this.#evict()
  }

  add(device: DeviceSeries, key: string): number {
    const entry = this.#entryOf(device)
    const known = entry.keys.get(key)
    if (known !== undefined) return known
    if (this.#next > this.#end) {
      if (!this.#spare) throw new StoreUnavailable('too many new keys came at once')
      ;({ from: this.#next, to: this.#end } = this.#spare)
      this.#spare = undefined
    }
    const id = this.#next++
    this.#reach(id)
    this.#states[id] = states.pending
    entry.keys.set(key, id)
    entry.pending += 1
    this.#pending.set(id, { entry, key })
    return id
  }

  /** Checks a batch and answers the definitions that must go with it. */
  check(batch: Batch): SeriesDefinition[] {
    const { length, series, at, kind, number, text } = batch
    const shortest = Math.min(series.length, at.length, kind.length, number.length)
    if (!Number.isInteger(length) || length > shortest) throw new StoreMisused('a column of the batch is too short')
    let texts = 0
    let used: Set<number> | undefined
    for (let i = 0; i < length; i++) {
      const sort = kind[i] ?? -1
      if (sort >= kinds.text && sort <= kinds.json) texts += 1
      else if (sort > kinds.json || !Number.isFinite(number[i])) throw new StoreMisused(`no such value in row ${i}`)
      if (!Number.isSafeInteger(at[i])) throw new StoreMisused(`no such time in row ${i}`)
      const id = series[i] ?? 0
      const state = this.#states[id]
      if (state === states.durable) continue
      if (state === states.gone) throw new StoreUnavailable('the data of the device were deleted meanwhile')
      if (state !== states.pending) throw new StoreMisused(`no such series: ${id}`)
      used ??= new Set()
      used.add(id)
    }
    if (texts !== text.length) throw new StoreMisused('the texts of the batch do not fit its rows')
    return used ? [...used].map((id) => this.#define(id)) : []
  }

  /** The definitions are on disk. */
  committed(definitions: readonly SeriesDefinition[]): void {
    for (const { id } of definitions) {
      const pending = this.#pending.get(id)
      // Absent when another batch has brought it already or the device was deleted.
      if (!pending) continue
      this.#pending.delete(id)
      pending.entry.pending -= 1
      this.#states[id] = states.durable
    }
    if (definitions.length > 0) this.#evict()
  }

  /**
   * The device's series are about to go: their ids are refused from now on and its keys get new ones. The answer puts all back as it
   * was, for when the deletion fails.
   */
  drop(device: string): () => void {
    const entry = this.#entries.get(device)
    if (!entry) return () => undefined
    const before = [...entry.keys].map(([key, id]) => ({ key, id, pending: this.#pending.has(id) }))
    this.#forgetKeys(entry)
    return () => {
      this.#forgetKeys(entry)
      for (const { key, id, pending } of before) {
        entry.keys.set(key, id)
        this.#states[id] = pending ? states.pending : states.durable
        if (!pending) continue
        entry.pending += 1
        this.#pending.set(id, { entry, key })
      }
    }
  }

  #reach(id: number): void {
    if (id < this.#states.length) return
    const grown = new Uint8Array((id + 1) * GROWTH)
    grown.set(this.#states)
    this.#states = grown
  }

  #forgetKeys(entry: Entry): void {
    for (const id of entry.keys.values()) {
      this.#states[id] = states.gone
      this.#pending.delete(id)
    }
    entry.keys.clear()
    entry.pending = 0
  }

  #define(id: number): SeriesDefinition {
    const pending = this.#pending.get(id)
    if (!pending) throw new StoreMisused(`no such series: ${id}`)
    return { id, device: pending.entry.device, key: pending.key }
  }

  #entryOf(device: DeviceSeries): Entry {
    const entry = this.#entries.get(device.device)
    if (!entry || entry !== device) throw new StoreMisused(`not open: ${device.device}`)
    return entry
  }

  #evict(): void {
    if (this.#idle.size <= MAX_IDLE_DEVICES) return
    for (const [device, entry] of this.#idle) {
      if (entry.pending > 0) continue
      this.#idle.delete(device)
      this.#entries.delete(device)
      if (this.#idle.size <= MAX_IDLE_DEVICES) return
    }
  }
}
