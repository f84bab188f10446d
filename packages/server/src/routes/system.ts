import { Listener, Storage } from '@patchbay/contracts/system'
import { Type } from 'typebox'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

/** How the platform itself does. */
export const systemRoutes: Routes = (app, { listeners, registry, telemetry, settings }) => {
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
    '/api/v1/system/storage',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'readStorage',
        summary: 'Sizes in bytes and counts',
        tags: ['system'],
        response: { 200: Storage },
      },
    },
    async () => ({
      registry: { bytes: await registry.size() },
      telemetry: await telemetry.stats(),
      durability: settings.durability,
    }),
  )
}
