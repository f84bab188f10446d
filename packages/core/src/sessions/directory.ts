import { KeySpec } from '@patchbay/contracts/device-type'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { DeviceRecord, TypeRecord } from '../devices/port.ts'
import type { RegistryStore } from '../registry/port.ts'

export interface Registered {
  device: DeviceRecord
  type: TypeRecord | undefined
}

/** Where a device is looked up that does not publish for itself. */
export interface Directory {
  find(device: string): Promise<Registered | undefined>
  type(id: string): Promise<TypeRecord | undefined>
}

const DeviceBody = Type.Object({
  name: Type.String(),
  type: Type.String(),
  tags: Type.Array(Type.String()),
  createdAt: Type.String(),
})
const TypeBody = Type.Object({
  keys: Type.Array(KeySpec),
  strict: Type.Boolean(),
  codec: Type.String(),
  heartbeatSeconds: Type.Integer(),
  createdAt: Type.String(),
})

export function createDirectory(registry: RegistryStore): Directory {
  async function type(id: string): Promise<TypeRecord | undefined> {
    const found = await registry.get('device_types', id)
    if (!found || !Value.Check(TypeBody, found.body)) return undefined
    const { keys, strict, codec, heartbeatSeconds, createdAt } = found.body
    return { id, keys, strict, codec, heartbeatSeconds, createdAt }
  }

  async function read(id: string): Promise<Registered | undefined> {
    const found = await registry.get('devices', id)
    if (!found || !Value.Check(DeviceBody, found.body)) return undefined
    const { name, type: typeId, tags, createdAt } = found.body
    return { device: { id, name, type: typeId, tags, createdAt }, type: await type(typeId) }
  }

  /** Lookups that have not begun yet: whoever asks for the same device meanwhile gets the same answer, which is not older than his question. */
  const asked = new Map<string, Promise<Registered | undefined>>()
  const begin = async (id: string): Promise<Registered | undefined> => {
    await Promise.resolve()
    asked.delete(id)
    return read(id)
  }

  return {
    type,
    find(id) {
      const same = asked.get(id)
      if (same) return same
      const answer = begin(id)
      asked.set(id, answer)
      return answer
    },
  }
}
