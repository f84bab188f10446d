import { Columns } from '@patchbay/core/ingest/columns'
import type { CommitCursor, CommittedRecord, DeviceSeries, TelemetryStore } from '@patchbay/core/telemetry/port'

/** Points that are read, and written, at once. */
const PAGE_POINTS = 10_000

export interface TelemetryCopy {
  from: TelemetryStore
  to: TelemetryStore
  /** Where an earlier run came to. */
  cursor: CommitCursor
  /** So many points of these records are durable in the target, which ends at `last`; the source is read up to the cursor. */
  onPage(page: {
    cursor: CommitCursor
    records: readonly CommittedRecord[]
    points: number
    last: number
  }): Promise<void>
}

/**
 * Copies the committed log in its order. A page that was written before a kill and not noted is written again; the same points replace
 * themselves.
 */
export async function copyTelemetry({ from, to, cursor, onPage }: TelemetryCopy): Promise<void> {
  let page = await from.readCommitted(cursor, PAGE_POINTS)
  while (page.records.length > 0) {
    const next = from.readCommitted(page.cursor, PAGE_POINTS)
    // Whoever fails first is told; the other one's failure then says nothing new.
    next.catch(() => undefined)
    await onPage({ ...page, ...(await write(to, page.records)) })
    page = await next
  }
}

async function write(
  to: TelemetryStore,
  records: readonly CommittedRecord[],
): Promise<{ points: number; last: number }> {
  const open = new Map<string, DeviceSeries>()
  try {
    for (const { device } of records) if (!open.has(device)) open.set(device, await to.openDevice(device))
    const columns = new Columns(PAGE_POINTS)
    for (const { device, at, values } of records) {
      const series = open.get(device)
      if (!series) continue
      for (const [key, value] of Object.entries(values)) {
        const id = series.keys.get(key) ?? to.addSeries(series, key)
        if (typeof value === 'number') columns.addNumber(id, at, value)
        else if (typeof value === 'boolean') columns.addBoolean(id, at, value)
        else if (typeof value === 'string') columns.addText(id, at, value, false)
        else columns.addText(id, at, JSON.stringify(value), true)
      }
    }
    const points = columns.length
    return { points, last: await to.append(columns.toBatch()) }
  } finally {
    for (const series of open.values()) to.releaseDevice(series)
  }
}
