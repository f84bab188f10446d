import { Maintenance, type MaintenanceBody } from '@patchbay/contracts/maintenance'
import { Value } from 'typebox/value'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { RegistryStore, WriteResult } from '../registry/port.ts'
import { alertLimits } from './limits.ts'
import { toIso } from './moment.ts'
import type { DeviceFacts } from './rule-book.ts'

/** Maintenance windows, held in memory. */
export interface MaintenanceWindows {
  load(): Promise<void>
  list(page: { limit: number; cursor?: string }): Promise<{ items: Maintenance[]; nextCursor?: string }>
  get(id: string): Maintenance
  create(body: MaintenanceBody, by: string): Promise<Maintenance>
  replace(id: string, body: MaintenanceBody, expected?: number): Promise<Maintenance>
  remove(id: string, expected?: number): Promise<void>
  /** The name of a window that holds for the device at this time. */
  holdsFor(device: string, facts: DeviceFacts | undefined, wallMicros: number): string | undefined
}

interface Window {
  maintenance: Maintenance
  fromMicros: number
  toMicros: number
}

const pageSize = 1000
const isEmptyOr = (list: readonly string[], fits: (item: string) => boolean): boolean =>
  list.length === 0 || list.some(fits)

export function createMaintenance(deps: {
  registry: RegistryStore
  clock: Clock
  randomId: () => string
}): MaintenanceWindows {
  const { registry, clock } = deps
  const windows = new Map<string, Window>()

  const accept = (maintenance: Maintenance): Maintenance => {
    const { from, to } = maintenance
    windows.set(maintenance.id, { maintenance, fromMicros: Date.parse(from) * 1000, toMicros: Date.parse(to) * 1000 })
    return maintenance
  }
  const get = (id: string): Maintenance => {
    const window = windows.get(id)
    if (!window) throw new DomainError('NOT_FOUND', `There is no maintenance window "${id}".`)
    return window.maintenance
  }
  const toFields = ({ devices = [], types = [], tags = [], from, to, ...body }: MaintenanceBody) => {
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)]
    if (!(toMs > fromMs)) {
      const message = 'must be later than from'
      throw new DomainError('FIELD_INVALID', `The end ${message}.`, {
        fields: [{ path: '/to', code: 'range', message }],
      })
    }
    return { ...body, from: toIso(fromMs * 1000), to: toIso(toMs * 1000), devices, types, tags }
  }
  const assertDone = (id: string, result: WriteResult): void => {
    if (result.ok) return
    if (result.version === 0) throw new DomainError('NOT_FOUND', `There is no maintenance window "${id}".`)
    throw new DomainError('VERSION_CONFLICT', `The maintenance window is at version ${result.version}. Read it again.`)
  }

  return {
    async load() {
      const found = new Set<string>()
      let cursor: string | undefined
      do {
        const page = await registry.list('maintenance', {
          limit: pageSize,
          ...(cursor === undefined ? {} : { cursor }),
        })
        for (const { id, version, body } of page.items) {
          const maintenance: unknown = { ...body, id, version }
          if (Value.Check(Maintenance, maintenance)) found.add(accept(maintenance).id)
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
      for (const id of windows.keys()) if (!found.has(id)) windows.delete(id)
    },
    async list(page) {
      const found = await registry.list('maintenance', { sort: { by: 'from', descending: true }, ...page })
      const items = found.items.flatMap(({ id }) => windows.get(id)?.maintenance ?? [])
      return found.nextCursor === undefined ? { items } : { items, nextCursor: found.nextCursor }
    },
    get,
    async create(body, createdBy) {
      if (windows.size >= alertLimits.maintenanceWindows) {
        throw new DomainError(
          'LIMIT_REACHED',
          `There are ${windows.size} maintenance windows already. Delete old ones.`,
        )
      }
      const id = `${clock.nowMicros().toString(36)}${deps.randomId().replaceAll(/[^A-Za-z0-9]/g, '')}`
      const fields = { ...toFields(body), createdBy }
      const put = await registry.put('maintenance', id, fields, 'new')
      assertDone(id, put)
      return accept({ ...fields, id, version: put.version })
    },
    async replace(id, body, expected) {
      const { createdBy, version } = get(id)
      const fields = { ...toFields(body), ...(createdBy === undefined ? {} : { createdBy }) }
      const put = await registry.put('maintenance', id, fields, expected ?? version)
      assertDone(id, put)
      return accept({ ...fields, id, version: put.version })
    },
    async remove(id, expected) {
      get(id)
      assertDone(id, await registry.delete('maintenance', id, expected ?? 'any'))
      windows.delete(id)
    },
    holdsFor(device, facts, wallMicros) {
      for (const { maintenance, fromMicros, toMicros } of windows.values()) {
        if (wallMicros < fromMicros || wallMicros >= toMicros) continue
        const { devices, types, tags } = maintenance
        const holds =
          isEmptyOr(devices, (one) => one === device) &&
          isEmptyOr(types, (one) => one === facts?.type) &&
          isEmptyOr(tags, (one) => facts?.tags.includes(one) ?? false)
        if (holds) return maintenance.name
      }
      return undefined
    },
  }
}
