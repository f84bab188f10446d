import type { Plugin, PluginManifest } from '@patchbay/contracts/plugin'
import type { PluginInstalls } from '@patchbay/contracts/plugin-installs'
import type { Static } from 'typebox'

/** A plugin as REST answers it, with its manifest's own type. */
export type InstalledPlugin = Omit<Static<typeof Plugin>, 'manifest'> & { manifest?: PluginManifest }

export interface PluginList {
  items: InstalledPlugin[]
  installs: PluginInstalls
}
