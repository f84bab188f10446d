import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { telemetryContract } from '@patchbay/core/suites/telemetry'
import { describe } from 'vitest'
import type { SealLimits } from './seal-queue.ts'
import { openSqliteTelemetry } from './telemetry.ts'

const openOwn = (seal: Partial<SealLimits>) => async () => {
  const path = await mkdtemp(join(tmpdir(), 'patchbay-telemetry-'))
  const open = () => openSqliteTelemetry({ file: join(path, 'telemetry.sqlite'), durability: 'full', seal })
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
      await rm(path, { recursive: true })
    },
  }
}

describe('hot rows', () => {
  telemetryContract(openOwn({}))
})

// Everything is sealed as soon as it is committed, in chunks of few records.
describe('chunks', () => {
  telemetryContract(openOwn({ records: 4, hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 }))
})
