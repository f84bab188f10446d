import type { KeyValue } from '@patchbay/sdk'

const place = 'databases'
const maxDatabases = 100
const maxNameChars = 128

/** Names of databases: Patchbay has one, and remembers by which names it was asked for. */
export interface Databases {
  list(): Promise<string[]>
  add(name: string): Promise<void>
}

export function createDatabases(store: KeyValue, own: string): Databases {
  const read = async (): Promise<string[]> => {
    const kept = await store.get(place)
    return Array.isArray(kept) ? kept.filter((name) => typeof name === 'string') : []
  }
  return {
    async list() {
      return [...new Set([own, ...(await read())])]
    },
    async add(name) {
      const names = await read()
      if (name === own || names.includes(name) || names.length >= maxDatabases || name.length > maxNameChars) return
      await store.set(place, [...names, name])
    },
  }
}
