import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { telemetryCollections } from '../../src/stores/mongodb/telemetry-documents.ts'
import { noMongo, openDatabase, type TestDatabase } from '../harness/mongo-server.ts'
import { startMqttLoad } from '../harness/mqtt-load.ts'
import { isLong } from '../harness/random.ts'
import { runKillRounds } from './kill-rounds.ts'

const rounds = isLong ? 10 : 1

// What this cannot show: an acknowledgement given while its write is on the way. MongoDB is not killed here and finishes that write; tried on
// purpose, 10 kills missed none. An acknowledgement of what only waits in the platform is found, though not by each single kill.

describe.skipIf(noMongo !== undefined)(`telemetry in MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  test(
    `nothing acknowledged at QoS 1 is lost by ${rounds} × kill -9 of the platform`,
    { timeout: 60_000 + rounds * 15_000 },
    async () => {
      const baseMs = Date.now() - 86_400_000
      const figures = await runKillRounds({
        name: 'mongodb kill',
        rounds,
        devices: 8,
        env: { MONGODB_URL: database.url },
        start: (port, device, from) => startMqttLoad(port, device, { inFlight: 50, baseMs, from }),
      })
      expect(figures.acknowledged).toBeGreaterThan(rounds * 50)
      expect(figures.missing).toBe(0)
      expect(figures.doubled).toBe(0)
      // They were read from there, and not from a file in the data folder.
      const { hot, chunks } = telemetryCollections(database.db)
      expect((await hot.countDocuments()) + (await chunks.countDocuments())).toBeGreaterThan(8)
    },
  )
})
