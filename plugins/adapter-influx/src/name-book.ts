import type { KeyValue, Log } from '@patchbay/sdk'
import { isSame, ofKey, type SeriesName } from './series-name.ts'

/** A name in the store of an instance may take 64 KiB. */
const maxBookBytes = 60 * 1024
const place = 'names'

/**
 * Most keys say themselves which measurement, tags and field they came from. Those that do not (a dot in a field's name, say) are written down
 * here before they are stored, so that queries show them as they came.
 */
export interface NameBook {
  of(key: string): SeriesName
  note(key: string, name: SeriesName): void
  /** Resolves when all that was noted is durable. */
  settled(): Promise<void>
}

const isPair = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === 'string')

function toName(value: unknown): SeriesName | undefined {
  if (!Array.isArray(value)) return undefined
  const [measurement, field, tags]: unknown[] = value
  if (typeof measurement !== 'string' || typeof field !== 'string' || !Array.isArray(tags)) return undefined
  return { measurement, field, tags: tags.filter(isPair) }
}

export async function openNameBook(store: KeyValue, log: Log): Promise<NameBook> {
  const names = new Map<string, SeriesName>()
  const kept = await store.get(place)
  if (Array.isArray(kept)) {
    for (const entry of kept) {
      const [key, ...rest]: unknown[] = Array.isArray(entry) ? entry : []
      const name = toName(rest)
      if (typeof key === 'string' && name) names.set(key, name)
    }
  }
  const toStored = () => [...names].map(([key, { measurement, field, tags }]) => [key, measurement, field, tags])
  let bytes = Buffer.byteLength(JSON.stringify(toStored()))
  let isFull = false
  let isDirty = false
  let writing: Promise<void> = Promise.resolve()

  return {
    of: (key) => names.get(key) ?? ofKey(key),
    note(key, name) {
      if (names.has(key) || isSame(ofKey(key), name)) return
      const size = Buffer.byteLength(JSON.stringify([key, name.measurement, name.field, name.tags])) + 1
      if (bytes + size > maxBookBytes) {
        if (!isFull)
          log.warn('too many names that keys cannot tell: the further ones are shown as their keys say', { key })
        isFull = true
        return
      }
      bytes += size
      names.set(key, name)
      isDirty = true
    },
    settled() {
      if (isDirty) {
        isDirty = false
        const write = () =>
          store.set(place, toStored()).catch((error: unknown) => {
            isDirty = true
            throw error
          })
        writing = writing.then(write, write)
      }
      return writing
    },
  }
}
