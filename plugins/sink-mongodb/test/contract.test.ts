import type { Sink } from '@patchbay/sdk'
import { sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { type MongoTarget, mongoUrl, openMongoTarget } from './mongodb-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = mongoUrl === undefined ? ', skipped, no MONGODB_URL' : ''

describe.skipIf(mongoUrl === undefined)(`MongoDB${skipped}`, () => {
  sinkContract({
    plugin,
    manifest,
    sink: 'mongodb',
    target: () => openMongoTarget(),
    badConfigs: [
      { url: 'http://db' },
      { url: 'mongodb://ada:secret@db/iot' },
      { url: 'mongodb://db,169.254.169.254:27017/iot' },
      { collection: 'a$b' },
      { collection: '{key}' },
    ],
    wrong: [{ config: { url: 'mongodb://127.0.0.1:1/iot' }, says: /ECONNREFUSED/ }],
    idempotent: true,
    front: {
      url: () => mongoUrl ?? '',
      tls: 'at once',
      config: ({ host, port, ca }, { database }) => ({
        url: `mongodb://${host}:${port}/${database}?directConnection=true${ca ? '&tls=true' : ''}`,
        ...(ca ? { ca } : {}),
      }),
    },
    bad: (good) => ({ ...good, values: { ...good.values, 'a\0b': 1 } }),
  })

  describe('a collection', () => {
    let target: MongoTarget
    beforeAll(async () => {
      target = await openMongoTarget()
    })
    afterAll(() => target.close())

    const write = async (config: Record<string, unknown>, records = toRecords({ count: 3 })) => {
      const host = await startPlugin(plugin, { manifest, config: { ...target.config(), ...config } })
      const sink: Sink | undefined = host.sinks.get('mongodb')
      const answer = await sink?.write(records, { attempt: 1, signal: new AbortController().signal })
      await host.stop()
      return answer
    }

    test('keeps what two records of one device and time bring, the later value of a key last', async () => {
      const [record] = toRecords({ count: 1, values: () => ({ 'a.b': 1, $c: 1 }) })
      if (!record) throw new Error('no record')
      await write({}, [record])
      expect(await write({}, [{ ...record, values: { 'a.b': 2, other: 3 } }])).toEqual({ outcome: 'delivered' })
      expect((await target.rows()).map(({ key, value }) => [key, value])).toEqual([
        ['n', 0],
        ['a.b', 2],
        ['$c', 1],
        ['other', 3],
      ])
    })

    test('deletes what is older than it is to keep, also when that changes', async () => {
      for (const [keep, seconds] of [
        ['1h', 3600],
        ['365d', 31_536_000],
      ] as const) {
        expect(await write({ collection: 'kept', keep })).toEqual({ outcome: 'delivered' })
        const indexes = await target.client.db(target.database).collection('kept').indexes()
        expect(indexes.find(({ name }) => name === 'keep')).toMatchObject({ expireAfterSeconds: seconds })
      }
    })

    test('is what the server truly made of it: where it has no time series, documents are known again', async () => {
      const records = toRecords({ count: 3 })
      for (let i = 0; i < 2; i++)
        expect(await write({ collection: 'series', timeSeries: true }, records)).toEqual({ outcome: 'delivered' })
      const db = target.client.db(target.database)
      const [info] = await db.listCollections({ name: 'series' }).toArray()
      expect(await db.collection('series').countDocuments()).toBe(info?.type === 'timeseries' ? 6 : 3)
    })
  })
})
