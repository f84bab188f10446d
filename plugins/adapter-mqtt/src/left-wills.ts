import type { Aedes } from 'aedes'
import { isRefused } from '@patchbay/sdk'
import type { Adapter } from './adapter.ts'
import type { StoredWill } from './persistence/stored-wills.ts'
import { publishWill } from './publish-gate.ts'

/**
 * Wills that the last run of the broker left behind, by a crash or by a stop: each is published unless its client comes back in time,
 * which deletes it. [MQTT-3.1.2-8] [MQTT 5, 3.1.3.2.2] Returns what stops the waiting.
 */
export function publishLeftWills(adapter: Adapter, aedes: Aedes): () => void {
  const report = (error: unknown) => adapter.log.warn('a will stays stored', { error: String(error) })
  const timers = adapter.store.wills
    .all()
    .map((will) =>
      setTimeout(
        () => void publish(adapter, aedes, will).catch(report),
        Math.min(Math.max(adapter.limits.willGraceMs, delayMsOf(will)), maxTimerMs),
      ).unref(),
    )
  return () => timers.forEach((timer) => clearTimeout(timer))
}

const maxTimerMs = 2 ** 31 - 1

async function publish(adapter: Adapter, aedes: Aedes, will: StoredWill): Promise<void> {
  const client = will.clientId ?? ''
  if (adapter.store.wills.get(client) !== will) return
  // under the new broker's name: the old one's counters are gone
  const { brokerId: _dead, ...message } = will
  try {
    await publishWill(adapter, message)
    const passed = Promise.withResolvers<void>()
    aedes.publish({ ...message, cmd: 'publish', dup: false }, (error) =>
      error ? passed.reject(error) : passed.resolve(),
    )
    await passed.promise
  } catch (error) {
    // a refusal is recorded by the platform; any other failure is worth another start
    if (!isRefused(error)) return adapter.log.warn('a will stays stored', { client, error: String(error) })
  }
  await adapter.store.wills.delete(client, will)
}

function delayMsOf(will: StoredWill): number {
  const properties = will.properties
  const seconds: unknown =
    properties !== undefined && 'willDelayInterval' in properties ? properties.willDelayInterval : undefined
  return typeof seconds === 'number' ? seconds * 1000 : 0
}
