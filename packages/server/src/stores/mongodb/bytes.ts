import type { Db } from 'mongodb'

/** What the collections and their indexes take on the server's disk; one that is not there takes nothing. */
export async function bytesOf(db: Db, collections: readonly string[]): Promise<number> {
  const there = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name))
  const sizes = await Promise.all(
    collections.map(async (collection) => {
      if (!there.has(collection)) return 0
      const [stats] = await db
        .collection(collection)
        .aggregate([{ $collStats: { storageStats: {} } }])
        .toArray()
      const storage: unknown = stats?.['storageStats']
      if (typeof storage !== 'object' || storage === null) return 0
      return numberOf(storage, 'storageSize') + numberOf(storage, 'totalIndexSize')
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function numberOf(stats: object, name: string): number {
  const value: unknown = Reflect.get(stats, name)
  return typeof value === 'number' ? value : 0
}
