import type { Device } from '@patchbay/contracts/device'
import { api, ApiProblem, part, type Query } from '../../api/client.ts'

export type BulkAction =
  | { kind: 'add-tag' | 'remove-tag'; tag: string }
  | { kind: 'set-type'; type: string }
  | { kind: 'command'; name: string; params?: unknown }
  | { kind: 'delete' }
export interface BulkFailure {
  id: string
  why: string
}

/** Requests under way at once: quick for a few, and no flood for ten thousand. */
const atOnce = 6
const pageSize = 200

/** Every device that matches, also those that are not on the screen. `stopped` ends it between two pages. */
export const findAll = async (
  query: Query,
  found: (n: number) => void,
  stopped: () => boolean = () => false,
): Promise<Device[]> => {
  const all: Device[] = []
  let cursor: string | undefined
  do {
    const page: { items: Device[]; nextCursor?: string } = await api.get('/devices', {
      ...query,
      limit: pageSize,
      ...(cursor === undefined ? {} : { cursor }),
    })
    all.push(...page.items)
    found(all.length)
    cursor = page.nextCursor
  } while (cursor !== undefined && !stopped())
  return all
}

const tagsAfter = (device: Device, { kind, tag }: { kind: 'add-tag' | 'remove-tag'; tag: string }): string[] =>
  kind === 'add-tag' ? [...new Set([...device.tags, tag])] : device.tags.filter((each) => each !== tag)

/** What the action asks of one device; undefined when there is nothing to change. */
export const toRequest = (device: Device, action: BulkAction): (() => Promise<unknown>) | undefined => {
  const base = `/devices/${part(device.id)}`
  if (action.kind === 'set-type')
    return device.type === action.type ? undefined : () => api.patch(base, { type: action.type }, device.version)
  if (action.kind === 'command') {
    const { name, params } = action
    return () => api.post(`${base}/commands`, { name, ...(params === undefined ? {} : { params }) })
  }
  if (action.kind === 'delete') return () => api.delete(base, { data: 'delete' })
  const tags = tagsAfter(device, action)
  return tags.length === device.tags.length ? undefined : () => api.patch(base, { tags }, device.version)
}

/** Does it to each, a few at a time; one that fails stops nobody else. `stopped` ends it between two devices. */
export const runBulk = async (
  devices: readonly Device[],
  toWork: (device: Device) => (() => Promise<unknown>) | undefined,
  progress: (done: number) => void,
  stopped: () => boolean,
): Promise<BulkFailure[]> => {
  const failures: BulkFailure[] = []
  let next = 0
  let done = 0
  const worker = async (): Promise<void> => {
    while (next < devices.length && !stopped()) {
      const device = devices[next++]
      if (!device) return
      try {
        await toWork(device)?.()
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error
        failures.push({ id: device.id, why: error.message })
      }
      progress(++done)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, devices.length) }, worker))
  return failures
}
