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
