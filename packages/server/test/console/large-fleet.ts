import { join } from 'node:path'
import { openSqliteRegistry } from '../../src/stores/sqlite/registry.ts'

const atOnce = 2000
const firstMs = Date.UTC(2026, 0, 1)

/** `sensor-000000` and so on; names and ages are in another order than ids. */
export const idOf = (n: number): string => `sensor-${String(n).padStart(6, '0')}`

/** Writes that many devices into the registry of a platform that does not run yet. */
export const writeLargeFleet = async (data: string, count: number): Promise<void> => {
  const registry = await openSqliteRegistry({ file: join(data, 'registry.sqlite'), durability: 'relaxed' })
  for (let from = 0; from < count; from += atOnce) {
    const documents = Array.from({ length: Math.min(atOnce, count - from) }, (_each, at) => {
      const n = from + at
      const order = (n * 7919 + 17) % count
      const body = {
        id: idOf(n),
        name: `Boiler house ${String(order).padStart(6, '0')}`,
        type: 'default',
        tags: [n % 2 ? 'north' : 'south'],
        createdAt: new Date(firstMs + order * 1000).toISOString(),
      }
      return { id: body.id, body }
    })
    await registry.append('devices', documents)
  }
  await registry.close()
}
