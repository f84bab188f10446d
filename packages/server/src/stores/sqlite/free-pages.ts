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

/** Free pages of the hot log beyond which it is written anew, if little else is in it: a burst has gone through. */
const HOT_FREE_PAGES = 512
const HOT_USED_PAGES = 2_048

/** Makes the hot log's file small again; some tens of milliseconds. */
export function shrinkHot(db: DatabaseSync): void {
  const free = pages(db, 'freelist_count')
  const used = pages(db, 'page_count') - free
  const nearlyEmpty = used <= KEPT_PAGES && free > KEPT_PAGES
  if (!nearlyEmpty && (free < HOT_FREE_PAGES || used > HOT_USED_PAGES || free < used * 3)) return
  db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)')
}

function pages(db: DatabaseSync, pragma: 'freelist_count' | 'page_count'): number {
  const value = db.prepare(`PRAGMA ${pragma}`).get()?.[pragma]
  if (typeof value !== 'number') throw new StoreCorrupt('the file has no count of its pages')
  return value
}
