import { enableCompileCache, findPackageJSON } from 'node:module'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import { loadIsolated } from '@patchbay/plugin-host/isolation/isolated-plugin'
import type { IsolationLevel } from '@patchbay/plugin-host/isolation/level'
import type { Log, Plugin } from '@patchbay/sdk'

export interface LevelOptions {
  isolation?: IsolationLevel
  manifest?: unknown
  entry?: URL
}

/** The plugin as the host calls it at the level that the test asks for. */
export const atLevel = async (
  plugin: Plugin,
  manifest: PluginManifest,
  { isolation = 'host', manifest: given, entry }: LevelOptions,
  log: Log,
): Promise<Plugin> => {
  if (isolation === 'host') return plugin
  const at = entry ?? (given instanceof URL ? new URL(manifest.entry, given) : undefined)
  if (!at) throw new TypeError(`A test at level ${isolation} has to name its entry.`)
  // The code of both sides is compiled once, and not again with each start.
  enableCompileCache()
  // Of its package it may read everything, as an installed one may.
  const folder = dirname(findPackageJSON(at) ?? fileURLToPath(at))
  return loadIsolated({
    manifest: { ...manifest, entry: relative(folder, fileURLToPath(at)) },
    folder,
    level: isolation,
    log,
  })
}

/** Tells each time the setup has begun. */
export const hearSetup = (plugin: Plugin, onSetup: (() => void) | undefined): Plugin =>
  onSetup === undefined
    ? plugin
    : {
        ...plugin,
        setup(ctx) {
          const running = plugin.setup(ctx)
          queueMicrotask(onSetup)
          return running
        },
      }
