import type { DeviceHappening } from '@patchbay/contracts/device'
import type { Clock } from '@patchbay/core/clock'
import type { DeviceEvent } from '@patchbay/core/devices/port'
import type { HubEvent } from '@patchbay/core/sessions/hub-event'
import { toIso } from '../rest/time.ts'

/** Happenings of all devices that are kept; the oldest go first. They are gone with the process. */
export const maxHappenings = 20_000
const longestClientId = 256

interface Entry extends Omit<DeviceHappening, 'at'> {
  device: string
  atMicros: number
}

export interface DeviceLog {
  hear(event: DeviceEvent | HubEvent): void
  /** Of one device, the newest first. */
  list(device: string, limit: number): DeviceHappening[]
}

const toEntry = (event: DeviceEvent | HubEvent, nowMicros: number): Entry | undefined => {
  if (event.kind === 'status') return { device: event.device, atMicros: event.at, kind: event.status, why: event.why }
  if (event.kind !== 'sessions' || event.principal.kind !== 'device') return undefined
  const { protocol, address, clientId } = event.session
  return {
    device: event.principal.id,
    atMicros: nowMicros,
    kind: event.what === 'opened' ? 'session-opened' : 'session-ended',
    protocol,
    address,
    ...(clientId === undefined ? {} : { clientId: clientId.slice(0, longestClientId).toWellFormed() }),
    ...(event.why === undefined ? {} : { why: event.why }),
  }
}

/** Remembers who came and went. A ring: what is heard costs one place in it, and reading looks through all of it. */
export const createDeviceLog = (clock: Pick<Clock, 'nowMicros'>): DeviceLog => {
  const ring: Entry[] = []
  let next = 0
  return {
    hear(event) {
      const entry = toEntry(event, clock.nowMicros())
      if (!entry) return
      ring[next] = entry
      next = (next + 1) % maxHappenings
    },
    list(device, limit) {
      const found: DeviceHappening[] = []
      for (let back = 1; back <= ring.length && found.length < limit; back++) {
        const entry = ring[(next - back + ring.length) % ring.length]
        if (entry?.device !== device) continue
        const { device: _device, atMicros, ...rest } = entry
        found.push({ at: toIso(atMicros), ...rest })
      }
      return found
    },
  }
}
