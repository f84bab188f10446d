import type { Plugin } from '@patchbay/contracts/plugin'
import type { PluginHost, PluginView } from '@patchbay/plugin-host/host'
import { isHostError } from '@patchbay/plugin-host/errors'
import type { Installer } from '@patchbay/plugin-host/packages/installer'
import type { PackageRecord } from '@patchbay/plugin-host/packages/record'
import type { Static } from 'typebox'

type Shown = Static<typeof Plugin>

const keptOf = ({ current, previous, staged }: PackageRecord) => ({
  ...(current ? { release: current } : {}),
  ...(previous ? { previous: { version: previous.release.version, sha512: previous.release.sha512 } } : {}),
  ...(staged ? { staged } : {}),
})

const tierOf = ({ bundled, linked }: PluginView, record: PackageRecord | undefined): Shown['tier'] => {
  if (bundled) return 'bundled'
  return linked === true ? 'linked' : (record?.current?.tier ?? 'unsigned')
}

const toShown = ({ linked, ...view }: PluginView, record: PackageRecord | undefined): Shown => ({
  ...view,
  state: view.problem ? 'refused' : 'ready',
  tier: tierOf({ ...view, ...(linked === undefined ? {} : { linked }) }, record),
  ...(record ? keptOf(record) : {}),
})

/** One that waits for its first approval: nothing of it runs, so the host does not know it. */
const toWaiting = (record: PackageRecord): Shown | undefined =>
  record.staged && {
    id: record.id,
    version: record.staged.version,
    state: 'staged',
    bundled: false,
    tier: record.staged.tier,
    configSchema: {},
    instances: [],
    ...keptOf(record),
  }

/** Plugins as REST shows them: what the host runs, with what is kept of its package. */
export const showPlugins = (host: PluginHost, packages: Installer): Shown[] => {
  const running = host.plugins().map((view) => toShown(view, packages.record(view.id)))
  const waiting = packages
    .records()
    .filter(({ id }) => !running.some((each) => each.id === id))
    .flatMap((record) => toWaiting(record) ?? [])
  return [...running, ...waiting]
}

export const showPlugin = (host: PluginHost, packages: Installer, id: string): Shown => {
  const record = packages.record(id)
  try {
    return toShown(host.plugin(id), record)
  } catch (error) {
    const waiting = isHostError(error) && error.code === 'PLUGIN_UNKNOWN' && record ? toWaiting(record) : undefined
    if (waiting) return waiting
    throw error
  }
}
