import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openOutage, type SinkTarget, toPoints } from '@patchbay/testkit'
import { MongoClient } from 'mongodb'
import type { Reading } from '../src/documents.ts'

/** A MongoDB, or what speaks its protocol, that was started for the tests. */
export const mongoUrl = process.env['MONGODB_URL']

export interface MongoTarget extends SinkTarget {
  readonly client: MongoClient
  readonly database: string
}

/** A database of the test's own. */
export async function openMongoTarget(more: Record<string, unknown> = {}): Promise<MongoTarget> {
  const server = mongoUrl ?? ''
  const database = `patchbay-sink-${randomBytes(6).toString('hex')}`
  const outage = await openOutage('mongo', server)
  const client = new MongoClient(server, { serverSelectionTimeoutMS: 2000 })
  const readings = () => client.db(database).collection<Reading>('readings')
  return {
    client,
    database,
    config: () => ({ url: `${outage.url.replace(/\/$/, '')}/${database}`, ...more }),
    rows: async () =>
      toPoints(
        (await readings().find().toArray()).map(({ device, at, micros = 0, values }) => ({
          device,
          at: at.getTime() * 1000 + micros,
          values,
        })),
      ),
    async wipe() {
      await client.db(database).dropDatabase()
    },
    stop: outage.stop,
    async start() {
      await outage.start()
      for (let tries = 0; tries < 100; tries++) {
        const ready = await client
          .db('admin')
          .command({ ping: 1 })
          .then(
            () => true,
            () => false,
          )
        if (ready) return
        await wait(100)
      }
    },
    async close() {
      await client.db(database).dropDatabase()
      await client.close()
      await outage.close()
    },
  }
}
