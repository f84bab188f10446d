import type { RetentionSpec } from '@patchbay/contracts/device-type'
import type { Clock } from '@patchbay/core/clock'
import type { Devices } from '@patchbay/core/devices/directory'
import type { DeviceTypes } from '@patchbay/core/devices/types'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { RetentionTimes, TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Log } from '@patchbay/sdk'

const DAY_MICROS = 86_400_000_000
const EVERY_MS = 3_600_000
const FIRST_AFTER_MS = 60_000
const PAGE = 1_000
/** How long points wait for a follower of the committed log beyond their time. */
export const UNREAD_DAYS = 7

export interface Retention {
  /** Goes through all devices once; runs every hour by itself. */
  run(): Promise<{ dropped: number; unread: number }>
  close(): Promise<void>
}

export interface RetentionDeps {
  registry: Pick<RegistryStore, 'list'>
  telemetry: Pick<TelemetryStore, 'retain'>
  devices: Pick<Devices, 'typeOf'>
  types: Pick<DeviceTypes, 'find'>
  clock: Clock
  /** Of several nodes one does it. */
  hasWork: () => boolean
  log: Log
}

/** Drops the points that the devices' types no longer want. A type without a number of days keeps everything. */
export function createRetention({
  registry,
  telemetry,
  devices,
  types,
  clock,
  hasWork,
  log,
}: RetentionDeps): Retention {
  let closed = false
  let running: Promise<{ dropped: number; unread: number }> | undefined

  async function goThrough(): Promise<{ dropped: number; unread: number }> {
    const all = { dropped: 0, unread: 0 }
    let cursor: string | undefined
    do {
      const page = await registry.list('devices', { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
      for (const { id } of page.items) {
        if (closed || !hasWork()) return all
        const kept = types.find(devices.typeOf(id) ?? '')?.retention
        if (!kept) continue
        const now = clock.nowMicros()
        const result = await telemetry.retain({
          device: id,
          ...toTimes(now, kept),
          keys: (kept.keys ?? []).map(({ key, ...own }) => ({
            key,
            ...toTimes(now, { ...kept, ...own, tiers: { ...kept.tiers, ...own.tiers } }),
          })),
        })
        all.dropped += result.dropped
        all.unread += result.unread
      }
      cursor = page.nextCursor
    } while (cursor !== undefined)
    if (all.unread > 0) {
      log.warn('points went before every sink and rule had read them: one of them stands still', { points: all.unread })
    }
    return all
  }

  const run = () =>
    (running ??= goThrough().finally(() => {
      running = undefined
    }))

  function tick(): void {
    if (hasWork())
      run().catch((error: unknown) => log.error('old points could not be dropped; it is tried again', { error }))
    cancel = clock.after(EVERY_MS, tick)
  }
  let cancel = clock.after(FIRST_AFTER_MS, tick)

  return {
    run,
    async close() {
      closed = true
      cancel()
      await Promise.allSettled([running])
    },
  }
}

/** Without a number of days nothing is that old. */
function toTimes(now: number, { rawDays, tiers = {} }: Pick<RetentionSpec, 'rawDays' | 'tiers'>): RetentionTimes {
  const before = rawDays === undefined ? 0 : now - rawDays * DAY_MICROS
  return { before, unreadBefore: Math.max(0, before - UNREAD_DAYS * DAY_MICROS), tiers: toTiers(now, tiers) }
}

type TierDays = Record<'minuteDays' | 'hourDays' | 'dayDays', number>

/** The times before which roll-ups go; a tier without a number of days stays. */
function toTiers(
  now: number,
  { minuteDays, hourDays, dayDays }: Partial<TierDays>,
): { minute?: number; hour?: number; day?: number } {
  const before = (days: number) => now - days * DAY_MICROS
  return {
    ...(minuteDays === undefined ? {} : { minute: before(minuteDays) }),
    ...(hourDays === undefined ? {} : { hour: before(hourDays) }),
    ...(dayDays === undefined ? {} : { day: before(dayDays) }),
  }
}
