import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Plugin } from '@patchbay/sdk'
import { HostError, type HostErrorCode, isHostError, toText } from './errors.ts'
import type { HttpDispatcher } from './http/dispatcher.ts'
import { mountsOf } from './http/mounts.ts'
import { checkModule, checkPackage } from './manifest/check.ts'
import { assertCompatible } from './manifest/compatibility.ts'
import { readManifest } from './manifest/read.ts'

/** A plugin that comes with the platform. */
export interface BundledPlugin {
  manifestFile: string | URL
  load(): Promise<unknown>
}

/** A package as it was found: usable, or with the problem that stands against it. */
export interface Package {
  id: string
  version: string
  bundled: boolean
  manifest?: PluginManifest
  plugin?: Plugin
  problem?: { code: HostErrorCode; text: string }
}

const folderName = (file: string | URL): string => {
  const path = file instanceof URL || file.startsWith('file:') ? fileURLToPath(file) : file
  return basename(dirname(path))
}

export interface LoadOptions {
  apiVersion: string
  dispatcher: HttpDispatcher
  taken(id: string): boolean
}

/** Reads, checks and loads one package. Never rejects: what is wrong with it stands in `problem`. */
export async function loadPackage(source: BundledPlugin, options: LoadOptions): Promise<Package> {
  const found: Package = { id: folderName(source.manifestFile), version: '0.0.0', bundled: true }
  try {
    const { manifest, folder, version } = await readManifest(source.manifestFile)
    if (options.taken(manifest.id))
      throw new HostError(
        'PLUGIN_ID_TAKEN',
        `Another plugin has the id ${manifest.id}; the one in ${folder} is left out.`,
      )
    Object.assign(found, { id: manifest.id, version, manifest })
    assertCompatible(manifest.id, manifest.api, options.apiVersion)
    await checkPackage(manifest, folder)
    options.dispatcher.claim(manifest.id, [{ prefix: `/x/${manifest.id}` }, ...mountsOf(manifest, '')])
    found.plugin = await checkModule(manifest, folder, await source.load())
  } catch (error) {
    const code = isHostError(error) ? error.code : 'PLUGIN_LOAD_FAILED'
    found.problem = { code, text: toText(error) }
  }
  return found
}
