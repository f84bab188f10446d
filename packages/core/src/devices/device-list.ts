import type { Device, DeviceStatus } from '@patchbay/contracts/device'
import { DomainError } from '../errors.ts'
import type { ListQuery, RegistryStore } from '../registry/port.ts'
import { toDevice, type DeviceBody, type StatusOf } from './device-record.ts'

/** Devices one page looks at when it filters by status, which lies in memory; the page is short then and goes on from there. */
export const maxScannedDevices = 5000
const scanPage = 500

export interface DeviceQuery {
  search?: string
  status?: DeviceStatus
  type?: string
  tag?: string
  /** The provisioning key that let it in. */
  provisionedBy?: string
  /** `name`, `id` or `createdAt`; with `-` before it descending. */
  sort?: string
  limit: number
  cursor?: string
}

export type DevicePage = { items: Device[]; nextCursor?: string }

export function createDeviceList(deps: { registry: RegistryStore; statusOf: StatusOf }) {
  const { registry, statusOf } = deps

  const readPage = async (query: ListQuery): Promise<DevicePage> => {
    const page = await registry.list<DeviceBody>('devices', query)
    const items = page.items.map(({ version, body }) => toDevice(body, version, statusOf(body.id)))
    return { items, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) }
  }

  const scan = async (query: ListQuery, status: DeviceStatus): Promise<DevicePage> => {
    const items: Device[] = []
    let cursor = query.cursor
    for (let scanned = 0; scanned < maxScannedDevices; scanned += scanPage) {
      const at = { ...query, limit: scanPage, ...(cursor === undefined ? {} : { cursor }) }
      const page = await readPage(at)
      for (const [index, device] of page.items.entries()) {
        if (device.status === status) items.push(device)
        if (items.length < query.limit) continue
        if (index === page.items.length - 1) return { items, ...nextOf(page.nextCursor) }
        // The cursor behind this very device comes from a page that ends with it.
        const exact = await registry.list<DeviceBody>('devices', { ...at, limit: index + 1 })
        return { items, ...nextOf(exact.nextCursor) }
      }
      cursor = page.nextCursor
      if (cursor === undefined) return { items }
    }
    return { items, ...nextOf(cursor) }
  }

  return async ({
    search,
    status,
    type,
    tag,
    provisionedBy,
    sort,
    limit,
    cursor,
  }: DeviceQuery): Promise<DevicePage> => {
    const query: ListQuery = {
      where: {
        ...(type === undefined ? {} : { type }),
        ...(provisionedBy === undefined ? {} : { provisionedBy }),
      },
      ...(tag === undefined ? {} : { contains: { tags: tag } }),
      ...(search ? { search: { fields: ['id', 'name'], text: search } } : {}),
      sort: toSort(sort ?? 'id'),
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    }
    return status === undefined ? readPage(query) : scan(query, status)
  }
}

const nextOf = (nextCursor: string | undefined) => (nextCursor === undefined ? {} : { nextCursor })

function toSort(sort: string): { by: string; descending: boolean } {
  const descending = sort.startsWith('-')
  const by = descending ? sort.slice(1) : sort
  if (by === 'id' || by === 'name' || by === 'createdAt') return { by, descending }
  const wrong = { path: '/sort', code: 'enum', message: 'is not id, name or createdAt, with or without - before it' }
  throw new DomainError('FIELD_INVALID', 'Devices cannot be sorted so.', { fields: [wrong] })
}
