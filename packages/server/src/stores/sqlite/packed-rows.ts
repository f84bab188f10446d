import type { Batch } from '@patchbay/core/telemetry/port'
import { StoreCorrupt } from './errors.ts'

/** A row of the log: its time and number (8 bytes each), series (4) and kind (1); the columns stand one after the other. */
export const ROW_BYTES = 21
const WIDE = 8
const SERIES_FROM = 2 * WIDE
const KIND_FROM = SERIES_FROM + 4

/** Views of one buffer; the widest stand first, so that each begins where its numbers may. Little-endian, as all supported machines are. */
export interface PackedRows {
  length: number
  at: Float64Array
  number: Float64Array
  series: Uint32Array
  kind: Uint8Array
}

/** The batch in one buffer, which may be given away and is stored as it is. */
export function packRows({ length, at, number, series, kind }: Omit<Batch, 'text'>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length * ROW_BYTES)
  const rows = viewRows(bytes)
  rows.at.set(at.subarray(0, length))
  rows.number.set(number.subarray(0, length))
  rows.series.set(series.subarray(0, length))
  rows.kind.set(kind.subarray(0, length))
  return bytes
}

export function viewRows(bytes: Uint8Array): PackedRows {
  if (bytes.length % ROW_BYTES !== 0) throw new StoreCorrupt('rows of the hot log have a wrong length')
  const length = bytes.length / ROW_BYTES
  const { buffer, byteOffset } = bytes.byteOffset % WIDE === 0 ? bytes : bytes.slice()
  return {
    length,
    at: new Float64Array(buffer, byteOffset, length),
    number: new Float64Array(buffer, byteOffset + length * WIDE, length),
    series: new Uint32Array(buffer, byteOffset + length * SERIES_FROM, length),
    kind: new Uint8Array(buffer, byteOffset + length * KIND_FROM, length),
  }
}
