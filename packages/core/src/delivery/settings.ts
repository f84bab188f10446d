import { type DeliverySettings, maxBatchRecords, type Selection } from '@patchbay/contracts/delivery'
import { DomainError } from '../errors.ts'
import type { CommitCursor } from '../telemetry/port.ts'
import type { Place } from './kept-place.ts'
import { deliveryLimits } from './limits.ts'
import { compileSelection } from './selection.ts'

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }
const maxWaitMs = 600_000

const invalid = (path: string, message: string): DomainError =>
  new DomainError('FIELD_INVALID', `${path.slice(1).replaceAll('/', '.')} ${message}`, {
    fields: [{ path, code: 'invalid', message }],
  })

/** Where reading begins: `now`, `beginning`, or a time. */
export type From = 'now' | 'beginning' | number

export function toFrom(text: string, path: string): From {
  if (text === 'now' || text === 'beginning') return text
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(ms) || ms < 0)
    throw invalid(path, 'must be now, beginning or a time such as 2026-11-25T09:00:00Z')
  return ms * 1000
}

export interface Pace {
  batch: number
  waitMs: number
}

/** `most`: what the sink takes at once. Throws FIELD_INVALID. */
export function toPace({ batch, wait }: DeliverySettings, most: number | undefined): Pace {
  const match = /^(\d+)(ms|s|m)$/.exec(wait ?? '')
  const waitMs = match ? Number(match[1]) * (unitsMs[match[2] ?? ''] ?? 1) : deliveryLimits.waitMs
  if (waitMs > maxWaitMs) throw invalid('/delivery/wait', 'is longer than 10m')
  return { batch: Math.min(batch ?? most ?? deliveryLimits.batch, most ?? maxBatchRecords), waitMs }
}

/** Where a delivery begins, given where the log ends now. */
export function toStart(from: From, end: CommitCursor): Pick<Place, 'cursor' | 'floor' | 'micros'> {
  if (from === 'now') return { cursor: { ...end }, floor: { ...end }, micros: 0 }
  return { cursor: {}, floor: { ...end }, micros: from === 'beginning' ? 0 : from }
}

/** Checks what a person sent for a sink. Rejects with FIELD_INVALID. */
export async function checkSettings({
  select,
  delivery = {},
}: {
  select?: Selection
  delivery?: DeliverySettings
}): Promise<void> {
  if (delivery.from !== undefined) toFrom(delivery.from, '/delivery/from')
  toPace(delivery, undefined)
  if (select) await compileSelection(select)
}
