import type { RegistryStore } from '@patchbay/core/registry/port'
import type { Rules } from '@patchbay/core/rules/rules'
import type { PluginHost } from '@patchbay/plugin-host/host'
import type { DeviceEvent } from '@patchbay/core/devices/port'
import type { Domain } from '../parts/domain.ts'
import type { Change } from '../stores/mongodb/change-log.ts'

export interface FollowParts {
  registry: RegistryStore
  domain: Domain
  rules: Pick<Rules, 'reread'>
  plugins: () => Pick<PluginHost, 'reread'>
}

/** Takes over what another node changed: memory becomes what the registry is, and whoever hears of changes hears of it. */
export function createFollower({ registry, domain, rules, plugins }: FollowParts): (change: Change) => Promise<void> {
  async function credentials(ids: readonly string[] | undefined): Promise<void> {
    for (const id of ids ?? []) {
      const at = id.indexOf('/')
      const [device, credential] = [id.slice(0, at), id.slice(at + 1)]
      const body = (await registry.get('credentials', id))?.body
      const event: DeviceEvent =
        !body || body['revoked'] === true
          ? { kind: 'credential-ended', device, credential }
          : { kind: 'credentials-changed', device }
      domain.follow(event)
    }
  }

  async function ended(collection: 'api_keys' | 'provisioning_keys', ids: readonly string[] | undefined) {
    for (const id of ids ?? []) {
      const stored = await registry.get(collection, id)
      if (collection === 'api_keys' && !stored) domain.hub.endApplication(id)
      if (collection === 'provisioning_keys' && stored?.body['enabled'] !== true) domain.hub.endProvisioning(id)
    }
  }

  return async ({ collection, ids }) => {
    if (collection === 'devices') await domain.devices.follow(ids)
    else if (collection === 'credentials') await credentials(ids)
    else if (collection === 'device_types') await domain.types.follow()
    else if (collection === 'access_rules') await domain.accessRules.load()
    else if (collection === 'rules') await rules.reread(ids)
    else if (collection === 'plugin_instances') await plugins().reread(ids)
    else if (collection === 'presence') await domain.presence.reread(ids)
    else if (collection === 'alerts') for (const id of ids ?? []) await domain.alerting.alerts.heard(id)
    else if (collection === 'maintenance') await domain.alerting.maintenance.load()
    else if (collection === 'api_keys' || collection === 'provisioning_keys') await ended(collection, ids)
  }
}
