import type { DeviceType, DeviceTypeBody, NewDeviceType } from '@patchbay/contracts/device-type'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore, WriteResult } from '../registry/port.ts'
import type { HearDeviceEvent, TypeRecord } from './port.ts'
import { assertTypeInput, toTypeRecord } from './type-fields.ts'

/** The type of devices for which none was chosen; it can be changed, not deleted. */
export const defaultType = 'default'
/** All types are held in memory. */
export const maxDeviceTypes = 1000
const loadPage = 500

type TypeFields = Pick<TypeRecord, keyof TypeRecord>

export interface DeviceTypes {
  /** Reads all types, and makes the default one when it is missing. */
  load(): Promise<void>
  find(id: string): DeviceType | undefined
  /** Another node changed some. */
  follow(): Promise<void>
  /** The type of this id, else the default one: what a device is treated as. */
  effective(id: string): DeviceType
  get(id: string): DeviceType
  list(query: {
    search?: string
    limit: number
    cursor?: string
  }): Promise<{ items: DeviceType[]; nextCursor?: string }>
  create(input: NewDeviceType): Promise<DeviceType>
  /** Replaces all of it. */
  replace(id: string, input: DeviceTypeBody, expected?: number): Promise<DeviceType>
  remove(id: string, expected?: number): Promise<void>
}

/** Device types, held in memory: decoding and presence read them for each message. */
export function createDeviceTypes(deps: { registry: RegistryStore; clock: Clock; hear: HearDeviceEvent }): DeviceTypes {
  const { registry, clock, hear } = deps
  const types = new Map<string, DeviceType>()
  const builtIn: DeviceType = { ...toTypeRecord(defaultType, {}, new Date(0).toISOString()), version: 1 }

  const now = () => new Date(clock.nowMicros() / 1000).toISOString()
  const get = (id: string): DeviceType => {
    const type = types.get(id)
    if (!type) throw new DomainError('NOT_FOUND', `There is no device type "${id}".`)
    return type
  }
  const accept = (record: TypeRecord, version: number): DeviceType => {
    const type = { ...record, version }
    types.set(record.id, type)
    hear({ kind: 'type-changed', type: record })
    return type
  }

  async function load(): Promise<Set<string>> {
    const found = new Set<string>()
    let cursor: string | undefined
    do {
      const page = await registry.list<TypeFields>('device_types', { limit: loadPage, ...(cursor ? { cursor } : {}) })
      for (const { id, version, body } of page.items) {
        types.set(id, { ...body, id, version })
        found.add(id)
      }
      cursor = page.nextCursor
    } while (cursor)
    return found
  }

  return {
    async load() {
      await registry.put('device_types', defaultType, { ...toTypeRecord(defaultType, {}, now()) }, 'new')
      await load()
    },
    find: (id) => types.get(id),
    async follow() {
      const before = new Map([...types].map(([id, { version }]) => [id, version]))
      const found = await load()
      for (const id of before.keys()) if (!found.has(id)) types.delete(id)
      for (const { version, ...record } of types.values()) {
        if (before.get(record.id) !== version) hear({ kind: 'type-changed', type: record })
      }
    },
    effective: (id) => types.get(id) ?? types.get(defaultType) ?? builtIn,
    get,
    async list({ search, limit, cursor }) {
      const page = await registry.list<TypeFields>('device_types', {
        ...(search ? { search: { fields: ['id', 'title'], text: search } } : {}),
        sort: { by: 'id' },
        limit,
        ...(cursor ? { cursor } : {}),
      })
      const items = page.items.map(({ id, version, body }) => ({ ...body, id, version }))
      return { items, ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}) }
    },
    async create(input) {
      assertTypeInput(input, true)
      if (types.size >= maxDeviceTypes) {
        throw new DomainError('LIMIT_REACHED', `There are ${maxDeviceTypes} device types already.`)
      }
      const record = toTypeRecord(input.id, input, now())
      const put = await registry.put('device_types', input.id, { ...record }, 'new')
      if (!put.ok) throw new DomainError('ALREADY_EXISTS', `There is a device type "${input.id}" already.`)
      return accept(record, put.version)
    },
    async replace(id, input, expected) {
      assertTypeInput(input, false)
      const record = toTypeRecord(id, input, get(id).createdAt)
      const put = await registry.put('device_types', id, { ...record }, expected ?? get(id).version)
      assertDone(put, id)
      return accept(record, put.version)
    },
    async remove(id, expected) {
      get(id)
      if (id === defaultType) throw new DomainError('TYPE_IN_USE', 'The default type cannot be deleted.')
      const users = await registry.list('devices', { where: { type: id }, limit: 1 })
      const user = users.items[0]
      if (user) throw new DomainError('TYPE_IN_USE', `The device "${user.id}" is of the type "${id}".`)
      assertDone(await registry.delete('device_types', id, expected ?? 'any'), id)
      types.delete(id)
    },
  }
}

function assertDone(result: WriteResult, id: string): void {
  if (result.ok) return
  if (result.version === 0) throw new DomainError('NOT_FOUND', `There is no device type "${id}".`)
  throw new DomainError('VERSION_CONFLICT', `The device type "${id}" is at version ${result.version}.`)
}
