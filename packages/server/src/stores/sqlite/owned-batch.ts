import type { Batch } from '@patchbay/core/telemetry/port'

/** The batch in buffers of its very length, and those buffers, which may be given away. */
export function toOwned(batch: Batch): { owned: Batch; transfer: ArrayBuffer[] } {
  const { length } = batch
  const owned: Batch = {
    length,
    series: fits(batch.series, length) ? batch.series : batch.series.slice(0, length),
    at: fits(batch.at, length) ? batch.at : batch.at.slice(0, length),
    kind: fits(batch.kind, length) ? batch.kind : batch.kind.slice(0, length),
    number: fits(batch.number, length) ? batch.number : batch.number.slice(0, length),
    text: batch.text,
  }
  const transfer: ArrayBuffer[] = []
  for (const { buffer } of [owned.series, owned.at, owned.kind, owned.number]) {
    if (buffer instanceof ArrayBuffer) transfer.push(buffer)
  }
  return { owned, transfer }
}

/** Whether the array is the whole of its buffer, so that the buffer can be given away as it is. */
function fits(array: Uint32Array | Float64Array | Uint8Array, length: number): boolean {
  return array.length === length && array.byteLength === array.buffer.byteLength
}
