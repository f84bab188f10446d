import { kinds, type Batch, type PointJson } from '../../src/telemetry/port.ts'

/** A point on its way into a batch. */
export interface Row {
  series: number
  at: number
  value: PointJson
}

/** A batch with room to spare, as the hot path makes them. */
export function toBatch(rows: readonly Row[], capacity = rows.length): Batch {
  const batch: Batch = {
    length: rows.length,
    series: new Uint32Array(capacity),
    at: new Float64Array(capacity),
    kind: new Uint8Array(capacity),
    number: new Float64Array(capacity),
    text: [],
  }
  for (const [i, { series, at, value }] of rows.entries()) {
    batch.series[i] = series
    batch.at[i] = at
    if (typeof value === 'number') batch.number[i] = value
    else if (typeof value === 'boolean') {
      batch.kind[i] = kinds.boolean
      batch.number[i] = value ? 1 : 0
    } else {
      batch.kind[i] = typeof value === 'string' ? kinds.text : kinds.json
      batch.text.push(typeof value === 'string' ? value : JSON.stringify(value))
    }
  }
  return batch
}
