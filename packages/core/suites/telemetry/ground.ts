import { afterEach, beforeEach, expect } from 'vitest'
import type {
  AggregateName,
  CommitCursor,
  CommittedRecord,
  Point,
  PointJson,
  RawQuery,
  TelemetryStore,
} from '../../src/telemetry/port.ts'
import { toBatch } from './batch.ts'

/** A telemetry store on its own empty data. `reopen` closes the store and opens another one on the same data. */
export interface OpenedTelemetry {
  store: TelemetryStore
  reopen(): Promise<TelemetryStore>
  /** Ends the store as a crash would, where the harness can. */
  kill?: () => Promise<void>
  close(): Promise<void>
}

export const T0 = 1_760_000_000_000_000
export const SECOND = 1_000_000

/** The store of the test that runs. */
export let opened: OpenedTelemetry
export let store: TelemetryStore

/** Each test of the suite around this gets a store of its own. */
export function useTelemetry(open: () => Promise<OpenedTelemetry>): void {
  beforeEach(async () => {
    opened = await open()
    store = opened.store
  })
  afterEach(() => opened.close())
}

/** Goes on with another store on the same data. */
export async function reopen(): Promise<void> {
  store = await opened.reopen()
}

/** Appends records of one device, each all at one time, in one batch. */
export async function add(
  device: string,
  ...records: [at: number, values: Record<string, PointJson>][]
): Promise<void> {
  const series = await store.openDevice(device)
  const rows = records.flatMap(([at, values]) =>
    Object.entries(values).map(([key, value]) => ({ series: store.addSeries(series, key), at, value })),
  )
  await store.append(toBatch(rows))
  store.releaseDevice(series)
}

export async function allRaw(query: RawQuery): Promise<Point[]> {
  const items: Point[] = []
  let cursor: string | undefined
  do {
    const page = await store.raw({ ...query, ...(cursor === undefined ? {} : { cursor }) })
    expect(page.items.length).toBeLessThanOrEqual(query.limit)
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return items
}

export async function allCommitted(
  limit: number,
  from: CommitCursor = {},
): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }> {
  const records: CommittedRecord[] = []
  let cursor = from
  for (;;) {
    const page = await store.readCommitted(cursor, limit)
    records.push(...page.records)
    cursor = page.cursor
    if (page.records.length === 0) return { records, cursor }
  }
}

export const range = (
  device: string,
  aggregate: AggregateName,
  more: { from?: number; to?: number; step?: number; keys?: string[] } = {},
) => store.range({ device, aggregate, from: T0, to: T0 + 100 * SECOND, step: 100 * SECOND, ...more })
