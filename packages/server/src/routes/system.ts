import { statfs } from 'node:fs/promises'
import { Node } from '@patchbay/contracts/node'
import { Listener, Storage } from '@patchbay/contracts/system'
import { Type } from 'typebox'
import { toForecast } from './storage-forecast.ts'
import { readCopied } from '../copy/progress.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

/** How the platform itself does. */
export const systemRoutes: Routes = (
  app,
  { listeners, nodes, registry, telemetry, settings, storeState, redisState },
) => {
  app.get(
    '/api/v1/system/listeners',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'listListeners',
        summary: 'Every listening address and how it does',
        tags: ['system'],
        response: { 200: Type.Object({ items: Type.Array(ref(Listener)) }) },
      },
    },
    async () => ({ items: listeners() }),
  )
  app.get(
    '/api/v1/system/nodes',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'listNodes',
        summary: 'The nodes that share the stores: roles, version, load, and what each holds',
        tags: ['system'],
        response: { 200: Type.Object({ items: Type.Array(ref(Node)) }) },
      },
    },
    async () => ({ items: nodes.list() }),
  )
  app.get(
    '/api/v1/system/storage',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'readStorage',
        summary: 'Sizes in bytes, growth, and how long the free space lasts',
        tags: ['system'],
        response: { 200: Storage },
      },
    },
    async () => {
      const [bytes, stats, disk, copied] = await Promise.all([
        registry.size(),
        telemetry.stats(),
        statfs(settings.data),
        readCopied(registry),
      ])
      const store = storeState()
      const redis = redisState()
      const { forecastDays, ...sizes } = toForecast(stats, disk.bavail * disk.bsize)
      // This machine's disk says nothing of the room that MongoDB has, and what it writes is always journalled.
      const here = store.kind === 'embedded'
      return {
        store,
        ...(copied ? { copied } : {}),
        ...(redis === undefined ? {} : { redis }),
        registry: { bytes },
        ...sizes,
        ...(here && forecastDays !== undefined ? { forecastDays } : {}),
        durability: here ? settings.durability : 'full',
      }
    },
  )
}
