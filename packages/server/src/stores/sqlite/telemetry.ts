import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Durability } from './database-file.ts'
import { hotFileOf } from './hot-file.ts'
import { HotKeeper } from './hot-keeper.ts'
import { OnDemandLink } from './on-demand-link.ts'
import { makePrivateFile } from './private-file.ts'
import { defaultSealLimits, type SealLimits } from './seal-queue.ts'
import { SqliteTelemetry } from './sqlite-telemetry.ts'
import type { LogCalls, LogOpened, StoreCalls, TelemetryWorkerData } from './telemetry-calls.ts'
import { WorkerLink } from './worker-link.ts'

export interface SqliteTelemetryOptions {
  file: string
  durability: Durability
  /** For tests and measurements. */
  seal?: Partial<SealLimits>
  /** One of the store's threads died; nothing works any more. */
  onFatal?: (error: Error) => void
}

const LOG_HEAP_MB = 64
const STORE_HEAP_MB = 256

/** Opens (or makes) the telemetry: a thread that commits to the hot log, and one that seals into the database and reads. */
export async function openSqliteTelemetry(options: SqliteTelemetryOptions): Promise<TelemetryStore> {
  const { file } = options
  await makePrivateFile(file, hotFileOf(file))
  const seal = { ...defaultSealLimits, ...options.seal }
  const data: TelemetryWorkerData = { file, durability: options.durability, seal }
  let open = false
  const onFatal = (error: Error) => {
    // Both threads go when one has: a store that takes points but shows none would look healthy.
    if (!open) return
    open = false
    void log.terminate()
    void store.terminate()
    options.onFatal?.(error)
  }
  const link = { file, data, onFatal }
  const log = new WorkerLink<LogCalls>({
    ...link,
    entry: new URL('./telemetry-log-worker.ts', import.meta.url),
    heapMb: LOG_HEAP_MB,
  })
  const store = new OnDemandLink<StoreCalls>(
    () =>
      new WorkerLink<StoreCalls>({
        ...link,
        entry: new URL('./telemetry-store-worker.ts', import.meta.url),
        heapMb: STORE_HEAP_MB,
      }),
    onFatal,
  )
  const opened = await log.opened<LogOpened>()
  open = true
  return new SqliteTelemetry(file, log, store, opened, new HotKeeper(log, store, seal, opened.hotPoints))
}
