import type { StatementSync } from 'node:sqlite'
import { StoreCorrupt } from './errors.ts'

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

/** Rows as arrays cost half of what rows as objects do. */
export function asArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true)
  return statement
}
