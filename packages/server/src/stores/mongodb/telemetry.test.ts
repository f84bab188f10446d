import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { telemetryContract } from '@patchbay/core/suites/telemetry'
import { afterAll, beforeAll, describe } from 'vitest'
import { noMongo, openDatabase, type TestDatabase } from '../../../test/harness/mongo-server.ts'
import type { SealLimits } from '../sqlite/seal-queue.ts'
import { telemetryCollectionNames } from './telemetry-documents.ts'
import { openMongoTelemetry, type SharedDatabase } from './telemetry.ts'

describe.skipIf(noMongo !== undefined)(`telemetry in MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  const openOwn = (seal: Partial<SealLimits>, sharing?: SharedDatabase) => async () => {
    await database.empty(telemetryCollectionNames)
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-writer-'))
    const open = () =>
      openMongoTelemetry({ db: database.db, folder, seal, ...(sharing ? { share: async () => sharing } : {}) })
    let store = await open()
    return {
      store,
      async reopen() {
        await store.close()
        store = await open()
        return store
      },
      async close() {
        await store.close()
        await rm(folder, { recursive: true })
      },
    }
  }

  describe('hot documents', () => {
    telemetryContract(openOwn({}))
  })

  // Everything is sealed as soon as it is committed, in chunks of few records, and other nodes might do so, too.
  describe('chunks, shared', () => {
    const sharing = {
      isSure: () => true,
      nowMs: () => Date.now(),
      isLive: () => false,
      mayRollUp: () => true,
      isLast: () => true,
    }
    telemetryContract(openOwn({ records: 4, hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 }, sharing))
  })
})
