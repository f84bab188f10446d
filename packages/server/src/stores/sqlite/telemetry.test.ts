import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { telemetryContract } from '@patchbay/core/suites/telemetry'
import { openSqliteTelemetry } from './telemetry.ts'

telemetryContract(async () => {
  const path = await mkdtemp(join(tmpdir(), 'patchbay-telemetry-'))
  const open = () => openSqliteTelemetry({ file: join(path, 'telemetry.sqlite'), durability: 'full' })
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
})
