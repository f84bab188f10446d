import type { Db, IndexDescription } from 'mongodb'
import { refuseWhileNodesRun } from './running-nodes.ts'
import { StoreCorrupt } from '../sqlite/errors.ts'

export interface CollectionIndexes {
  collection: string
  indexes: readonly IndexDescription[]
}

/** What a store keeps about itself; each names its own document. */
interface SchemaDocument {
  _id: string
  version: number
}

export interface Schema {
  /** `registry` or `telemetry`. */
  name: string
  version: number
  indexes: readonly CollectionIndexes[]
  /** By the version that is there: what brings it to the next one. Each may be killed and run again. */
  upgrades?: Readonly<Record<number, (db: Db) => Promise<void>>>
}

/** Makes what is missing; an index that is there costs a look. Refuses what a newer version has written. */
export async function prepareSchema(db: Db, { name, version, indexes, upgrades = {} }: Schema): Promise<void> {
  const schemas = db.collection<SchemaDocument>('schemas')
  const found = (await schemas.findOne({ _id: name }))?.version
  if (found !== undefined && found > version) {
    throw new StoreCorrupt(
      `the ${name} in MongoDB has version ${found}; this Patchbay knows up to ${version}: start the newer one`,
    )
  }
  if (found !== undefined && found < version) await refuseWhileNodesRun(db, `the ${name} in MongoDB`)
  await Promise.all(indexes.map((each) => db.collection(each.collection).createIndexes([...each.indexes])))
  for (let at = found ?? version; at < version; at++) await upgrades[at]?.(db)
  if (found !== version) await schemas.updateOne({ _id: name }, { $set: { version } }, { upsert: true })
}
