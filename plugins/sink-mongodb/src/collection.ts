import type { Collection, Db } from 'mongodb'
import type { Config } from './config.ts'
import type { Reading } from './documents.ts'

/** Codes of MongoDB: the collection is there already; an index of that name has other options. */
const namespaceExists = 48
const indexOptionsConflict = 85

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Whole seconds of a duration, one at least. */
export function toSeconds(duration: string): number {
  const [, digits = '0', unit = 'ms'] = /^(\d+)(ms|s|m|h|d)$/.exec(duration) ?? []
  const seconds = Object.entries(unitSeconds).find(([name]) => name === unit)?.[1] ?? 0.001
  return Math.max(1, Math.ceil(Number(digits) * seconds))
}

export interface Readings {
  readonly collection: Collection<Reading>
  /** The same `_id` again is refused there. */
  readonly knowsAgain: boolean
}

/** The collection, made with its indexes where it is not there. What it truly became is asked afterwards: some servers say yes and make a plain one. */
export async function openReadings(
  db: Db,
  config: Pick<Config, 'collection' | 'keep' | 'timeSeries'>,
): Promise<Readings> {
  const { collection: name, keep, timeSeries } = config
  const expire = keep === undefined ? {} : { expireAfterSeconds: toSeconds(keep) }
  try {
    await db.createCollection(
      name,
      timeSeries ? { timeseries: { timeField: 'at', metaField: 'device', granularity: 'seconds' }, ...expire } : {},
    )
  } catch (error) {
    if (codeOf(error) !== namespaceExists) throw error
  }
  const [found] = await db.listCollections({ name }).toArray()
  const collection = db.collection<Reading>(name)
  if (found?.type === 'timeseries') return { collection, knowsAgain: false }
  await collection.createIndex({ device: 1, at: 1 })
  if (keep !== undefined) {
    try {
      await collection.createIndex({ at: 1 }, { name: 'keep', ...expire })
    } catch (error) {
      if (codeOf(error) !== indexOptionsConflict) throw error
      // It was made for another time to keep.
      await collection.dropIndex('keep')
      await collection.createIndex({ at: 1 }, { name: 'keep', ...expire })
    }
  }
  return { collection, knowsAgain: true }
}
