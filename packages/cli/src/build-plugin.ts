import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HostError } from '@patchbay/plugin-host/errors'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import { readManifest } from '@patchbay/plugin-host/manifest/read'
import { isPlugin } from '@patchbay/sdk'
import { rolldown } from 'rolldown'

/** Where a plugin's code begins. */
const sourceEntry = 'src/index.ts'
const writeIfNew = async (file: string, text: string): Promise<void> => {
  // Not there, or not to be read: it is written then.
  const before = await readFile(file, 'utf8').catch(() => undefined)
  if (before !== text) await writeFile(file, text)
}

/** Bundles `src/index.ts` and its libraries into the one file that the manifest names as its entry, and writes config.schema.json from its fields. */
export async function buildPlugin(folder: string): Promise<void> {
  const root = resolve(folder)
  const { manifest } = await readManifest(join(root, 'plugin.json'))
  const entry = join(root, manifest.entry)
  if (entry === join(root, sourceEntry))
    throw new HostError(
      'PLUGIN_MANIFEST_INVALID',
      `plugin.json of ${manifest.id} names ${sourceEntry} as entry; name what is built of it, such as dist/index.js.`,
    )
  const bundle = await rolldown({ input: join(root, sourceEntry), cwd: root, platform: 'node', logLevel: 'silent' })
  try {
    const { output } = await bundle.write({ file: entry, format: 'esm', codeSplitting: false })
    // Another address for each content, since a module that was loaded once is not loaded again.
    const address = pathToFileURL(entry)
    address.search = createHash('sha256').update(output[0].code).digest('hex')
    const module: unknown = await import(address.href)
    const plugin: unknown = typeof module === 'object' && module !== null && 'default' in module && module.default
    if (!isPlugin(plugin))
      throw new HostError('PLUGIN_LOAD_FAILED', `The default export of ${sourceEntry} was not made by definePlugin.`)
    await writeIfNew(join(root, manifest.config), toConfigSchemaFile(plugin))
  } finally {
    await bundle.close()
  }
}
