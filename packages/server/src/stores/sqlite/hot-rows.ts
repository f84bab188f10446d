import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StoreCorrupt } from './errors.ts'
import type { ReadBudget } from './read-budget.ts'

export interface HotRow {
  seq: number
  at: number
  kind: number
  value: number | string
}

/** Where a generator of a read pauses: other reads run, then it goes on. */
export const PAUSE = undefined
export type Turn = typeof PAUSE
/** A read in steps; it ends with its answer. */
export type Steps<A> = Generator<Turn, A>

export function toHotRow(row: unknown): HotRow {
  if (Array.isArray(row)) {
    const [seq, at, kind, value]: unknown[] = row
    if (typeof seq === 'number' && typeof at === 'number' && typeof kind === 'number') {
      if (typeof value === 'number' || typeof value === 'string') return { seq, at, kind, value }
    }
  }
  throw new StoreCorrupt('a row of the hot log has a wrong form')
}

export interface HotRows {
  /**
   * The points of a series in [from, to) by time, page by page. Of several with the same time only the one that was committed last.
   */
  distinct(
    budget: ReadBudget,
    series: number,
    from: number,
    to: number,
    pageRows: number,
  ): Generator<HotRow | Turn, void>
  /** The point with the greatest time. */
  newest(series: number): HotRow | undefined
}

export function createHotRows(db: DatabaseSync): HotRows {
  const page = asArrays(
    db.prepare(
      `SELECT seq, at, kind, value FROM hot WHERE series = ? AND (at, seq) > (?, ?) AND at < ? ORDER BY at, seq LIMIT ?`,
    ),
  )
  const newest = asArrays(
    db.prepare('SELECT seq, at, kind, value FROM hot WHERE series = ? ORDER BY at DESC, seq DESC LIMIT 1'),
  )
  return {
    *distinct(budget, series, from, to, pageRows) {
      let held: HotRow | undefined
      let at = from
      let seq = -1
      for (;;) {
        const rows: unknown[] = page.all(series, at, seq, to, pageRows)
        budget.spend(rows.length + 1)
        for (const raw of rows) {
          const row = toHotRow(raw)
          if (held && held.at !== row.at) yield held
          held = row
        }
        if (rows.length < pageRows) break
        at = held?.at ?? at
        seq = held?.seq ?? seq
        if (budget.turnOver()) yield PAUSE
      }
      if (held) yield held
    },
    newest(series) {
      const row = newest.get(series)
      return row && toHotRow(row)
    },
  }
}

/** Rows as arrays cost half of what rows as objects do. */
export function asArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true)
  return statement
}
