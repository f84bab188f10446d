import type { DatabaseSync } from 'node:sqlite'
import { StoreCorrupt } from './errors.ts'

/** Free pages that are kept: the hot log needs them again soon. */
const KEPT_PAGES = 64
/** Part of the file that may be free beyond that. */
const FREE_PART = 0.05
const PAGES_AT_ONCE = 250

/** Gives pages of the file back to the system when many are free; answers whether there are more. */
export function shrink(db: DatabaseSync): boolean {
  const free = pages(db, 'freelist_count')
  if (free <= Math.max(KEPT_PAGES, pages(db, 'page_count') * FREE_PART)) return false
  // Every row of the statement is a page that goes: exec would stop after the first in some versions.
  db.prepare(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`).all()
  return pages(db, 'freelist_count') < free
}

function pages(db: DatabaseSync, pragma: 'freelist_count' | 'page_count'): number {
  const value = db.prepare(`PRAGMA ${pragma}`).get()?.[pragma]
  if (typeof value !== 'number') throw new StoreCorrupt('the file has no count of its pages')
  return value
}
