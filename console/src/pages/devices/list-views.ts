import { ref, watch } from 'vue'

/** Columns of the list of devices beside the name; what is chosen is kept in this browser. */
export const deviceColumns = ['status', 'values', 'type', 'tags', 'seen', 'created'] as const
export type DeviceColumn = (typeof deviceColumns)[number]
const atFirst: readonly DeviceColumn[] = ['status', 'values', 'type', 'seen']

export interface SavedView {
  name: string
  /** The query of the address, as it was. */
  query: Record<string, string>
}
const mostViews = 20

const keep = <T>(key: string, start: T, isGood: (value: unknown) => value is T) => {
  const read = (): T => {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(key) ?? 'null')
      return isGood(stored) ? stored : start
    } catch {
      return start // somebody else's text under this key
    }
  }
  const value = ref(read())
  watch(value, (now) => localStorage.setItem(key, JSON.stringify(now)), { deep: true })
  return value
}

const isColumns = (value: unknown): value is DeviceColumn[] =>
  Array.isArray(value) && value.every((each) => deviceColumns.some((column) => column === each))
const isView = (value: unknown): value is SavedView =>
  typeof value === 'object' &&
  value !== null &&
  'name' in value &&
  typeof value.name === 'string' &&
  'query' in value &&
  typeof value.query === 'object' &&
  value.query !== null &&
  Object.values(value.query).every((each) => typeof each === 'string')
const isViews = (value: unknown): value is SavedView[] => Array.isArray(value) && value.every(isView)

export const useColumns = () => keep<DeviceColumn[]>('patchbay.devices.columns', [...atFirst], isColumns)

/** Filters and order under a name. */
export const useSavedViews = () => {
  const views = keep<SavedView[]>('patchbay.devices.views', [], isViews)
  return {
    views,
    save(name: string, query: Record<string, string>): void {
      const others = views.value.filter((view) => view.name !== name)
      views.value = [...others, { name, query }].slice(-mostViews)
    },
    drop(name: string): void {
      views.value = views.value.filter((view) => view.name !== name)
    },
  }
}
