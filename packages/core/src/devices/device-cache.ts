import type { Subject } from '../access/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import type { RegistryStore } from '../registry/port.ts'
import {
  endOf,
  maxCredentialDocuments,
  toCredentialId,
  toCredentialPrefix,
  type CredentialBody,
} from './credential-record.ts'
import type { DeviceBody } from './device-record.ts'
import type { DeviceRecord } from './port.ts'

/** Devices held in memory with their credentials; the one not asked for longest goes first. */
export const maxCachedDevices = 10_000
/** Reads of one device that change under our hands before we give up. */
const maxReads = 10

export interface KnownCredential {
  id: string
  version: number
  body: CredentialBody
  digest: Buffer
  endsMicros: number
}

export interface KnownDevice {
  record: DeviceRecord
  /** One object while the device stays as it is: the authoriser keeps what it worked out for it. */
  subject: Extract<Subject, { kind: 'device' }>
  credentials: KnownCredential[]
}

export interface DeviceCache {
  cached(device: string): KnownDevice | undefined
  /** Reads it anew, whatever is cached. Never answers what was forgotten meanwhile. */
  load(device: string): Promise<KnownDevice | undefined>
  /** Whose secret has this hash (hex), as far as it is remembered. */
  knownOwner(hash: string): string | undefined
  /** The same, looked up. */
  ownerOf(hash: string): Promise<string | undefined>
  forget(device: string): void
  readonly size: number
}

export function createDeviceCache(registry: RegistryStore): DeviceCache {
  const devices = new Map<string, KnownDevice>()
  const owners = new Map<string, string>()
  const loading = new Map<string, { stale: boolean; result: Promise<KnownDevice | undefined> }>()

  const read = async (device: string): Promise<KnownDevice | undefined> => {
    const query = { prefix: toCredentialPrefix(device), limit: maxCredentialDocuments }
    const [stored, page] = await Promise.all([
      registry.get<DeviceBody>('devices', device),
      registry.list<CredentialBody>('credentials', query),
    ])
    // Made for unknown devices too: both cost the same.
    const credentials = page.items.map(({ id, version, body }) => ({
      id: toCredentialId(id),
      version,
      body,
      digest: Buffer.from(body.hash, 'hex'),
      endsMicros: endOf(body),
    }))
    if (!stored) return undefined
    const { id, type, tags } = stored.body
    return { record: stored.body, subject: { kind: 'device', id, type, tags }, credentials }
  }

  const readUntilStill = async (device: string): Promise<KnownDevice | undefined> => {
    for (let reads = 0; reads < maxReads; reads++) {
      const mine = loading.get(device)
      if (mine) mine.stale = false
      const known = await read(device)
      if (mine?.stale) continue
      devices.delete(device)
      if (known) keep(devices, device, known)
      return known
    }
    throw new StoreUnavailable(`the credentials of "${device}" keep changing`)
  }

  return {
    cached(device) {
      const known = devices.get(device)
      if (!known) return undefined
      devices.delete(device)
      devices.set(device, known)
      return known
    },
    load(device) {
      const running = loading.get(device)
      if (running) return running.result
      const { promise, resolve } = Promise.withResolvers<KnownDevice | undefined>()
      loading.set(device, { stale: false, result: promise })
      resolve(readUntilStill(device).finally(() => loading.delete(device)))
      return promise
    },
    knownOwner: (hash) => owners.get(hash),
    async ownerOf(hash) {
      const known = owners.get(hash)
      if (known !== undefined) return known
      const page = await registry.list<CredentialBody>('credentials', { where: { hash }, limit: 1 })
      const found = page.items[0]?.body
      if (found?.kind !== 'secret') return undefined
      // Who owned a secret owned it for ever: whether it still opens anything is looked up each time.
      keep(owners, hash, found.device)
      return found.device
    },
    forget(device) {
      devices.delete(device)
      const running = loading.get(device)
      if (running) running.stale = true
    },
    get size() {
      return devices.size
    },
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  for (const oldest of map.keys()) {
    if (map.size < maxCachedDevices) break
    map.delete(oldest)
  }
  map.set(key, value)
}
