import { registryIndexes } from '../sqlite/registry-schema.ts'
import type { CollectionIndexes } from './schema.ts'

/** The same fields as in the embedded registry, each with the id that settles ties. */
export const mongoRegistryIndexes: readonly CollectionIndexes[] = [
  ...Map.groupBy(registryIndexes, ([collection]) => collection),
].map(([collection, fields]) => ({
  collection,
  indexes: fields.map(([, field]) => ({ name: field, key: { [`body.${field}`]: 1, _id: 1 } })),
}))
