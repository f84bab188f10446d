import { DeviceId } from '@patchbay/contracts/id'
import type { Clock } from '@patchbay/core/clock'
import type { Devices } from '@patchbay/core/devices/directory'
import type { DeviceEvent } from '@patchbay/core/devices/port'
import { DomainError } from '@patchbay/core/errors'
import type { SessionHub } from '@patchbay/core/sessions/hub'
import type { HubEvent } from '@patchbay/core/sessions/hub-event'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { Value } from 'typebox/value'
import { DeviceItem, type TouchedPart } from './device-item.ts'
import { LiveError } from './errors.ts'
import type { Source } from './item.ts'
import { liveLimits } from './limits.ts'
import type { Pulse } from './pulse.ts'
import { createShelf, type ShelfBudget } from './shelf.ts'

export interface DeviceSourceOptions {
  devices: Pick<Devices, 'get'>
  telemetry: Pick<TelemetryStore, 'latest'>
  hub: Pick<SessionHub, 'watch'>
  clock: Clock
  pulse: Pulse
  budget: ShelfBudget
  /** A device that is followed could not be read again. */
  failed: (error: unknown) => void
}

export interface DeviceSource extends Source {
  follow(event: DeviceEvent | HubEvent): void
}

interface Followed {
  item: DeviceItem
  unwatch: () => void
  /** Reads under way, and whether something happened since they began. */
  reading: Promise<void> | undefined
  stale: boolean
}

/** Devices as viewers see them. Ingest hands over the values of those that are followed, and only those. */
export function createDeviceSource(options: DeviceSourceOptions): DeviceSource {
  const { devices, telemetry, hub, clock, pulse, budget, failed } = options
  const shelf = createShelf<Followed>({
    clock,
    budget,
    make(id) {
      const item = new DeviceItem(id, pulse.advance())
      const unwatch = hub.watch(id, (points) => item.add(points, pulse.touch()))
      return { item, unwatch, reading: undefined, stale: true }
    },
    drop: ({ unwatch }) => unwatch(),
  })

  async function readOnce(followed: Followed): Promise<void> {
    const { item } = followed
    followed.stale = false
    const device = await devices.get(item.id).catch((error: unknown) => {
      if (error instanceof DomainError && error.code === 'NOT_FOUND') return null
      throw error
    })
    // The first time, and when it came back: its values may be older than the watch.
    const latest = device && !item.device ? await telemetry.latest(item.id) : undefined
    if (followed.stale) return
    // The first read is told by snapshots; a later one is a change.
    const turn = item.device === undefined ? pulse.turn : pulse.touch()
    if (device || item.device !== null) item.setDevice(device, turn)
    if (latest) item.seed(latest, turn)
  }

  function read(followed: Followed): Promise<void> {
    followed.reading ??= (async () => {
      try {
        while (followed.stale) await readOnce(followed)
      } catch (error) {
        followed.stale = true
        throw error
      } finally {
        followed.reading = undefined
      }
    })()
    return followed.reading
  }

  function reread(id: string): void {
    const followed = shelf.get(id)
    if (!followed) return
    followed.stale = true
    read(followed).catch(failed)
  }

  function touch(id: string, part: TouchedPart): void {
    shelf.get(id)?.item.touch(part, clock.nowMicros(), pulse.touch())
  }

  return {
    async acquire(ids) {
      const wrong = ids.find((id) => !Value.Check(DeviceId, id))
      if (wrong !== undefined) throw new LiveError('LIVE_IDS_INVALID', `${JSON.stringify(wrong)} is no device id.`)
      const taken = shelf.take(ids)
      try {
        const due = taken.filter(({ stale, reading }) => stale || reading !== undefined)
        for (let from = 0; from < due.length; from += liveLimits.readsAtOnce) {
          await Promise.all(due.slice(from, from + liveLimits.readsAtOnce).map(read))
        }
      } catch (error) {
        for (const id of ids) shelf.put(id)
        throw error
      }
      return taken.map(({ item }) => item)
    },
    release(items) {
      for (const { id } of items) shelf.put(id)
    },
    follow(event) {
      if (shelf.size === 0) return
      if (event.kind === 'deleted') {
        const followed = shelf.get(event.device.id)
        if (!followed) return
        // What is being read now is of before.
        followed.stale = true
        if (followed.item.device !== null) followed.item.setDevice(null, pulse.touch())
        read(followed).catch(failed)
      } else if (event.kind === 'created' || event.kind === 'changed') {
        const item = shelf.get(event.device.id)?.item
        if (event.kind === 'created' && item?.device === null) item.forgetValues()
        reread(event.device.id)
      }
      if (event.kind === 'status') reread(event.device)
      else if (event.kind === 'shadow') touch(event.device, 'shadow')
      else if (event.kind === 'command') touch(event.command.device, 'commands')
      else if (event.kind === 'sessions' && event.principal.kind === 'device') touch(event.principal.id, 'sessions')
    },
    close: () => shelf.close(),
  }
}
