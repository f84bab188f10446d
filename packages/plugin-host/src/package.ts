import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Deprecation, Log, Plugin } from '@patchbay/sdk'
import { toFields } from './config/schema-of-json.ts'
import { createDeprecatedUse, watchDeprecated } from './deprecated.ts'
import { HostError, type HostErrorCode, isHostError, toText } from './errors.ts'
import type { HttpDispatcher } from './http/dispatcher.ts'
import { mountsOf } from './http/mounts.ts'
import { loadIsolated } from './isolation/isolated-plugin.ts'
import { type IsolationLevel, levelOf } from './isolation/level.ts'
import { assertSchema, checkModule, checkPackage } from './manifest/check.ts'
import { assertCompatible } from './manifest/compatibility.ts'
import { readManifest } from './manifest/read.ts'

/** A plugin that comes with the platform. */
export interface BundledPlugin {
  manifestFile: string | URL
  /** False = of somebody else: its code runs in a worker at least, and `load` is not called. True by default. */
  bundled?: boolean
  load(): Promise<unknown>
}

/** Where a package comes from: bundled, or installed by an admin. */
export interface PackageSource extends BundledPlugin {
  /** Runs from its author's folder. */
  linked?: boolean
  /** What it was installed as; a manifest that says something else is not believed. */
  id?: string
  version?: string
  /** An admin has approved it at host level. */
  host?: boolean
  /** Asked before anything of it is read: a throw is what stands against it. */
  admit?(): Promise<void>
}

/** A package as it was found: usable, or with the problem that stands against it. */
export interface Package {
  id: string
  version: string
  bundled: boolean
  linked?: boolean
  manifest?: PluginManifest
  /** Where its code runs. */
  level?: IsolationLevel
  plugin?: Plugin
  problem?: { code: HostErrorCode; text: string }
  /** What it was told not to use any more; it grows while instances run. */
  deprecated?: readonly Deprecation[]
  /** Takes its HTTP prefixes (again), and gives them back. */
  claim?(): void
  release?(): void
}

const folderName = (file: string | URL): string => {
  const path = file instanceof URL || file.startsWith('file:') ? fileURLToPath(file) : file
  return basename(dirname(path))
}

export interface LoadOptions {
  apiVersion: string
  deprecations: readonly Deprecation[]
  dispatcher: HttpDispatcher
  taken(id: string): boolean
  log: Log
  pingMs?: number
}

/** Reads, checks and loads one package. Never rejects: what is wrong with it stands in `problem`. */
export async function loadPackage(source: PackageSource, options: LoadOptions): Promise<Package> {
  const found: Package = {
    id: source.id ?? folderName(source.manifestFile),
    version: source.version ?? '0.0.0',
    bundled: source.bundled ?? true,
    ...(source.linked === true ? { linked: true } : {}),
  }
  try {
    await source.admit?.()
    const { manifest, folder, version } = await readManifest(source.manifestFile)
    if (source.id !== undefined && manifest.id !== source.id)
      throw new HostError(
        'PACKAGE_CHANGED',
        `The manifest of ${source.id} names it ${manifest.id} now. Install it again.`,
      )
    if (options.taken(manifest.id))
      throw new HostError(
        'PLUGIN_ID_TAKEN',
        `Another plugin has the id ${manifest.id}; the one in ${folder} is left out.`,
      )
    Object.assign(found, { id: manifest.id, version, manifest })
    assertCompatible(manifest.id, manifest.api, options.apiVersion)
    const { log } = options
    const use = createDeprecatedUse(options.deprecations, { plugin: manifest.id, range: manifest.api, log })
    found.deprecated = use.found
    await checkPackage(manifest, folder)
    const claims = [{ prefix: `/x/${manifest.id}` }, ...mountsOf(manifest, '')]
    let give = options.dispatcher.claim(manifest.id, claims)
    found.claim = () => void (give = options.dispatcher.claim(manifest.id, claims))
    found.release = () => give()
    const level = levelOf(manifest, found.bundled || source.host === true)
    found.level = level
    if (level === 'host') {
      const plugin = await checkModule(manifest, folder, await source.load())
      // Settings of the environment are for bundled plugins; a stranger's fields say no more here than behind the boundary.
      if (!found.bundled) toFields(plugin.configSchema)
      found.plugin = watchDeprecated(plugin, use)
    } else {
      const { pingMs } = options
      const own = pingMs === undefined ? {} : { pingMs }
      const plugin = await loadIsolated({ manifest, folder, level, log, deprecated: use, ...own })
      await assertSchema(manifest, folder, plugin)
      found.plugin = plugin
    }
  } catch (error) {
    const code = isHostError(error) ? error.code : 'PLUGIN_LOAD_FAILED'
    found.problem = { code, text: toText(error) }
    // What cannot run holds no address; a bundled one keeps its own, so that nobody else sits there.
    if (!found.bundled) found.release?.()
  }
  return found
}
