import type { DeviceRecord } from '../devices/port.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { ScopedDevice } from './scope-index.ts'

const pageSize = 500

/** All devices, as far as scopes ask; empty until there are rules. */
export interface KnownDevices {
  readonly all: ReadonlyMap<string, ScopedDevice>
  /** Reads them; what events tell meanwhile is known better. */
  read(): Promise<void>
  set(device: ScopedDevice): void
  delete(id: string): void
}

export function createKnownDevices(registry: Pick<RegistryStore, 'list'>): KnownDevices {
  const all = new Map<string, ScopedDevice>()
  let told: Set<string> | undefined
  return {
    all,
    async read() {
      const mine = (told = new Set<string>())
      let cursor: string | undefined
      do {
        const page = await registry.list<Pick<DeviceRecord, 'type' | 'tags'>>('devices', {
          limit: pageSize,
          ...(cursor ? { cursor } : {}),
        })
        for (const { id, body } of page.items) if (!mine.has(id)) all.set(id, { id, type: body.type, tags: body.tags })
        cursor = page.nextCursor
      } while (cursor)
      told = undefined
    },
    set(device) {
      told?.add(device.id)
      all.set(device.id, device)
    },
    delete(id) {
      told?.add(id)
      all.delete(id)
    },
  }
}
