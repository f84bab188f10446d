import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import type { BundledPlugin } from '@patchbay/plugin-host/package'
import type { Plugin } from '@patchbay/sdk'

/** A plugin of a test as a package on disk; its code stays in the test. */
export const bundlePlugin = async (
  root: string,
  id: string,
  plugin: Plugin,
  more: Partial<PluginManifest> = {},
): Promise<BundledPlugin> => {
  const manifest: PluginManifest = {
    manifest: 1,
    id,
    name: id,
    summary: 'A plugin for tests',
    api: '^1.0.0',
    entry: 'index.ts',
    config: 'config.schema.json',
    configVersion: 1,
    instances: 'one',
    runs: 'each',
    contributes: { http: [{ prefix: `/x/${id}`, auth: 'own' }] },
    needs: {},
    isolation: { least: 'host' },
    docs: 'README.md',
    ...more,
  }
  const folder = join(root, id)
  await mkdir(folder, { recursive: true })
  const files = {
    'plugin.json': JSON.stringify(manifest),
    'package.json': JSON.stringify({ name: id, version: '1.2.3' }),
    'config.schema.json': toConfigSchemaFile(plugin),
    'index.ts': '',
    'README.md': '',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return { manifestFile: join(folder, 'plugin.json'), load: async () => ({ default: plugin }) }
}
