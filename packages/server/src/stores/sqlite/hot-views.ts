import type { HotColumns } from './hot-columns.ts'
import type { HotRow } from './hot-rows.ts'

/** Devices whose rows lie sorted for the reads. */
const MAX_VIEWS = 64

export interface Viewed {
  /** Rows of each series, ascending by time and number; none after they changed. */
  view: Map<number, HotRow[]> | undefined
}

/** Hot rows as the reads want them, kept for the devices that were read last. */
export class HotViews {
  readonly #columns: HotColumns
  readonly #kept = new Set<Viewed>()

  constructor(columns: HotColumns) {
    this.#columns = columns
  }

  of(viewed: Viewed, rows: () => Int32Array): Map<number, HotRow[]> {
    viewed.view ??= this.#make(rows())
    this.#kept.delete(viewed)
    this.#kept.add(viewed)
    for (const old of this.#kept) {
      if (this.#kept.size <= MAX_VIEWS) break
      this.forget(old)
    }
    return viewed.view
  }

  forget(viewed: Viewed): void {
    this.#kept.delete(viewed)
    viewed.view = undefined
  }

  #make(rows: Int32Array): Map<number, HotRow[]> {
    const view = new Map<number, HotRow[]>()
    for (const place of rows) {
      const series = this.#columns.series[place] ?? 0
      const own = view.get(series)
      if (own) own.push(this.#columns.row(place))
      else view.set(series, [this.#columns.row(place)])
    }
    for (const own of view.values()) {
      if (own.some(({ at }, i) => at < (own[i - 1]?.at ?? at))) own.sort((a, b) => a.at - b.at || a.seq - b.seq)
    }
    return view
  }
}
