import { Columns } from '@patchbay/core/ingest/columns'
import type {
  CommitCursor,
  CommittedRecord,
  DeviceSeries,
  PointJson,
  TelemetryStore,
} from '@patchbay/core/telemetry/port'
import { createPointsHash, type Fingerprint, pointsOf } from './device-points.ts'
import { inTurn } from './in-turn.ts'
import type { Places } from './places.ts'

/** Devices that are read and written side by side: while the target makes one durable the source reads others. */
const DEVICES_AT_ONCE = 8
/** Records of the log that are read, and written, at once, in points. */
const PAGE_POINTS = 50_000

export interface DevicesCopy {
  from: Pick<TelemetryStore, 'raw'>
  to: TelemetryStore
  devices: AsyncIterable<string>
  /** So many points more are durable in the target. */
  onPoints(points: number): void
  /** All of this device is, and of those before it. */
  onDevice(device: string, fingerprint: Fingerprint): Promise<void>
}

/**
 * Copies points device by device, which is how they lie in the stores; in the order of the log each page would be in as many chunks as there
 * are devices. A device that was written before a kill and not noted is written again; the same points replace themselves.
 */
export async function copyDevices({ from, to, devices, onPoints, onDevice }: DevicesCopy): Promise<void> {
  const copied = inTurn(devices, DEVICES_AT_ONCE, async (device) => {
    const hash = createPointsHash()
    const series = await to.openDevice(device)
    try {
      for await (const points of pointsOf(from, device)) {
        hash.take(points)
        const columns = new Columns(points.length)
        for (const { key, at, value } of points) add(columns, idOf(to, series, key), at, value)
        await to.append(columns.toBatch())
        onPoints(points.length)
      }
    } finally {
      to.releaseDevice(series)
    }
    return { device, fingerprint: hash.done() }
  })
  for await (const { device, fingerprint } of copied) await onDevice(device, fingerprint)
}

export interface TailCopy {
  from: Pick<TelemetryStore, 'readCommitted' | 'end'>
  to: TelemetryStore
  places: Places
  onProgress(done: number, all: number): void
  /** These are durable in the target. */
  onRecords?(records: readonly CommittedRecord[]): void
}

/** Copies the end of the committed log once more, in its order, for those who follow it and have not read it. */
export async function copyTail({ from, to, places, onProgress, onRecords }: TailCopy): Promise<void> {
  const { tail } = places
  if (!tail) return
  const all = distance(tail, from.end())
  let page = await from.readCommitted(tail, PAGE_POINTS)
  while (page.records.length > 0) {
    const next = from.readCommitted(page.cursor, PAGE_POINTS)
    // Whoever fails first is told; the other one's failure then says nothing new.
    next.catch(() => undefined)
    const { points, last } = await write(to, page.records)
    places.copied(page.records, points, last)
    onRecords?.(page.records)
    onProgress(distance(tail, page.cursor), all)
    page = await next
  }
}

const distance = (from: CommitCursor, to: CommitCursor): number =>
  Object.entries(to).reduce((sum, [writer, seq]) => sum + Math.max(0, seq - (from[writer] ?? 0)), 0)

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
      for (const [key, value] of Object.entries(values)) add(columns, idOf(to, series, key), at, value)
    }
    const points = columns.length
    return { points, last: await to.append(columns.toBatch()) }
  } finally {
    for (const series of open.values()) to.releaseDevice(series)
  }
}

const idOf = (to: TelemetryStore, series: DeviceSeries, key: string): number =>
  series.keys.get(key) ?? to.addSeries(series, key)

function add(columns: Columns, id: number, at: number, value: PointJson): void {
  if (typeof value === 'number') columns.addNumber(id, at, value)
  else if (typeof value === 'boolean') columns.addBoolean(id, at, value)
  else if (typeof value === 'string') columns.addText(id, at, value, false)
  else columns.addText(id, at, JSON.stringify(value), true)
}
