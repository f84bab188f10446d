import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { PluginHost } from '@patchbay/plugin-host/host'
import type { Log } from '@patchbay/sdk'
import type { Nodes } from './nodes.ts'

/** It must not run twice: what it brings out would be brought out twice. */
const runsOnce = ({ runs, contributes }: PluginManifest): boolean =>
  runs === 'one' || (contributes.sinks?.length ?? 0) > 0 || (contributes.bridges?.length ?? 0) > 0

/** Takes devices in. */
const isFront = ({ contributes }: PluginManifest): boolean =>
  (contributes.adapters?.length ?? 0) > 0 || contributes.http?.some(({ auth }) => auth === 'own') === true

export interface Placement {
  placeOf(plugin: string, name: string, manifest: PluginManifest): 'here' | { elsewhere: string }
  /** This node runs it, and no other can. */
  isSure(plugin: string, name: string): boolean
  forget(plugin: string, name: string): Promise<void>
}

/** Says which instances run on this node: those of its roles, and of what runs once those whose lease it holds. */
export function createPlacement(deps: { nodes: Nodes; host: () => PluginHost; log: Log }): Placement {
  const { nodes, log } = deps
  const { leases, membership } = nodes
  const { roles } = membership.self
  const wishes = new Map<string, { isSure(): boolean } | undefined>()
  const ends = new Map<string, () => Promise<void>>()
  const leaseOf = (key: string): string => `instance/${key}`

  function again(plugin: string, name: string): void {
    deps
      .host()
      .replace(plugin, name)
      .catch((err: unknown) => log.error('an instance could not be moved', { plugin, instance: name, err }))
  }

  return {
    placeOf(plugin, name, manifest) {
      if (membership.alone) return 'here'
      if (!runsOnce(manifest)) {
        if (isFront(manifest) && !roles.includes('front')) return { elsewhere: 'It runs on nodes with the role front.' }
        return 'here'
      }
      if (!roles.includes('worker')) return { elsewhere: 'It runs on a node with the role worker.' }
      const key = `${plugin}/${name}`
      if (!wishes.has(key)) {
        wishes.set(key, undefined)
        const end = leases.want(leaseOf(key), {
          held(lease) {
            wishes.set(key, lease)
            again(plugin, name)
          },
          lost() {
            wishes.set(key, undefined)
            again(plugin, name)
          },
        })
        ends.set(key, end)
      }
      if (wishes.get(key)?.isSure()) return 'here'
      const holder = leases.holderOf(leaseOf(key))
      const node = membership.nodes().find(({ id }) => id === holder)?.record
      return { elsewhere: node ? `It runs on ${node.name} (${node.address}).` : 'It waits for its place on a node.' }
    },
    isSure: (plugin, name) => membership.alone || wishes.get(`${plugin}/${name}`)?.isSure() === true,
    async forget(plugin, name) {
      const key = `${plugin}/${name}`
      const end = ends.get(key)
      wishes.delete(key)
      ends.delete(key)
      await end?.()
    },
  }
}
