import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { PluginHost } from '@patchbay/plugin-host/host'
import { RestError } from '../rest/errors.ts'

/** Its instances are given records or messages to bring somewhere. */
export const isDelivering = (manifest: Pick<PluginManifest, 'contributes'> | undefined): boolean =>
  (manifest?.contributes.sinks?.length ?? 0) + (manifest?.contributes.bridges?.length ?? 0) > 0

/** The host with what belongs to sinks and bridges: what they select is checked at save, and a disabled one holds nothing back. */
export function guardSinks(plugins: PluginHost, restOf: (instance: string) => Promise<void>): PluginHost {
  const rest = async (id: string, name: string): Promise<void> => {
    if (isDelivering(plugins.plugin(id).manifest)) await restOf(`${id}/${name}`)
  }
  return {
    ...plugins,
    async put(id, name, input, expectedVersion) {
      const { select, delivery } = input
      if (select !== undefined || delivery !== undefined) {
        const field = select === undefined ? 'delivery' : 'select'
        if (!isDelivering(plugins.plugin(id).manifest))
          throw new RestError('REQUEST_INVALID', `${id} is no sink or bridge: it is given nothing to deliver.`, {
            fields: [{ path: `/${field}`, code: 'unexpected', message: 'belongs to sinks and bridges only' }],
          })
        const { checkSettings } = await import('@patchbay/core/delivery/settings')
        await checkSettings({ ...(select ? { select } : {}), ...(delivery ? { delivery } : {}) })
      }
      const instance = await plugins.put(id, name, input, expectedVersion)
      if (!instance.enabled) await rest(id, name)
      return instance
    },
    async disable(id, name) {
      const instance = await plugins.disable(id, name)
      await rest(id, name)
      return instance
    },
  }
}
