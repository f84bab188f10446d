import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'
import { connectMongo } from '../../src/stores/mongodb/connection.ts'

/** A MongoDB, or what speaks its protocol, that was started for the tests. */
export const mongoUrl: string | undefined = process.env['MONGODB_URL']
/** Why suites on MongoDB are left out; undefined = they run. */
export const noMongo: string | undefined = mongoUrl ? undefined : 'skipped, no MONGODB_URL'

export interface TestDatabase {
  readonly db: Db
  /** The address with the database in it, for a platform. */
  readonly url: string
  /** Takes all documents out and leaves the indexes. */
  empty(collections: readonly string[]): Promise<void>
  drop(): Promise<void>
}

/** The address of a database of that name on the same server. */
const withDatabase = (url: string, name: string): string => {
  const [, head = '', query = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(url) ?? []
  return `${head}/${name}${query}`
}

/** A database of the test's own, gone after `drop`. */
export const openDatabase = async (given = mongoUrl): Promise<TestDatabase> => {
  if (given === undefined) throw new Error('no MONGODB_URL')
  const url = withDatabase(given, `patchbay-test-${randomBytes(6).toString('hex')}`)
  const link = await connectMongo({ url })
  const { db } = link
  return {
    db,
    url,
    async empty(collections) {
      const there = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name))
      await Promise.all(collections.filter((name) => there.has(name)).map((name) => db.collection(name).deleteMany({})))
    },
    async drop() {
      await db.dropDatabase()
      await link.close()
    },
  }
}
