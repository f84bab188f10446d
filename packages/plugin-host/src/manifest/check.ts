import { realpath } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import { isPlugin, type Plugin } from '@patchbay/sdk'
import { HostError } from '../errors.ts'
import { readJson } from './read.ts'

/** Ids that would be taken for something of the platform's own. */
const reservedIds: ReadonlySet<string> = new Set(['host'])

const assertInside = async (folder: string, field: string, relative: string, id: string): Promise<void> => {
  const root = await realpath(folder)
  let path: string
  try {
    // Links are followed first: what counts is where the file really lies.
    path = await realpath(resolve(root, relative))
  } catch (cause) {
    throw new HostError(
      'PLUGIN_FILE_MISSING',
      `plugin.json of ${id} names ${relative} as ${field}, which is not there.`,
      {
        cause,
      },
    )
  }
  if (!path.startsWith(root + sep))
    throw new HostError(
      'PLUGIN_FILE_MISSING',
      `plugin.json of ${id} names ${relative} as ${field}, which lies outside its folder.`,
    )
}

/** Everything that can be said against a package before its code runs. */
export async function checkPackage(manifest: PluginManifest, folder: string): Promise<void> {
  if (reservedIds.has(manifest.id))
    throw new HostError('PLUGIN_ID_TAKEN', `The id ${manifest.id} is the platform's own.`)
  const { entry, config, docs, icon } = manifest
  for (const [field, path] of Object.entries({ entry, config, docs, icon }))
    if (path !== undefined) await assertInside(folder, field, path, manifest.id)
  for (const { prefix } of manifest.contributes.http ?? [])
    if (!isPrefix(prefix))
      throw new HostError(
        'PLUGIN_MANIFEST_INVALID',
        `${manifest.id} claims the HTTP prefix "${prefix}", which is not well formed.`,
      )
}

/** Whole segments, none of them empty, `.` or `..`; a slash at the end does not matter. */
const isPrefix = (prefix: string): boolean => {
  const segments = prefix.replace(/\/$/, '').split('/').slice(1)
  return segments.length > 0 && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
}

const toPlainJson = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema))

/** What config.schema.json has to hold: the code's schema as JSON. The build of a plugin writes it, the host compares. */
export const toConfigSchemaFile = (plugin: Plugin): string =>
  `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...plugin.configSchema }, undefined, 2)}\n`

/** Takes the default export of a plugin's module and compares its schema with the file that was shown before it ran. */
export async function checkModule(manifest: PluginManifest, folder: string, module: unknown): Promise<Plugin> {
  const exported: unknown =
    typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (!isPlugin(exported))
    throw new HostError('PLUGIN_LOAD_FAILED', `The default export of ${manifest.id} was not made by definePlugin.`)
  await assertSchema(manifest, folder, exported)
  return exported
}

/** The schema that was shown before the code ran is the code's own. */
export async function assertSchema(
  manifest: PluginManifest,
  folder: string,
  { configSchema }: Pick<Plugin, 'configSchema'>,
): Promise<void> {
  const file = join(folder, manifest.config)
  let written: unknown
  try {
    written = await readJson(file)
  } catch (cause) {
    throw new HostError('PLUGIN_SCHEMA_DRIFT', `${manifest.config} of ${manifest.id} cannot be read.`, { cause })
  }
  const { $schema: _, ...schema } = Object(written)
  if (!isDeepStrictEqual(schema, toPlainJson(configSchema)))
    throw new HostError(
      'PLUGIN_SCHEMA_DRIFT',
      `${manifest.config} of ${manifest.id} is not what its code says. Build the plugin again.`,
    )
}
