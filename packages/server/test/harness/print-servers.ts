// Says which servers MONGODB_URL and REDIS_URL lead to, for whoever reads the outcome of the tests on them.
import { Redis } from 'ioredis'
import { connectMongo } from '../../src/stores/mongodb/connection.ts'

const { MONGODB_URL: mongodb, REDIS_URL: redis } = process.env
if (mongodb) {
  const link = await connectMongo({ url: mongodb })
  const { version, ferretdb } = await link.db.admin().command({ buildInfo: 1 })
  const { setName } = await link.db.command({ hello: 1 })
  const what = ferretdb ? `FerretDB ${ferretdb.version}, which answers as MongoDB ${version}` : `MongoDB ${version}`
  process.stdout.write(`MONGODB_URL: ${what}${setName ? `, replica set ${setName}` : ', no replica set'}\n`)
  await link.close()
}
if (redis) {
  const client = new Redis(redis, { maxRetriesPerRequest: 1 })
  const info = await client.info('server')
  process.stdout.write(`REDIS_URL: Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? 'of an unknown version'}\n`)
  client.disconnect()
}
