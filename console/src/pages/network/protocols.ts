import type { Listener } from '@patchbay/contracts/system'
import type { InstalledPlugin } from '../../api/plugin.ts'

export interface ProtocolRow {
  plugin: string
  title: string
  instance: string
  enabled: boolean
  state: string
  /** The ports of its own that listen; all else is on the one port. */
  ports: { port: number; tls: Listener['tls']; transport: string }[]
}

/** Each protocol that devices can speak, with what listens for it beside the one port. */
export const toProtocolRows = (
  plugins: readonly Pick<InstalledPlugin, 'id' | 'manifest' | 'instances'>[],
  listeners: readonly Pick<Listener, 'name' | 'port' | 'tls' | 'state' | 'transport'>[],
): ProtocolRow[] =>
  plugins.flatMap(({ id, manifest, instances }) =>
    (manifest?.contributes.adapters ?? []).flatMap(({ name, title }) =>
      instances.map((instance) => ({
        plugin: id,
        title,
        instance: instance.name,
        enabled: instance.enabled,
        state: instance.state,
        ports: listeners
          .filter((each) => (each.name === name || each.name === `${name}s`) && each.state !== 'off')
          .map(({ port, tls, transport = 'tcp' }) => ({ port, tls, transport })),
      })),
    ),
  )
