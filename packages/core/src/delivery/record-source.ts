import type { RecordValue, SinkRecord } from '@patchbay/contracts/delivery'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { CommitCursor, CommittedRecord, TelemetryStore } from '../telemetry/port.ts'
import { deliveryLimits } from './limits.ts'
import type { Page, Placed, Since, Source } from './port.ts'
import { TookTooLong } from '../rules/took-too-long.ts'
import type { RecordSelection, SelectedDevice } from './selection.ts'

export interface RecordSourceOptions {
  telemetry: Pick<TelemetryStore, 'end' | 'readCommitted' | 'holdCommitted'>
  /** Name among the followers of the committed log. */
  follower: string
  selection: RecordSelection
  typeOf: (device: string) => string | undefined
  deviceOf: (device: string) => SelectedDevice | undefined
  /** Records hold the tags of their devices. */
  tags: boolean
  /** An expression of the selection took too long on this record, which is left out. */
  tooSlow: (record: CommittedRecord, error: TookTooLong) => void
}

const LetterRecord = Type.Object({
  device: Type.String({ minLength: 1 }),
  type: Type.String(),
  tags: Type.Optional(Type.Array(Type.String())),
  at: Type.Integer({ minimum: 0 }),
  values: Type.Record(Type.String(), Type.Unknown()),
})

const isValue = (value: unknown): value is RecordValue =>
  (typeof value === 'number' && Number.isFinite(value)) ||
  typeof value === 'boolean' ||
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null)

const isValues = (values: Record<string, unknown>): values is Record<string, RecordValue> =>
  Object.values(values).every(isValue)

/** Roughly what values take as text. */
function bytesOf(values: Readonly<Record<string, RecordValue>>): number {
  let bytes = 64
  for (const [key, value] of Object.entries(values)) {
    bytes += key.length + 16
    if (typeof value === 'string') bytes += value.length
    else if (typeof value === 'object') bytes += JSON.stringify(value).length
  }
  return bytes
}

/** Counts numbers of the log that nobody has any more: the points between those that were read. */
function countGone(
  { writer, seq, values }: CommittedRecord,
  { before, floor }: { before: CommitCursor; floor: CommitCursor },
): number {
  const after = Math.max(before[writer] ?? 0, floor[writer] ?? 0)
  const first = seq - Object.keys(values).length + 1
  before[writer] = seq
  return Math.max(0, first - 1 - after)
}

/** Records as letters hold them. */
export const letterOfRecord: Pick<Source<SinkRecord>, 'toLetter' | 'ofLetter'> = {
  toLetter: ({ device, type, tags, at, values }) => ({ device, type, ...(tags ? { tags } : {}), at, values }),
  ofLetter: (id, body) =>
    Value.Check(LetterRecord, body) && isValues(body.values)
      ? {
          id,
          device: body.device,
          type: body.type,
          ...(body.tags ? { tags: body.tags } : {}),
          at: body.at,
          values: body.values,
        }
      : undefined,
}

/** The committed log as a sink's own stream. */
export function createRecordSource(options: RecordSourceOptions): Source<SinkRecord> {
  const { telemetry, follower, selection, typeOf, deviceOf, tags, tooSlow } = options

  const select = (record: CommittedRecord): SinkRecord | undefined => {
    const { writer, seq, device, at } = record
    try {
      const known = selection.needsDevice || tags ? deviceOf(device) : undefined
      const values = selection.valuesOf(record, known)
      if (!values) return undefined
      const item = { id: `${writer}:${seq}`, device, type: typeOf(device) ?? '', at, values }
      return tags && known ? { ...item, tags: known.tags } : item
    } catch (error) {
      if (!(error instanceof TookTooLong)) throw error
      tooSlow(record, error)
      return undefined
    }
  }

  return {
    end: () => telemetry.end(),
    async read(cursor, limit, { floor, micros }: Since): Promise<Page<SinkRecord>> {
      const page = await telemetry.readCommitted(cursor, limit)
      const items: Placed<SinkRecord>[] = []
      const before = { ...cursor }
      let gone = 0
      for (const [index, record] of page.records.entries()) {
        if (index > 0 && index % deliveryLimits.recordsPerTurn === 0)
          await new Promise<void>((resolve) => setImmediate(resolve))
        const { writer, seq, at } = record
        gone += countGone(record, { before, floor })
        if (at < micros && seq <= (floor[writer] ?? 0)) continue
        const item = select(record)
        if (item) items.push({ item, writer, seq, bytes: bytesOf(item.values) })
      }
      return { items, cursor: page.cursor, gone }
    },
    hold: (cursor) => telemetry.holdCommitted(follower, cursor),
    laneOf: ({ device }) => device,
    ...letterOfRecord,
  }
}
