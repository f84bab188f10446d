import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Plugin } from '@patchbay/sdk'
import type { BundledPlugin } from '../src/package.ts'
import { manifestOf, writePackage } from './world.ts'

/** A package of a stranger on disk: its entry is a module of the tests, which is loaded on the other side of the boundary only. */
export async function writeStranger(
  root: string,
  fixture: URL,
  plugin: Plugin,
  id: string,
  more: Partial<PluginManifest>,
): Promise<BundledPlugin> {
  const source = await writePackage(root, plugin, manifestOf(id, more))
  await writeFile(join(root, id, 'index.ts'), `export { default } from '${fileURLToPath(fixture)}'\n`)
  return {
    manifestFile: source.manifestFile,
    bundled: false,
    load: () => Promise.reject(new Error('code of a stranger was loaded into the host')),
  }
}
