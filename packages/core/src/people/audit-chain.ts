import { createHash } from 'node:crypto'
import type { AuditEntry } from '@patchbay/contracts/person'

/** What the first entry of a chain follows. */
export const genesis = '0'.repeat(64)

/** Keys in order, so that a store which keeps them in another order changes nothing. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)])
}

/** SHA-256 over the entry (without its own hash) and the hash before it. */
export const chainHash = (entry: Omit<AuditEntry, 'hash'>, previous: string): string =>
  createHash('sha256')
    .update(previous)
    .update(JSON.stringify(canonical(entry)))
    .digest('hex')
