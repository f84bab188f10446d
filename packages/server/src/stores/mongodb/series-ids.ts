import type { SeriesDefinition } from '../sqlite/telemetry-calls.ts'
import type { IdRange, SeriesBook } from '../sqlite/series-book.ts'
import type { TelemetryCollections } from './telemetry-documents.ts'

/** Ids that one writer has for itself; half of them used, it takes as many again. A start wastes what is left. */
const BLOCK = 16_384

/** Takes ids that no other writer gives out. */
export async function takeIds({ meta }: Pick<TelemetryCollections, 'meta'>): Promise<IdRange> {
  const now = await meta.findOneAndUpdate(
    { _id: 'series' },
    { $inc: { last: BLOCK } },
    { upsert: true, returnDocument: 'after' },
  )
  const to = now?.last ?? BLOCK
  return { from: to - BLOCK + 1, to }
}

/** Has more ids at hand before those that a book has are used. */
export function refillIds(book: SeriesBook, take: () => Promise<IdRange>): () => void {
  let taking: Promise<void> | undefined
  return () => {
    if (book.left > BLOCK / 2) return
    taking ??= take()
      .then((range) => book.give(range))
      // MongoDB is away: nothing new can be stored either, and the next new key asks again.
      .catch(() => undefined)
      .finally(() => (taking = undefined))
  }
}

/** Names new series; tells by our id the one of a key that another writer has named meanwhile. */
export async function nameSeries(
  { devices }: Pick<TelemetryCollections, 'devices'>,
  definitions: readonly SeriesDefinition[],
  tell: (id: number, there: number) => void,
): Promise<void> {
  const names = [...new Set(definitions.map(({ device }) => device))]
  const makes = names.map((device) => ({
    updateOne: { filter: { _id: device }, update: { $setOnInsert: { rev: 0 } }, upsert: true },
  }))
  const pushes = definitions.map(({ id, device, key }) => ({
    updateOne: { filter: { _id: device, 'series.k': { $ne: key } }, update: { $push: { series: { k: key, n: id } } } },
  }))
  await devices.bulkWrite([...makes, ...pushes])
  const found = await devices
    .find({ _id: { $in: names } })
    .project<{ _id: string; series?: { k: string; n: number }[] }>({ series: 1 })
    .toArray()
  const ids = new Map(found.map(({ _id, series = [] }) => [_id, new Map(series.map(({ k, n }) => [k, n]))]))
  for (const { id, device, key } of definitions) {
    const there = ids.get(device)?.get(key)
    if (there !== undefined && there !== id) tell(id, there)
  }
}
