import { networkInterfaces } from 'node:os'
import { Setting, SettingChanges } from '@patchbay/contracts/setting'
import { Type } from 'typebox'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const Settings = Type.Object({
  items: Type.Array(ref(Setting)),
  addresses: Type.Array(Type.String(), {
    description: 'Where this machine is reached in its networks, link-local ones left out',
  }),
})

const addressesOf = (): string[] => [
  ...new Set(
    Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).flatMap(({ internal, scopeid, address }) => (internal || (scopeid ?? 0) > 0 ? [] : [address])),
    ),
  ),
]

/** What the environment and the console have settled, and what may be changed while it runs. */
export const settingRoutes: Routes = (app, { consoleSettings }) => {
  const show = () => ({ items: consoleSettings.list(), addresses: addressesOf() })
  app.get(
    '/api/v1/system/settings',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'listSettings',
        summary: 'Every setting with its value, where it comes from, and when a change of it is in force',
        tags: ['system'],
        response: { 200: Settings },
      },
    },
    async () => show(),
  )
  app.patch(
    '/api/v1/system/settings',
    {
      config: { permission: 'system.write' },
      schema: {
        operationId: 'changeSettings',
        summary:
          'Stores settings by their names, or takes them back with null; listeners move at once and connections stay. 409 for what the environment sets',
        tags: ['system'],
        body: SettingChanges,
        response: { 200: Settings },
      },
    },
    async (request) => {
      await consoleSettings.change(request.body)
      return show()
    },
  )
}
