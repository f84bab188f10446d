import type { RegistryStore } from '@patchbay/core/registry/port'
import { SettingsError } from '../settings/settings-error.ts'
import type { Nodes } from './nodes.ts'

const document = 'master-key'

/** Nodes open each other's secrets: one with another key would find none of them, and seal what the others cannot open. */
export async function refuseOtherKey(
  registry: Pick<RegistryStore, 'get' | 'put'>,
  nodes: Pick<Nodes, 'list'>,
  keyId: string,
): Promise<void> {
  const others = nodes.list().filter(({ self, state }) => !self && state === 'live')
  const known = (await registry.get('meta', document))?.body['keyId']
  if (known === keyId) return
  if (known !== undefined && others.length > 0) {
    throw new SettingsError(
      'PATCHBAY_MASTER_KEY',
      'is not the key of the nodes that run on this MongoDB',
      'give all nodes the same one (without it each makes its own in its data folder)',
    )
  }
  await registry.put('meta', document, { keyId }, 'any')
}
